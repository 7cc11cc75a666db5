/** The account owner's hands: what no API shows. */
import type { VolumeType } from '@aws-sdk/client-ec2'
import { endDetach } from './volumes/attachments.ts'
import type { Consistency } from './consistency.ts'
import { loadFleet } from './host-fleet.ts'
import type { FleetDescription } from './host-fleet.ts'
import { INSTANCE, SNAPSHOT, VOLUME, findAny } from './ids.ts'
import { registerImage } from './images/host-images.ts'
import type { ImageRegistration } from './images/host-images.ts'
import { interrupt } from './instances/instance-states.ts'
import { endByGuest } from './instances/instances.ts'
import type { Account } from './model.ts'
import type { CapacityTrouble, StatusCheck } from './instances/model.ts'
import type { CaptureObserver } from './snapshots/model.ts'
import type { Volume } from './volumes/model.ts'
import { setHostTags } from './tags.ts'

export interface Ec2Host {
  /** The sparse file that is the volume. @throws AwsError InvalidVolume.NotFound */
  volumePath(volumeId: string): string
  /** The sparse file that is the snapshot. @throws AwsError InvalidSnapshot.NotFound */
  snapshotPath(snapshotId: string): string
  /** An AMI to launch from. An EBS root comes from a snapshot of an empty sparse file of `rootSizeGiB`. */
  registerImage(image: ImageRegistration): void
  /**
   * Adds machines that run since now, spread over the zones of the default VPC, each of a reservation of its own: without
   * guests, also after a start, and without files until somebody writes to a disk. No event tells of them; quotas grow by what
   * they take. Returns their ids.
   * @throws AwsError for an image, type or disk that RunInstances would refuse too, InsufficientFreeAddressesInSubnet
   */
  loadFleet(fleet: FleetDescription): string[]
  /** Called synchronously at the instant of each capture, while guests are paused, with the paths of the frozen bytes. */
  observeCapture(observer: CaptureObserver): void
  /** The next snapshot of this volume ends in error, and with it its whole set. */
  failSnapshot(volumeId: string): void
  /** The next volume made from this snapshot ends in state `error`. */
  failVolumeCreation(snapshotId: string): void
  /** The zone has no volumes of this type, or no room for another volume of any type, until told otherwise. */
  lackVolumes(zone: string, lacks: boolean, type?: VolumeType): void
  /** The next detach of this volume stays `detaching` (`busy` on a running instance) until `releaseDetach`, or Force. */
  stickDetach(volumeId: string): void
  /** Lets the stuck detach of this volume end, or the next one be none. @throws Error when none was stuck */
  releaseDetach(volumeId: string): void
  /** The next times, 1 unless told, that EBS would use this key for somebody, it is not accessible. */
  failKey(key: string, times?: number): void
  /** The next StartInstances of this instance is refused with this code, or goes `pending` and falls back to `stopped`. */
  refuseStart(instanceId: string, how: { readonly code: string } | 'falls-back'): void
  /** The next launches or starts that match find no capacity, `times` of them, 1 unless told. The answer takes it back. */
  lackCapacity(trouble: Omit<CapacityTrouble, 'left'>, times?: number): () => void
  /** The next launch passes the call and ends terminated, with this StateReason code (AWS facts A.17). */
  failLaunch(code: string): void
  /** Warns the spot instance, and takes it two minutes later. */
  interruptSpot(instanceId: string): void
  /** The next replacement of this instance's root volume ends so. */
  failRootReplacement(instanceId: string, how: 'failed' | 'failed-detached'): void
  /** A status check of the instance, its own unless told, is `impaired` until cleared. */
  impair(instanceId: string, impaired: boolean, check?: StatusCheck): void
  /** Sets tags as AWS's own services do: `aws:` keys too, past the limit of fifty. */
  setTags(resourceId: string, tags: Readonly<Record<string, string>>): void
  /** How late EC2 is from now on (AWS facts A.19). */
  beLate(how: Partial<Consistency>): void
  /** The guest has powered itself off: InstanceInitiatedShutdownBehavior decides. Harmless unless it runs. */
  guestPoweredOff(instanceId: string): void
  /** Tags of an instance; none when it does not exist. */
  tagsOf(instanceId: string): ReadonlyMap<string, string>
  /** How many volumes, snapshots (an image's not counted) and instances (not terminated) there are. */
  counts(): { volumes: number; snapshots: number; instances: number }
  /** Stops all guests and waits for the copies under way. Files stay. */
  close(): Promise<void>
}

function lackVolumes({ troubles }: Account, zone: string, lacks: boolean, type?: VolumeType): void {
  const [among, name] =
    type === undefined ? [troubles.exhaustedZones, zone] : [troubles.missingVolumeTypes, `${zone}/${type}`]
  if (lacks) among.add(name)
  else among.delete(name)
}

function releaseDetach(account: Account, volumeId: string): void {
  const { stuckDetaches } = account.troubles
  const isPlanned = stuckDetaches.delete(volumeId)
  const stuck = (account.volumes.get(volumeId)?.attachments ?? []).filter(
    ({ state, dueMs }) => (state === 'detaching' || state === 'busy') && dueMs === undefined,
  )
  if (!isPlanned && stuck.length === 0) throw new Error(`No detach of ${volumeId} is stuck.`)
  for (const attachment of stuck) endDetach(account, attachment)
}

/** @throws Error for a key that does not exist */
function failKey({ keys, troubles }: Account, name: string, times: number): void {
  const key = keys.find(name)
  if (!key) throw new Error(`There is no key ${name}.`)
  troubles.failingKeys.set(key.arn, times)
}

async function close({ running, disks }: Account): Promise<void> {
  const runs = [...running.instances.values()]
  for (const run of runs) run.cancelTransition()
  await Promise.all(runs.map(({ guestChange }) => guestChange))
  await Promise.all(runs.map(async ({ guest }) => guest?.stop()))
  await disks.close()
}

const fileOf = ({ disks }: Account, { path, sizeGiB }: Pick<Volume, 'path' | 'sizeGiB'>): string =>
  disks.materialise(path, sizeGiB)

export function hostOf(account: Account): Ec2Host {
  const { instances, snapshots, troubles, volumes } = account
  return {
    volumePath: (id) => fileOf(account, findAny(VOLUME, volumes, id)),
    snapshotPath: (id) => fileOf(account, findAny(SNAPSHOT, snapshots, id)),
    registerImage: (registration) => registerImage(account, registration),
    loadFleet: (fleet) => loadFleet(account, fleet),
    observeCapture: (observer) => void account.captureObservers.push(observer),
    failSnapshot: (volumeId) => void troubles.failingSnapshots.add(volumeId),
    failVolumeCreation: (snapshotId) => void troubles.failingCreations.add(snapshotId),
    lackVolumes: (zone, lacks, type) => lackVolumes(account, zone, lacks, type),
    stickDetach: (volumeId) => void troubles.stuckDetaches.add(findAny(VOLUME, volumes, volumeId).id),
    releaseDetach: (volumeId) => releaseDetach(account, volumeId),
    failKey: (key, times = 1) => failKey(account, key, times),
    refuseStart: (instanceId, how) => void troubles.refusedStarts.set(instanceId, how),
    lackCapacity(trouble, times = 1) {
      const planned = { ...trouble, left: times }
      troubles.capacity.add(planned)
      return () => void troubles.capacity.delete(planned)
    },
    tagsOf: (instanceId) => account.instances.get(instanceId)?.tags ?? new Map(),
    failLaunch: (code) => void troubles.failingLaunches.push(code),
    interruptSpot: (instanceId) => interrupt(account, findAny(INSTANCE, instances, instanceId)),
    failRootReplacement: (instanceId, how) => void troubles.failingRootReplacements.set(instanceId, how),
    impair(instanceId, impaired, check = 'instance') {
      const { impairments } = findAny(INSTANCE, instances, instanceId)
      if (impaired) impairments.set(check, account.clock.now())
      else impairments.delete(check)
    },
    setTags: (resourceId, tags) => setHostTags(account, resourceId, tags),
    beLate(how) {
      Object.assign(troubles.lateness, how)
      account.consistency = { ...account.consistency, ...how }
    },
    guestPoweredOff: (instanceId) => endByGuest(account, findAny(INSTANCE, instances, instanceId)),
    counts: () => ({
      volumes: volumes.size,
      snapshots: [...snapshots.values()].filter(({ imageId, deleted }) => imageId === undefined && !deleted).length,
      instances: [...instances.values()].filter(({ state }) => state !== 'terminated').length,
    }),
    close: () => close(account),
  }
}
