/**
 * The inside of the embedded account's instances: real processes on this machine that run the instance's user data, find
 * its volumes as disks, and answer commands.
 */
import { mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { GuestRunner, GuestSpec } from '../ec2/instances/guest.ts'
import type { Metadata, MetadataEndpoint } from '../metadata/metadata.ts'
import { GuestFolder } from './folder.ts'
import { BashGuest } from './guest-process.ts'
import type { GuestProcess } from './guest-process.ts'
import { openHostLine } from './host-line.ts'
import type { HostLine } from './host-line.ts'
import { startWarden } from './warden.ts'
import type { Warden } from './warden.ts'

export type { CommandResult } from './command.ts'
export type { GuestProcess } from './guest-process.ts'

/** What a status check would find: whether the machine answers, and whether the host below it does. */
export type GuestHealth = 'ok' | 'instance impaired' | 'system impaired'

export interface GuestsOptions {
  readonly clock: Clock
  /** Made if absent; each guest has a folder of its instance's id in it, which it finds again when it starts the next time. */
  readonly directory: string
  /** The account's endpoint, for AWS_ENDPOINT_URL; asked at each start. */
  readonly endpoint?: () => string
  /** More variables for a guest; asked at each start. */
  readonly environment?: (instanceId: string) => Readonly<Record<string, string>>
  /** Answers a guest's questions about itself. Without it a guest finds no instance metadata. */
  readonly metadata?: Metadata
  /** A guest powers itself off (`shutdown -h now` in its user data, or the end of `shutdown -h +60`). Without it nothing happens. */
  readonly onPowerOff?: (instanceId: string) => void
  /** Status checks have found that a guest was killed, or that its instance is well again. */
  readonly onHealth?: (instanceId: string, health: GuestHealth) => void
}

export interface Guests extends GuestRunner {
  start(spec: GuestSpec): Promise<GuestProcess>
  /** The guest of an instance that runs now. */
  ofInstance(instanceId: string): GuestProcess | undefined
  /** The last guest of every instance that ever ran, stopped ones included. */
  all(): readonly GuestProcess[]
  /** The end of what an instance has printed so far, at most 64 KiB; undefined for one that never ran. */
  console(instanceId: string): string | undefined
  /**
   * Kills a guest as a kernel panic does (`panic`), or the failure of its host: at once, with nothing flushed. Its instance stays
   * `running`; status checks find it after a while. It comes back with a reboot, or a stop and a start.
   *
   * @throws Error when no such guest runs
   */
  kill(instanceId: string, cause?: 'panic' | 'host failure'): Promise<void>
  /** Stops all guests. */
  close(): Promise<void>
}

/** What a guest inherits from us, and nothing else: no credentials, and no HOME in which it would find some. */
const INHERITED = ['PATH', 'LANG'] as const
const CONSOLE_LIMIT_BYTES = 64 * 1024
/** A status check runs every minute, and fails when it has twice had no answer. */
const CHECKED_AFTER_MS = 2 * 60_000

interface Surroundings {
  readonly root: string
  readonly hostPort: number
  readonly wardenMark: string
  readonly metadata: MetadataEndpoint | undefined
}

function environmentOf(spec: GuestSpec, options: GuestsOptions, around: Surroundings): Record<string, string> {
  const { root, hostPort, wardenMark, metadata } = around
  const environment: Record<string, string> = {}
  for (const name of INHERITED) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  environment['PATH'] = `${join(root, 'bin')}:${environment['PATH'] ?? '/usr/bin:/bin'}`
  environment['HOME'] = join(root, 'root')
  environment['TMPDIR'] = join(root, 'tmp')
  environment['GUEST_ROOT'] = root
  environment['GUEST_INSTANCE_ID'] = spec.instanceId
  environment['GUEST_HOST_PORT'] = String(hostPort)
  environment['GUEST_WARDEN'] = wardenMark
  if (options.endpoint) environment['AWS_ENDPOINT_URL'] = options.endpoint()
  // Without an answer of ours an SDK would ask the metadata service of the machine that we run on.
  if (metadata) environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadata.endpoint
  else environment['AWS_EC2_METADATA_DISABLED'] = 'true'
  return { ...environment, ...options.environment?.(spec.instanceId) }
}

class GuestHost implements Guests {
  readonly #options: GuestsOptions
  readonly #directory: string
  readonly #guests = new Map<string, BashGuest>()
  #warden: Warden | undefined
  #line: Promise<HostLine> | undefined

  constructor(options: GuestsOptions) {
    this.#options = options
    mkdirSync(options.directory, { recursive: true })
    this.#directory = realpathSync(options.directory)
  }

  start(spec: GuestSpec): Promise<GuestProcess> {
    return this.#options.clock.holding(() => this.#start(spec))
  }

  async #start(spec: GuestSpec): Promise<GuestProcess> {
    const { clock, onPowerOff, onHealth } = this.#options
    const { instanceId, describe } = spec
    const before = this.#guests.get(instanceId)
    if (before?.running) throw new Error(`${instanceId} runs already`)
    if (before?.hasCrashed) onHealth?.(instanceId, 'ok')
    this.#warden ??= startWarden(this.#directory)
    this.#line ??= openHostLine(
      async (id, words, gone) => this.#guests.get(id)?.answer(words, gone) ?? 'there is no such machine',
    )
    const folder = new GuestFolder(join(this.#directory, instanceId))
    const { port: hostPort } = await this.#line
    const metadata = describe && (await this.#options.metadata?.serve({ ...spec, describe }))
    const around = { root: folder.path, hostPort, wardenMark: this.#warden.mark, metadata }
    const guest = new BashGuest(spec, {
      clock,
      folder,
      environment: environmentOf(spec, this.#options, around),
      onPowerOff: () => onPowerOff?.(instanceId),
      onReboot: () => onHealth?.(instanceId, 'ok'),
      atEnd: () => metadata?.close(),
    })
    this.#guests.set(instanceId, guest)
    try {
      await guest.boot()
    } catch (error) {
      await guest.stop()
      throw error
    }
    return guest
  }

  ofInstance(instanceId: string): GuestProcess | undefined {
    const guest = this.#guests.get(instanceId)
    return guest?.running ? guest : undefined
  }

  all(): readonly GuestProcess[] {
    return [...this.#guests.values()]
  }

  console(instanceId: string): string | undefined {
    try {
      const text = readFileSync(new GuestFolder(join(this.#directory, instanceId)).consolePath)
      return text.subarray(-CONSOLE_LIMIT_BYTES).toString()
    } catch {
      return undefined
    }
  }

  async kill(instanceId: string, cause: 'panic' | 'host failure' = 'panic'): Promise<void> {
    const guest = this.#guests.get(instanceId)
    if (!guest?.running) throw new Error(`No guest of ${instanceId} runs.`)
    await guest.crash()
    const { clock, onHealth } = this.#options
    const find = (): void => {
      if (guest.hasCrashed && this.#guests.get(instanceId) === guest)
        onHealth?.(instanceId, cause === 'panic' ? 'instance impaired' : 'system impaired')
    }
    clock.after(CHECKED_AFTER_MS, find, { background: true })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#guests.values()].map((guest) => guest.stop()))
    await this.#warden?.close()
    this.#warden = undefined
    ;(await this.#line)?.close()
    this.#line = undefined
  }
}

export const createGuests = (options: GuestsOptions): Guests => new GuestHost(options)
