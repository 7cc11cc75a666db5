/**
 * The inside of the embedded account's instances: real processes on this machine that run the instance's user data, find
 * its volumes as disks, and answer commands.
 */
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { GuestRunner, GuestSpec } from '../ec2/guest.ts'
import { GuestFolder } from './folder.ts'
import { BashGuest } from './guest-process.ts'
import type { GuestProcess } from './guest-process.ts'
import type { PowerAction } from './power.ts'
import type { Metadata, MetadataEndpoint } from '../metadata/metadata.ts'
import { startWarden } from './warden.ts'
import type { Warden } from './warden.ts'

export type { CommandResult } from './command.ts'
export type { GuestProcess } from './guest-process.ts'
export type { PowerAction } from './power.ts'

export interface GuestsOptions {
  readonly clock: Clock
  /** Made if absent; each guest has a folder of its instance's id in it. */
  readonly directory: string
  /** The account's endpoint, for AWS_ENDPOINT_URL; asked at each start. */
  readonly endpoint?: () => string
  /** More variables for a guest, e.g. the credentials of its instance profile; asked at each start. */
  readonly environment?: (instanceId: string) => Readonly<Record<string, string>>
  /** Answers a guest's questions about itself. Without it a guest finds no instance metadata. */
  readonly metadata?: Metadata
  /** A guest shuts itself down (`shutdown -h now` in its user data, or the end of `shutdown -h +60`). Without it nothing happens. */
  readonly onPower?: (instanceId: string, action: PowerAction) => void
}

export interface Guests extends GuestRunner {
  start(spec: GuestSpec): Promise<GuestProcess>
  /** The guest of an instance that runs now. */
  ofInstance(instanceId: string): GuestProcess | undefined
  /** The last guest of every instance that ever ran, stopped ones included. */
  all(): readonly GuestProcess[]
  /** Stops all guests. */
  close(): Promise<void>
}

/** What a guest inherits from us, and nothing else: no credentials, and no HOME in which it would find some. */
const INHERITED = ['PATH', 'LANG'] as const

function environmentOf(
  root: string,
  spec: GuestSpec,
  options: GuestsOptions,
  metadata: MetadataEndpoint | undefined,
): Record<string, string> {
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
  if (options.endpoint) environment['AWS_ENDPOINT_URL'] = options.endpoint()
  // Without an answer of ours an SDK would ask the metadata service of the machine that we run on.
  if (metadata) environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadata.endpoint
  else environment['AWS_EC2_METADATA_DISABLED'] = 'true'
  return { ...environment, ...options.environment?.(spec.instanceId) }
}

export function createGuests(options: GuestsOptions): Guests {
  const { clock } = options
  mkdirSync(options.directory, { recursive: true })
  const directory = realpathSync(options.directory)
  const guests = new Map<string, BashGuest>()
  let warden: Warden | undefined

  return {
    start(spec) {
      return clock.holding(async () => {
        if (guests.get(spec.instanceId)?.running) throw new Error(`${spec.instanceId} runs already`)
        warden ??= startWarden(directory)
        const { describe } = spec
        const metadata = describe && (await options.metadata?.serve({ ...spec, describe }))
        const folder = new GuestFolder(join(directory, spec.instanceId))
        const guest = new BashGuest(spec, {
          clock,
          folder,
          environment: environmentOf(folder.path, spec, options, metadata),
          atEnd: () => metadata?.close(),
          onPower: (action) => options.onPower?.(spec.instanceId, action),
        })
        guests.set(spec.instanceId, guest)
        try {
          await guest.boot(spec.userData)
        } catch (error) {
          await guest.stop()
          throw error
        }
        return guest
      })
    },
    ofInstance(instanceId) {
      const guest = guests.get(instanceId)
      return guest?.running ? guest : undefined
    },
    all: () => [...guests.values()],
    async close() {
      await Promise.all([...guests.values()].map((guest) => guest.stop()))
      await warden?.close()
      warden = undefined
    },
  }
}
