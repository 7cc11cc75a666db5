/** Instances, and what belongs to them: spot requests, root replacements, what runs of them. */
import type { InstanceMetadataOptionsRequest, InstanceStateName, ShutdownBehavior } from '@aws-sdk/client-ec2'
import type { Cancel } from '../../clock.ts'
import type { Image } from '../images/model.ts'
import type { Zone } from '../network/zones.ts'
import type { Resource } from '../resource.ts'
import type { Attachment } from '../volumes/model.ts'
import type { Guest } from './guest.ts'

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
