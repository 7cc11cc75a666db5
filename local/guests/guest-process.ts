/** One guest: the processes that play the inside of an instance, from its start to its stop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, watch, writeFileSync } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as realDelay } from 'node:timers/promises'
import type { Cancel, Clock } from '../clock.ts'
import type { Guest, GuestDisk, GuestSpec } from '../ec2/guest.ts'
import { runCommand } from './command.ts'
import type { CommandOptions, CommandResult } from './command.ts'
import { GuestFolder } from './folder.ts'
import { processesOf, processesWithOpen, signalAll, stopProcesses } from './processes.ts'
import type { Belonging } from './processes.ts'

export type PowerAction = 'poweroff' | 'reboot'

export interface GuestProcess extends Guest {
  readonly instanceId: string
  readonly tags: Readonly<Record<string, string>>
  readonly privateIpAddress: string
  /** Its folder, GUEST_ROOT. */
  readonly root: string
  /** Virtual milliseconds. */
  readonly startedAtMs: number
  /** False as soon as `stop` begins. */
  readonly running: boolean
  /** Runs a bash script in the guest's root with the guest's environment. Waits for `resume` first when the guest is paused. */
  run(command: string, options: CommandOptions): Promise<CommandResult>
}

export interface GuestSurroundings {
  readonly clock: Clock
  readonly folder: GuestFolder
  readonly environment: Readonly<Record<string, string>>
  readonly onPower: (action: PowerAction) => void
}

/** How long processes may take to end by themselves after SIGTERM, in real time. */
const TERMINATION_GRACE_MS = 200
const ENDING_LIMIT_MS = 5_000
const POLL_MS = 5
const MINUTE_MS = 60_000

/** Sleeps without giving anybody else a turn. */
const sleepNow = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

export class BashGuest implements GuestProcess {
  readonly instanceId: string
  readonly tags: Readonly<Record<string, string>>
  readonly privateIpAddress: string
  readonly startedAtMs: number
  readonly #clock: Clock
  readonly #folder: GuestFolder
  readonly #environment: Readonly<Record<string, string>>
  readonly #onPower: (action: PowerAction) => void
  readonly #sessions = new Set<number>()
  #disks: readonly GuestDisk[]
  #running = true
  #stopped: Promise<void> | undefined
  #userDataEnded: Promise<unknown> = Promise.resolve()
  #pause: { stopped: readonly number[]; over: Promise<void>; end: () => void } | undefined
  #powerRequests: FSWatcher | undefined
  #cancelPower: Cancel = () => {}
  #commandCount = 0

  constructor(spec: GuestSpec, around: GuestSurroundings) {
    this.instanceId = spec.instanceId
    this.tags = spec.tags
    this.privateIpAddress = spec.privateIpAddress
    this.startedAtMs = around.clock.now()
    this.#clock = around.clock
    this.#folder = around.folder
    this.#environment = around.environment
    this.#onPower = around.onPower
    this.#disks = spec.disks
  }

  get root(): string {
    return this.#folder.path
  }

  get running(): boolean {
    return this.#running
  }

  /**
   * Boots: prepares the folder and starts the user data. Resolves when the script runs, not when it is done, but until then it
   * holds the clock: as for cloud-init, a boot is work in flight, while what the script leaves in the background is not.
   */
  async boot(userData: string | undefined): Promise<void> {
    this.#folder.boot(this.#disks)
    this.#powerRequests = watch(this.#folder.runPath, { persistent: false }, () => this.#takePowerRequest())
    this.#note('boot')
    if (userData === undefined) return
    if (!userData.startsWith('#!')) {
      this.#note('user data is not a script (#!) and is ignored')
      return
    }
    const script = join(this.root, 'var/lib/cloud/instance/user-data.txt')
    mkdirSync(join(script, '..'), { recursive: true })
    writeFileSync(script, userData, { mode: 0o700 })
    const consoleFile = openSync(this.#folder.consolePath, 'a')
    const child = spawn('/bin/bash', [script], {
      cwd: this.root,
      detached: true,
      env: this.#environment,
      stdio: ['ignore', consoleFile, consoleFile],
    })
    closeSync(consoleFile)
    if (child.pid !== undefined) this.#sessions.add(child.pid)
    this.#userDataEnded = once(child, 'exit')
    this.#userDataEnded.catch(() => {}) // the failure to start is told by `spawn` below
    await once(child, 'spawn')
    void this.#clock.holding(async () => this.#userDataEnded.catch(() => {}))
  }

  pause(): void {
    if (this.#pause || !this.#running) return
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    this.#pause = { stopped: stopProcesses(this.#belonging), over, end }
  }

  resume(): void {
    const pause = this.#pause
    if (!pause) return
    this.#pause = undefined
    signalAll(pause.stopped, 'SIGCONT')
    pause.end()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#clock.holding(() => this.#end())
    return this.#stopped
  }

  /**
   * A process that still has a detached disk open is killed before this returns: a real one would get I/O errors from then on,
   * and ours could go on writing to a volume that is not its machine's any more.
   */
  disksChanged(disks: readonly GuestDisk[]): void {
    const attached = new Set(disks.map((disk) => disk.path))
    const detached = this.#disks.filter((disk) => !attached.has(disk.path))
    this.#disks = disks
    if (!this.#running) return
    this.#folder.arrange(disks)
    for (const disk of detached) this.#killUsersOf(disk)
  }

  async run(command: string, options: CommandOptions): Promise<CommandResult> {
    while (this.#pause) await this.#pause.over
    if (!this.#running) throw new Error(`${this.instanceId} does not run`)
    this.#commandCount += 1
    return this.#clock.holding(() =>
      runCommand(command, options, {
        root: this.root,
        environment: this.#environment,
        outputFolder: join(this.#folder.runPath, 'commands', String(this.#commandCount)),
        started: (pid) => this.#sessions.add(pid),
      }),
    )
  }

  get #belonging(): Belonging {
    return { root: this.root, sessions: this.#sessions }
  }

  #note(text: string): void {
    appendFileSync(this.#folder.consolePath, `[guest] ${text}\n`)
  }

  #killUsersOf(disk: GuestDisk): void {
    const path = realpathSync(disk.path)
    const deadline = performance.now() + ENDING_LIMIT_MS
    for (;;) {
      const users = processesWithOpen(this.#belonging, path)
      if (users.length === 0) return
      if (performance.now() > deadline) throw new Error(`Processes of ${this.instanceId} keep ${disk.device}: ${users.join(', ')}`)
      this.#note(`${disk.device} (${disk.volumeId}) was detached while in use by ${users.join(', ')}`)
      signalAll(users, 'SIGKILL')
      sleepNow(POLL_MS)
    }
  }

  #takePowerRequest(): void {
    const path = join(this.#folder.runPath, 'power')
    let request: string
    try {
      request = readFileSync(path, 'utf8')
      rmSync(path)
    } catch {
      return // another file of the folder changed
    }
    const [action, minutes] = request.trim().split(' ')
    this.#note(`${action} in ${minutes} min requested`)
    this.#cancelPower()
    if (action !== 'poweroff' && action !== 'reboot') return
    // A deadline in the future is no work in flight: it must not make an idle account jump to it.
    const background = Number(minutes) > 0
    this.#cancelPower = this.#clock.after(Number(minutes) * MINUTE_MS, () => this.#onPower(action), { background })
  }

  async #end(): Promise<void> {
    this.#running = false
    this.#powerRequests?.close()
    this.#cancelPower()
    signalAll(processesOf(this.#belonging), 'SIGTERM')
    signalAll(processesOf(this.#belonging), 'SIGCONT') // a stopped process does not even notice SIGTERM
    this.resume()
    const began = performance.now()
    for (;;) {
      const left = processesOf(this.#belonging)
      if (left.length === 0) break
      const tookMs = performance.now() - began
      if (tookMs > ENDING_LIMIT_MS) throw new Error(`Processes of ${this.instanceId} do not end: ${left.join(', ')}`)
      if (tookMs > TERMINATION_GRACE_MS) signalAll(left, 'SIGKILL')
      await realDelay(POLL_MS)
    }
    await this.#userDataEnded.catch(() => {})
    this.#note('stopped')
  }
}
