/** What EC2 of one account and Region holds, and what all its parts share. */
import type { Clock } from '../clock.ts'
import type { EmittedEvent, Permit } from '../wire/service.ts'
import type { Collection } from './collection.ts'
import type { Consistency } from './consistency.ts'
import type { EbsSettings, Keys } from './keys.ts'
import type { IdSource } from './ids.ts'
import type { Image } from './images/model.ts'
import type { GuestRunner } from './instances/guest.ts'
import type { InstanceQuotas } from './instances/instance-quotas.ts'
import type { CapacityTrouble, Instance, InstanceRun, ReplaceRootTask, SpotTerms } from './instances/model.ts'
import type { Address, KeyPair, NetworkInterface, SecurityGroup, Subnet, Vpc } from './network/model.ts'
import type { Zones } from './network/zones.ts'
import type { EbsQuotas } from './quotas.ts'
import type { CaptureObserver, PendingSnapshot, Snapshot } from './snapshots/model.ts'
import type { Disks } from './volumes/disks.ts'
import type { Volume } from './volumes/model.ts'

/** What goes wrong on purpose, by the id of the resource; each is used up as it strikes. */
interface PlannedTroubles {
  readonly failingSnapshots: Set<string>
  readonly failingCreations: Set<string>
  /** `<zone>/<volume type>`: the zone has none of them. */
  readonly missingVolumeTypes: Set<string>
  /** Zones without room for another volume. */
  readonly exhaustedZones: Set<string>
  readonly stuckDetaches: Set<string>
  readonly refusedStarts: Map<string, { readonly code: string } | 'falls-back'>
  readonly capacity: Set<CapacityTrouble>
  /** StateReason codes of the launches to come. */
  readonly failingLaunches: string[]
  /** ARNs of keys that EBS finds inaccessible, and how often still. */
  readonly failingKeys: Map<string, number>
  /** How late EC2 is by the host's doing. */
  readonly lateness: Partial<Consistency>
  /** Replacements of the root volume of these instances fail. */
  readonly failingRootReplacements: Map<string, 'failed' | 'failed-detached'>
}

/** EC2 of the other accounts and Regions of this process: what AWS lets one of them see of another. */
export interface Neighbours {
  register(account: Account): void
  /** undefined: nothing has ever been called there, so nothing is there. */
  find(accountId: string, region: string): Account | undefined
  /** All of one Region. */
  inRegion(region: string): Iterable<Account>
}

/** What a client token made, and of which request. */
export interface TokenUse<Made> {
  readonly request: string
  readonly made: Made
}

/**
 * All that EC2 remembers: plain data, structured-cloneable, saved and restored as it is (`local/durability.ts`). Deadlines of
 * what is under way are in it.
 */
export interface Ec2State {
  readonly instances: Collection<Instance>
  readonly volumes: Collection<Volume>
  readonly snapshots: Collection<Snapshot>
  readonly images: Collection<Image>
  readonly vpcs: Collection<Vpc>
  readonly subnets: Collection<Subnet>
  readonly securityGroups: Collection<SecurityGroup>
  readonly interfaces: Collection<NetworkInterface>
  readonly addresses: Collection<Address>
  readonly keyPairs: Collection<KeyPair>
  readonly rootTasks: Collection<ReplaceRootTask>
  readonly spotRequests: Collection<SpotTerms>
  readonly pendingSnapshots: Set<PendingSnapshot>
  readonly ebs: EbsSettings
  readonly launchTokens: Map<string, TokenUse<readonly Instance[]>>
  readonly interfaceTokens: Map<string, TokenUse<string>>
  readonly rootTaskTokens: Map<string, TokenUse<string>>
  readonly volumeTokens: Map<string, TokenUse<Volume>>
  readonly imageTokens: Map<string, TokenUse<string>>
  /** `<VPC id>/<address>` */
  readonly privateAddresses: Set<string>
  readonly troubles: PlannedTroubles
  readonly counters: { order: number; ids: number; publicAddresses: number }
}

export type CollectionName =
  | 'addresses'
  | 'images'
  | 'instances'
  | 'interfaces'
  | 'keyPairs'
  | 'rootTasks'
  | 'securityGroups'
  | 'snapshots'
  | 'spotRequests'
  | 'subnets'
  | 'volumes'
  | 'vpcs'

/** What only runs: promises, timers, guests. Made anew from the state when a saved account goes on. */
interface Running {
  /** By instance id; see `runOf`. */
  readonly instances: Map<string, InstanceRun>
  /** By volume id, while it is `creating`: whether it became `available`. */
  readonly volumeCreations: Map<string, Promise<boolean>>
}

/** What runs of this instance. */
export function runOf({ running }: Account, { id }: Instance): InstanceRun {
  const present = running.instances.get(id)
  if (present) return present
  const run: InstanceRun = {
    captures: new Set(),
    cancelTransition: () => {},
    guestChange: Promise.resolve(),
    pauses: 0,
  }
  running.instances.set(id, run)
  return run
}

/** The collections of the state are here under their own names too: a restored state is filled into the same maps. */
export interface Account extends Pick<Ec2State, CollectionName | 'troubles'> {
  readonly state: Ec2State
  readonly running: Running
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly ids: IdSource
  readonly zones: Zones
  /** The host may raise them. */
  quotas: InstanceQuotas & EbsQuotas
  /** How late EC2 is (AWS facts A.19); the host may change it. */
  consistency: Consistency
  readonly profileOf: (nameOrArn: string) => { readonly arn: string; readonly id: string } | undefined
  readonly disks: Disks
  readonly guests: GuestRunner
  readonly emit: (event: EmittedEvent) => void
  readonly captureObservers: CaptureObserver[]
  /** For copies and shares across accounts and Regions (AWS facts A.5, A.6); undefined: nothing is there. */
  readonly elsewhere: (accountId: string, region: string) => Account | undefined
  /** EC2 of all accounts of a Region, this one included. */
  readonly accountsIn: (region: string) => readonly Account[]
  readonly keys: Keys
  /** Asks IAM for what EBS does with keys in the caller's name. */
  readonly permit?: Permit
  nextOrder(): number
}
