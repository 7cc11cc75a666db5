/** What the account holds: instances, volumes, snapshots, images, and what all parts of EC2 share. */
import type {
  IamInstanceProfile,
  InstanceMetadataOptionsRequest,
  InstanceStateName,
  ShutdownBehavior,
  SnapshotState,
  VolumeAttachmentState,
  VolumeState,
  VolumeType,
} from '@aws-sdk/client-ec2'
import type { Cancel, Clock } from '../clock.ts'
import type { EmittedEvent } from '../wire/service.ts'
import type { Disks } from './disks.ts'
import type { Guest, GuestRunner } from './guest.ts'
import type { IdSource } from './ids.ts'
import type { Network, Zone } from './network.ts'

/** Every resource has its place in the order of creation: lists are given, and paged, in that order. */
interface Resource {
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
}

/** Type and performance of a volume, checked against AWS facts A.12. */
export interface VolumePerformance {
  readonly type: VolumeType
  readonly sizeGiB: number
  readonly iops?: number
  /** MiB/s; gp3 alone. */
  readonly throughput?: number
  readonly multiAttach: boolean
}

export interface Encryption {
  readonly kmsKeyId: string
  /** Changes where the lineage of blocks breaks (AWS facts A.4). */
  readonly dataKeyId: string
}

export interface Volume extends Resource, VolumePerformance {
  readonly zone: Zone
  readonly snapshotId?: string
  readonly encryption?: Encryption
  readonly path: string
  readonly attachments: Attachment[]
  state: VolumeState
  lastSnapshotMs?: number
  /** The file's modification time at which its content was that of a snapshot: while it is the same, no block has changed. */
  cleanModifiedMs?: number
  /** Snapshots not yet completed, deleted ones included (AWS facts A.2). */
  pendingSnapshots: number
}

export interface Snapshot extends Resource {
  readonly volumeId: string
  readonly sizeGiB: number
  readonly description: string
  readonly encryption?: Encryption
  readonly path: string
  state: SnapshotState
  /** When it will be, or was, completed. */
  completesMs: number
  /** Bytes written to the volume until then. */
  fullBytes: number
  /** Deleted while pending: it goes as soon as it is completed (AWS facts A.7). */
  deleted: boolean
  /** The image that was registered with it. */
  readonly imageId?: string
}

export interface Image {
  readonly id: string
  readonly rootDeviceName: string
  readonly rootDeviceType: 'ebs' | 'instance-store'
  readonly rootSizeGiB: number
  readonly architecture: string
  readonly bootMode?: string
  readonly instanceStoreDevices: readonly string[]
  /** What its instances run at every boot. */
  readonly program?: string
  /** Absent for an instance-store root. */
  readonly rootSnapshotId?: string
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
  readonly image: Image
  readonly type: string
  readonly zone: Zone
  readonly privateIp: string
  readonly networkInterfaceId: string
  readonly clientToken?: string
  readonly profile?: IamInstanceProfile
  readonly metadataOptions: InstanceMetadataOptionsRequest
  /** By device name. */
  readonly attachments: Map<string, Attachment>
  state: InstanceStateName
  /** The state change under way. */
  transition?: Transition
  publicIp?: string
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
  impaired: boolean
}

/** A detach that never ends by itself; `attachment` is there once it was asked for. */
export interface StuckDetach {
  attachment?: Attachment
}

/** What goes wrong on purpose, by the id of the resource; each is used up as it strikes. */
interface PlannedTroubles {
  readonly failingSnapshots: Set<string>
  readonly failingCreations: Set<string>
  readonly stuckDetaches: Map<string, StuckDetach>
  readonly refusedStarts: Map<string, { readonly code: string } | 'falls-back'>
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
  readonly instances: Map<string, Instance>
  readonly volumes: Map<string, Volume>
  readonly snapshots: Map<string, Snapshot>
  readonly images: Map<string, Image>
  readonly launchTokens: Map<string, TokenUse<readonly Instance[]>>
  readonly volumeTokens: Map<string, TokenUse<Volume>>
  readonly addressesInUse: Set<string>
  readonly troubles: PlannedTroubles
  readonly counters: { order: number; ids: number; publicAddresses: number }
}

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
export interface Account extends Pick<Ec2State, 'instances' | 'volumes' | 'snapshots' | 'images' | 'troubles'> {
  readonly state: Ec2State
  readonly running: Running
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly ids: IdSource
  readonly network: Network
  readonly disks: Disks
  readonly guests: GuestRunner
  readonly emit: (event: EmittedEvent) => void
  readonly visibilityDelayMs: number
  readonly captureObservers: CaptureObserver[]
  /** For copies and shares across accounts and Regions (AWS facts A.5, A.6); undefined: nothing is there. */
  readonly elsewhere: (accountId: string, region: string) => Account | undefined
  nextOrder(): number
}
