/** What the account holds: instances, volumes, snapshots, images, and what all parts of EC2 share. */
import type {
  InstanceMetadataOptionsRequest,
  InstanceStateName,
  ShutdownBehavior,
  SnapshotState,
  VolumeAttachmentState,
  VolumeState,
} from '@aws-sdk/client-ec2'
import type { Cancel, Clock } from '../clock.ts'
import type { EmittedEvent, Permit } from '../wire/service.ts'
import type { Disks } from './volumes/disks.ts'
import type { Guest, GuestRunner } from './instances/guest.ts'
import type { IdSource } from './ids.ts'
import type { InstanceQuotas } from './instances/instance-quotas.ts'
import type { Collection } from './collection.ts'
import type { Consistency } from './consistency.ts'
import type { Software, Image } from './images/model.ts'
import type { Address, KeyPair, NetworkInterface, SecurityGroup, Subnet, Vpc } from './network/model.ts'
import type { Zone, Zones } from './network/zones.ts'
import type {
  CopyOrigin,
  EbsSettings,
  Encryption,
  Initialization,
  Keys,
  SnapshotLock,
  VolumeFailure,
  VolumeModification,
  VolumePerformance,
} from './ebs-model.ts'
import type { EbsQuotas } from './quotas.ts'

/** Every resource has its place in the order of creation: lists are given, and paged, in that order. */
export interface Resource {
  readonly id: string
  readonly order: number
  readonly createdMs: number
  readonly tags: Map<string, string>
}

export interface Attachment {
  readonly volume: Volume
  readonly instance: Instance
  readonly device: string
  readonly attachedMs: number
  state: VolumeAttachmentState
  deleteOnTermination: boolean
  /** When the change under way (`attaching`, `detaching`) ends; absent while it is stuck. */
  dueMs?: number
  /** Why the volume's key cannot be had: the attaching will fail (AWS facts G). */
  keyProblem?: string
}

export interface Volume extends Resource, VolumePerformance {
  readonly zone: Zone
  readonly snapshotId?: string
  readonly encryption?: Encryption
  /** Its file is there once the volume was written, or somebody needs one. */
  readonly path: string
  /** Of the image that it goes back to. */
  readonly software?: Software
  /** Snapshots of one lineage can be compared block by block (AWS facts A.3, B). */
  readonly lineage: string
  /** Snapshots that the next one may be incremental to, the newest last; some may be gone. */
  readonly history: string[]
  readonly attachments: Attachment[]
  state: VolumeState
  /** When the state `creating` or `deleting` ends. */
  dueMs?: number
  /** Why its creation will fail, if it will. */
  fails?: VolumeFailure
  initialization?: Initialization
  modification?: VolumeModification
  autoEnableIo: boolean
  lastSnapshotMs?: number
  /** Snapshots not yet completed, deleted ones included (AWS facts A.2). */
  pendingSnapshots: number
}

export interface Snapshot extends Resource {
  readonly ownerId: string
  readonly volumeId: string
  readonly sizeGiB: number
  readonly description: string
  readonly encryption?: Encryption
  /** Its file is there once it holds anything but zeros. */
  readonly path: string
  readonly lineage: string
  /** The snapshot that it is incremental to. */
  readonly parentId?: string
  readonly copyOf?: CopyOrigin
  state: SnapshotState
  stateMessage?: string
  /** When it will be, or was, completed; unknown until its blocks have been compared. */
  completesMs?: number
  /** Of the blocks that it holds. */
  fullBytes: number
  /** Deleted while pending: it goes as soon as it is completed (AWS facts A.7). */
  deleted: boolean
  /** The image that came with it, by the host's doing. */
  readonly imageId?: string
  /** Of the image that it goes back to. */
  readonly software?: Software
  /** Account ids that may use it, or `all`. */
  readonly sharedWith: Set<string>
  lock?: SnapshotLock
}

/** Snapshots that end together: `notifies` for those of a CreateSnapshots. */
export interface SnapshotSet {
  readonly members: readonly Snapshot[]
  readonly notifies: boolean
}

/** A snapshot on its way to `completed`. */
export interface PendingSnapshot {
  readonly snapshot: Snapshot
  /** The volume whose slot it takes. */
  readonly volume?: Volume
  readonly set: SnapshotSet
  /** Why it will end in error, if it will. */
  readonly failure?: string
}

export interface StateReason {
  readonly Code: string
  readonly Message: string
}

/** A change of an instance's state that ends by itself: a timer while we run, this record when we start again. */
export interface Transition {
  readonly to: 'running' | 'stopped' | 'terminated'
  readonly dueMs: number
  /** What becomes of an instance that does not come up. */
  readonly otherwise?: 'stopped' | 'terminated'
  /** Why it does not come up, where that was planned. */
  readonly fails?: StateReason
}

/** What runs of an instance: nothing that is saved. */
export interface InstanceRun {
  /** Reads of its disks under way; its guest is stopped after them. */
  readonly captures: Set<Promise<unknown>>
  /** Calls off the timer of the state change under way. */
  cancelTransition: Cancel
  /** Resolves when no guest is being started or stopped: one that is might write to disks while it cannot be paused. */
  guestChange: Promise<unknown>
  guest?: Guest
  /** Captures that want the guest paused now. */
  pauses: number
}

export interface Instance extends Resource {
  readonly reservationId: string
  readonly launchIndex: number
  /** Changes with a replacement of the root volume by an image. */
  image: Image
  type: string
  readonly zone: Zone
  readonly clientToken?: string
  readonly keyName?: string
  /** Every volume that was ever its root, the present one last (AWS facts A.16). */
  readonly rootVolumeIds: string[]
  /** False: it runs without a guest, by the host's doing. */
  readonly hasGuest?: false
  /** Those of its interfaces, in no order. */
  readonly interfaceIds: string[]
  readonly spot?: SpotTerms
  readonly tenancy: 'default'
  profile?: ProfileAssociation
  metadataOptions: InstanceMetadataOptionsRequest
  /** By device name. */
  readonly attachments: Map<string, Attachment>
  state: InstanceStateName
  /** The state change under way. */
  transition?: Transition
  /** Base64, as given. */
  userData?: string
  disableApiStop: boolean
  disableApiTermination: boolean
  shutdownBehavior: ShutdownBehavior
  stateReason?: StateReason
  transitionReason: string
  /** Of the last start. */
  launchedMs: number
  runningSinceMs?: number
  terminatedMs?: number
  /** Since when which status check fails, by the host's doing. */
  readonly impairments: Map<StatusCheck, number>
  monitored: boolean
  ebsOptimized: boolean
  enaSupport: boolean
  /** What the guest has said so far, kept when it goes. */
  console?: { readonly text: string; readonly atMs: number }
  /** When a spot interruption that was announced takes it. */
  interruptionMs?: number
}

export type StatusCheck = 'instance' | 'system' | 'ebs'

/** A request for a spot instance; it is fulfilled or refused at once. */
export interface SpotTerms extends Resource {
  readonly maxPrice?: string
  readonly instanceId: string
  readonly imageId: string
  readonly instanceType: string
  readonly zone: Zone
  state: 'active' | 'closed' | 'cancelled'
  statusCode: string
  statusMs: number
}

export interface ProfileAssociation {
  readonly id: string
  readonly arn: string
  readonly profileId: string
  readonly sinceMs: number
}

/** The next launches or starts that match find no capacity (AWS facts A.17). */
export interface CapacityTrouble {
  readonly type?: string
  readonly zone?: string
  readonly on?: 'launch' | 'start'
  readonly market?: 'spot' | 'on-demand'
  /** How many instances of a launch there is room for; 0 unless told. */
  readonly room?: number
  /** Strikes that are left. */
  left: number
}

/** A replacement of an instance's root volume (AWS facts A.16). */
export interface ReplaceRootTask extends Resource {
  readonly instanceId: string
  readonly snapshotId?: string
  readonly imageId?: string
  readonly deleteReplaced: boolean
  state: 'pending' | 'in-progress' | 'succeeded' | 'failing' | 'failed' | 'failed-detached'
  readonly replacementId: string
  dueMs?: number
  completedMs?: number
}

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

interface CaptureMember {
  readonly snapshotId: string
  readonly volumeId: string
  readonly path: string
}
export interface Capture {
  readonly instanceId?: string
  readonly snapshots: CaptureMember[]
  readonly atMs: number
}
export type CaptureObserver = (capture: Capture) => void

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
