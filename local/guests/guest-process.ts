/** One guest: the processes that play the inside of an instance, from its start to its stop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, openSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as realDelay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Guest, GuestDisk, GuestSpec } from '../ec2/instances/guest.ts'
import { scriptsOfBoot } from './cloud-init.ts'
import { runCommand } from './command.ts'
import type { CommandOptions, CommandResult } from './command.ts'
import { durationMs } from './duration.ts'
import type { GuestFolder } from './folder.ts'
import { Freezes } from './freezes.ts'
import { Power } from './power.ts'
import type { PowerAction } from './power.ts'
import { GuestProcesses, foregroundSession } from './processes.ts'
import { fileLimitKiB, raiseFileLimit, trim, withFileLimit } from './sizes.ts'
import { GuestWork } from './work.ts'

export interface GuestProcess extends Guest {
  readonly instanceId: string
  /** What EC2 started it with. */
  readonly spec: GuestSpec
  /** Its folder, GUEST_ROOT. */
  readonly root: string
  /** Virtual milliseconds. */
  readonly startedAtMs: number
  /** When it stopped, crashed or began to reboot, in virtual milliseconds; undefined while it runs. */
  readonly endedAtMs: number | undefined
  /** Until it boots again. */
  readonly hasCrashed: boolean
  /** False as soon as `stop` begins, while it reboots, and after a crash. */
  readonly running: boolean
  /**
   * Runs a bash script in the guest's root with the guest's environment. Waits for `resume` first when the guest is paused.
   *
   * @throws Error when the guest does not run, or has no such working directory
   */
  run(command: string, options: CommandOptions): Promise<CommandResult>
}

export interface GuestSurroundings {
  readonly clock: Clock
  readonly folder: GuestFolder
  readonly environment: Readonly<Record<string, string>>
  readonly onPowerOff: () => void
  /** A reboot has begun that heals a crash. */
  readonly onReboot: () => void
  /** Called when nothing of the guest runs any more and nothing will. */
  readonly atEnd: () => Promise<void> | undefined
}

/** How long processes may take to end by themselves after SIGTERM, in real time. */
const TERMINATION_GRACE_MS = 200
const ENDING_LIMIT_MS = 5_000
const POLL_MS = 2
/** From the end of the processes to the next boot of a machine that reboots. */
const REBOOT_MS = 10_000
/** Runs scripts one after the other; the exit code of one that fails is left on the console, as cloud-init leaves it. */
const RUN_SCRIPTS =
  'for script; do "$script"; code=$?; ((code)) && echo "[guest] ${script#"$GUEST_ROOT"/} ended with exit code $code"; done'

interface Pause {
  readonly over: Promise<void>
  readonly end: () => void
}

export class BashGuest implements GuestProcess {
  readonly spec: GuestSpec
  readonly #around: GuestSurroundings
  readonly #processes: GuestProcesses
  readonly #work: GuestWork
  readonly #freezes: Freezes
  readonly #power: Power
  #disks: readonly GuestDisk[]
  /** As far as every process may write; disks grow by themselves. */
  #fileLimitKiB: number
  #startedAtMs: number
  #endedAtMs: number | undefined
  #state: 'running' | 'rebooting' | 'crashed' | 'stopped' = 'running'
  #ending: Promise<void> | undefined
  #bootEnded: Promise<unknown> = Promise.resolve()
  #pause: Pause | undefined
  #hasCrashed = false
  #commandCount = 0

  constructor(spec: GuestSpec, around: GuestSurroundings) {
    const { clock, folder } = around
    this.spec = spec
    this.#around = around
    this.#processes = new GuestProcesses(folder.path)
    this.#work = new GuestWork(clock)
    this.#freezes = new Freezes(folder.path, this.#processes)
    this.#power = new Power(clock, (action) => this.#actOnPower(action))
    this.#disks = spec.disks
    this.#fileLimitKiB = fileLimitKiB(spec.disks)
    this.#startedAtMs = clock.now()
  }

  get instanceId(): string {
    return this.spec.instanceId
  }

  get root(): string {
    return this.#around.folder.path
  }

  get startedAtMs(): number {
    return this.#startedAtMs
  }

  get endedAtMs(): number | undefined {
    return this.#endedAtMs
  }

  get running(): boolean {
    return this.#state === 'running'
  }

  get hasCrashed(): boolean {
    return this.#hasCrashed
  }

  /**
   * Boots: prepares the folder and starts the scripts of a boot. Resolves when they run, not when they are done, but until then
   * they hold the clock: a boot is work in flight, while what a script leaves in the background is not.
   */
  async boot(): Promise<void> {
    const { clock, folder } = this.#around
    this.#startedAtMs = clock.now()
    this.#endedAtMs = undefined
    folder.boot(this.#disks)
    this.#note('boot')
    const scripts = scriptsOfBoot(this.root, this.spec, (text) => this.#note(text))
    if (scripts.length > 0) await this.#startScripts(scripts)
  }

  async #startScripts(scripts: readonly string[]): Promise<void> {
    const { folder, environment } = this.#around
    const consoleFile = openSync(folder.consolePath, 'a')
    const child = spawn('/bin/bash', ['-c', `${withFileLimit(this.#disks)}${RUN_SCRIPTS}`, 'boot', ...scripts], {
      cwd: this.root,
      detached: true,
      env: environment,
      stdio: ['ignore', consoleFile, consoleFile],
    })
    closeSync(consoleFile)
    if (child.pid !== undefined) this.#processes.addSession(child.pid)
    const ended = once(child, 'exit').catch(() => {}) // `spawn`, next, tells of a failure to start
    await once(child, 'spawn')
    this.#bootEnded = ended
    void this.#work.during(child.pid, ended)
  }

  pause(): void {
    if (this.#pause || this.#state === 'stopped') return
    this.#freezes.lookAgain()
    const proceed = this.#processes.stopAll()
    this.#trim(this.#disks)
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
    if (this.#state !== 'stopped') {
      this.#state = 'stopped'
      const before = this.#ending ?? Promise.resolve()
      this.resume()
      this.#ending = this.#around.clock.holding(async () => {
        await before
        await this.#endProcesses('SIGTERM')
        await this.#around.atEnd()
        this.#note('stopped')
      })
    }
    return this.#ending ?? Promise.resolve()
  }

  /** As `reboot` in the guest and RebootInstances do it: the machine stays where it is and boots again. */
  reboot(): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'rebooting') return this.#ending ?? Promise.resolve()
    const { clock, onReboot } = this.#around
    if (this.#hasCrashed) onReboot()
    this.#hasCrashed = false
    this.#state = 'rebooting'
    const before = this.#ending ?? Promise.resolve()
    this.#ending = clock.holding(async () => {
      await before
      await this.#endProcesses('SIGTERM')
    })
    void this.#ending.then(() => clock.after(REBOOT_MS, () => void clock.holding(() => this.#bootAgain())))
    return this.#ending
  }

  async #bootAgain(): Promise<void> {
    while (this.#pause) await this.#pause.over
    if (this.#state !== 'rebooting') return
    this.#state = 'running'
    try {
      await this.boot()
    } catch (error) {
      this.#note(String(error))
      await this.crash()
    }
  }

  /** As a kernel panic: everything is gone at once, nothing is flushed, and the machine stays on. Resolves when nothing runs. */
  crash(): Promise<void> {
    if (!this.running) return this.#ending ?? Promise.resolve()
    this.#state = 'crashed'
    this.#hasCrashed = true
    this.resume()
    this.#note('Kernel panic - not syncing')
    this.#ending = this.#around.clock.holding(() => this.#endProcesses('SIGKILL'))
    return this.#ending
  }

  /**
   * A process that still has a detached disk open is killed before this returns: a real one would get I/O errors from then on,
   * and ours could go on writing to a volume that is not its machine's any more. The disks' files must still exist.
   */
  disksChanged(disks: readonly GuestDisk[]): void {
    const attached = new Set(disks.map((disk) => disk.path))
    const detached = this.#disks.filter((disk) => !attached.has(disk.path))
    const wasKiB = this.#fileLimitKiB
    this.#fileLimitKiB = fileLimitKiB(disks)
    this.#disks = disks
    if (!this.running) return
    this.#around.folder.arrange(disks)
    if (this.#fileLimitKiB > wasKiB) raiseFileLimit(this.#processes.list(), this.#fileLimitKiB)
    for (const disk of detached) {
      const killed = this.#processes.killUsersOf(realpathSync(disk.path))
      if (killed.length > 0)
        this.#note(`${disk.device} (${disk.volumeId}) was detached while in use by ${killed.join(', ')}`)
    }
    if (detached.length > 0) this.#around.folder.sweep()
    this.#trim(detached)
  }

  async run(command: string, options: CommandOptions): Promise<CommandResult> {
    while (this.#pause) await this.#pause.over
    if (!this.running) throw new Error(`${this.instanceId} does not run`)
    const { clock, folder, environment } = this.#around
    this.#commandCount += 1
    return runCommand(command, options, {
      clock,
      root: this.root,
      environment,
      prelude: withFileLimit(this.#disks),
      outputFolder: join(folder.runPath, 'commands', String(this.#commandCount)),
      started: (pid, ended) => {
        this.#processes.addSession(pid)
        void this.#work.during(pid, ended).catch(() => {})
      },
    })
  }

  /** Answers a request of one of the guest's own programs, see `bin/`. */
  async answer(words: readonly string[], gone: AbortSignal): Promise<string> {
    while (this.#pause) await this.#pause.over
    if (!this.running) return 'the machine has ended'
    const [verb = '', ...rest] = words
    switch (verb) {
      case 'sleep':
        return this.#sleep(rest, gone)
      case 'power':
        this.#note(`${rest[0]} in ${rest[1]} min requested`)
        this.#power.request(rest[0], Number(rest[1]))
        return 'ok'
      case 'freeze':
        return this.#freezes.freeze(rest[1] ?? '', Number(rest[0]))
      case 'thaw':
        return this.#freezes.thaw(rest[1] ?? '')
      default:
        return `unknown request ${verb}`
    }
  }

  async #sleep([sleeper, ...durations]: readonly string[], gone: AbortSignal): Promise<string> {
    const delayMs = durationMs(durations)
    if (delayMs === undefined) return `invalid time interval '${durations.join(' ')}'`
    await this.#work.sleep(delayMs, foregroundSession(Number(sleeper)), gone)
    return 'ok'
  }

  #actOnPower(action: PowerAction): void {
    if (action === 'reboot') void this.reboot()
    else this.#around.onPowerOff()
  }

  #note(text: string): void {
    appendFileSync(this.#around.folder.consolePath, `[guest] ${text}\n`)
  }

  #trim(disks: readonly GuestDisk[]): void {
    for (const { device, volumeId } of trim(disks)) this.#note(`write past the end of ${device} (${volumeId})`)
  }

  async #endProcesses(first: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#endedAtMs ??= this.#around.clock.now()
    this.#power.cancel()
    this.#freezes.clear()
    this.#processes.signal(first)
    this.#processes.signal('SIGCONT') // a stopped process does not even notice SIGTERM
    const began = performance.now()
    while (this.#processes.list().length > 0) {
      const tookMs = performance.now() - began
      if (tookMs > ENDING_LIMIT_MS)
        throw new Error(`Processes of ${this.instanceId} do not end: ${this.#processes.list().join(', ')}`)
      if (tookMs > TERMINATION_GRACE_MS || first === 'SIGKILL') this.#processes.signal('SIGKILL')
      await realDelay(POLL_MS)
    }
    await this.#bootEnded
    this.#trim(this.#disks)
  }
}
