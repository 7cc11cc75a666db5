/** One guest: the processes that play the inside of an instance, from its start to its stop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as realDelay } from 'node:timers/promises'
import type { Cancel, Clock } from '../clock.ts'
import type { Guest, GuestDisk, GuestSpec } from '../ec2/guest.ts'
import { runCommand } from './command.ts'
import type { CommandOptions, CommandResult } from './command.ts'
import type { GuestFolder } from './folder.ts'
import { takePowerRequests } from './power.ts'
import type { PowerAction } from './power.ts'
import { GuestProcesses } from './processes.ts'

export interface GuestProcess extends Guest {
  readonly instanceId: string
  /** As they were when the instance started. */
  readonly tags: Readonly<Record<string, string>>
  readonly privateIpAddress: string
  /** Its folder, GUEST_ROOT. */
  readonly root: string
  /** Virtual milliseconds. */
  readonly startedAtMs: number
  /** False as soon as `stop` begins. */
  readonly running: boolean
  /**
   * Runs a bash script in the guest's root with the guest's environment. Waits for `resume` first when the guest is paused.
   *
   * @throws Error when the guest does not run, or has no such working directory
   */
  run(command: string, options: CommandOptions): Promise<CommandResult>
  /** Crashes the machine: nothing of it runs one more instruction. Nobody is told. Resolves when nothing is left. */
  kill(): Promise<void>
}

export interface GuestSurroundings {
  readonly clock: Clock
  readonly folder: GuestFolder
  readonly environment: Readonly<Record<string, string>>
  readonly onPower: (action: PowerAction) => void
  /** Called when nothing of the guest runs any more. */
  readonly atEnd: () => Promise<void> | undefined
}

/** How long processes may take to end by themselves after SIGTERM, in real time. */
const TERMINATION_GRACE_MS = 200
const ENDING_LIMIT_MS = 5_000
const POLL_MS = 5

interface Pause {
  readonly over: Promise<void>
  readonly end: () => void
}

export class BashGuest implements GuestProcess {
  readonly instanceId: string
  readonly tags: Readonly<Record<string, string>>
  readonly privateIpAddress: string
  readonly startedAtMs: number
  readonly #around: GuestSurroundings
  readonly #processes: GuestProcesses
  #disks: readonly GuestDisk[]
  #running = true
  #stopped: Promise<void> | undefined
  #userDataEnded: Promise<unknown> = Promise.resolve()
  #pause: Pause | undefined
  #ignorePowerRequests: Cancel = () => {}
  #commandCount = 0

  constructor(spec: GuestSpec, around: GuestSurroundings) {
    this.instanceId = spec.instanceId
    this.tags = spec.tags
    this.privateIpAddress = spec.privateIpAddress
    this.startedAtMs = around.clock.now()
    this.#around = around
    this.#processes = new GuestProcesses(around.folder.path)
    this.#disks = spec.disks
  }

  get root(): string {
    return this.#around.folder.path
  }

  get running(): boolean {
    return this.#running
  }

  /**
   * Boots: prepares the folder and starts the user data. Resolves when the script runs, not when it is done, but until then it
   * holds the clock: as for cloud-init, a boot is work in flight, while what the script leaves in the background is not.
   */
  async boot(userData: string | undefined): Promise<void> {
    const { clock, folder, onPower } = this.#around
    folder.boot(this.#disks)
    this.#ignorePowerRequests = takePowerRequests(clock, folder.runPath, (text) => this.#note(text), onPower)
    this.#note('boot')
    if (userData === undefined) return
    if (userData.startsWith('#!')) await this.#startUserData(userData)
    else this.#note('user data is not a script (#!) and is ignored')
  }

  async #startUserData(userData: string): Promise<void> {
    const { clock, folder, environment } = this.#around
    const script = join(this.root, 'var/lib/cloud/instance/user-data.txt')
    mkdirSync(join(script, '..'), { recursive: true })
    writeFileSync(script, userData, { mode: 0o700 })
    const consoleFile = openSync(folder.consolePath, 'a')
    const child = spawn('/bin/bash', [script], {
      cwd: this.root,
      detached: true,
      env: environment,
      stdio: ['ignore', consoleFile, consoleFile],
    })
    closeSync(consoleFile)
    if (child.pid !== undefined) this.#processes.addSession(child.pid)
    const ended = once(child, 'exit').catch(() => {}) // `spawn`, next, tells of a failure to start
    await once(child, 'spawn')
    this.#userDataEnded = ended
    void clock.holding(() => ended)
  }

  pause(): void {
    if (this.#pause || !this.#running) return
    const proceed = this.#processes.stopAll()
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const end = (): void => {
      proceed()
      resolve()
    }
    this.#pause = { over, end }
  }

  resume(): void {
    const pause = this.#pause
    this.#pause = undefined
    pause?.end()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#around.clock.holding(() => this.#end())
    return this.#stopped
  }

  kill(): Promise<void> {
    this.#processes.signal('SIGKILL')
    return this.stop()
  }

  /**
   * A process that still has a detached disk open is killed before this returns: a real one would get I/O errors from then on,
   * and ours could go on writing to a volume that is not its machine's any more. The disks' files must still exist.
   */
  disksChanged(disks: readonly GuestDisk[]): void {
    const attached = new Set(disks.map((disk) => disk.path))
    const detached = this.#disks.filter((disk) => !attached.has(disk.path))
    this.#disks = disks
    if (!this.#running) return
    this.#around.folder.arrange(disks)
    for (const disk of detached) {
      const killed = this.#processes.killUsersOf(realpathSync(disk.path))
      if (killed.length > 0)
        this.#note(`${disk.device} (${disk.volumeId}) was detached while in use by ${killed.join(', ')}`)
    }
  }

  async run(command: string, options: CommandOptions): Promise<CommandResult> {
    while (this.#pause) await this.#pause.over
    if (!this.#running) throw new Error(`${this.instanceId} does not run`)
    const { clock, folder, environment } = this.#around
    this.#commandCount += 1
    return clock.holding(() =>
      runCommand(command, options, {
        root: this.root,
        environment,
        outputFolder: join(folder.runPath, 'commands', String(this.#commandCount)),
        started: (pid) => this.#processes.addSession(pid),
      }),
    )
  }

  #note(text: string): void {
    appendFileSync(this.#around.folder.consolePath, `[guest] ${text}\n`)
  }

  async #end(): Promise<void> {
    this.#running = false
    this.#ignorePowerRequests()
    this.#processes.signal('SIGTERM')
    this.#processes.signal('SIGCONT') // a stopped process does not even notice SIGTERM
    this.resume()
    const began = performance.now()
    while (this.#processes.list().length > 0) {
      const tookMs = performance.now() - began
      if (tookMs > ENDING_LIMIT_MS)
        throw new Error(`Processes of ${this.instanceId} do not end: ${this.#processes.list().join(', ')}`)
      if (tookMs > TERMINATION_GRACE_MS) this.#processes.signal('SIGKILL')
      await realDelay(POLL_MS)
    }
    await this.#userDataEnded
    await this.#around.atEnd()
    this.#note('stopped')
  }
}
