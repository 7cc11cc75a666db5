/** The account owner's hands: what no API shows. */
import { endDetach } from './attachments.ts'
import { SNAPSHOT, INSTANCE, VOLUME, find } from './ids.ts'
import { endByGuest } from './instances.ts'
import type { Account, CaptureObserver, Image, StuckDetach } from './model.ts'

interface ImageRegistration {
  readonly imageId: string
  readonly rootDeviceName: string
  readonly rootDeviceType: 'ebs' | 'instance-store'
  readonly rootSizeGiB: number
  /** `x86_64` unless told. */
  readonly architecture?: string
  readonly bootMode?: string
  /** Names that instance stores take; a volume cannot be attached there. */
  readonly instanceStoreDevices?: readonly string[]
  /** A script with which its instances start their services, at every boot. */
  readonly program?: string
}

export interface Ec2Host {
  /** The sparse file that is the volume. @throws AwsError InvalidVolume.NotFound */
  volumePath(volumeId: string): string
  /** The sparse file that is the snapshot. @throws AwsError InvalidSnapshot.NotFound */
  snapshotPath(snapshotId: string): string
  /** An AMI to launch from. An EBS root comes from a snapshot of an empty sparse file of `rootSizeGiB`. */
  registerImage(image: ImageRegistration): void
  /** Called synchronously at the instant of each capture, while guests are paused, with the paths of the frozen bytes. */
  observeCapture(observer: CaptureObserver): void
  /** The next snapshot of this volume ends in error, and with it its whole set. */
  failSnapshot(volumeId: string): void
  /** The next volume made from this snapshot ends in state `error`. */
  failVolumeCreation(snapshotId: string): void
  /** The next detach of this volume stays `detaching` (`busy` on a running instance) until the returned function is called, or Force. */
  stickDetach(volumeId: string): () => void
  /** The next StartInstances of this instance is refused with this code, or goes `pending` and falls back to `stopped`. */
  refuseStart(instanceId: string, how: { readonly code: string } | 'falls-back'): void
  /** Status checks of the instance are `impaired` until cleared. */
  impair(instanceId: string, impaired: boolean): void
  /** The guest has powered itself off: InstanceInitiatedShutdownBehavior decides. Harmless unless it runs. */
  guestPoweredOff(instanceId: string): void
  /** Tags of an instance; none when it does not exist. */
  tagsOf(instanceId: string): ReadonlyMap<string, string>
  /** How many volumes, snapshots (an image's not counted) and instances (not terminated) there are. */
  counts(): { volumes: number; snapshots: number; instances: number }
  /** Stops all guests and waits for the copies under way. Files stay. */
  close(): Promise<void>
}

function registerImage(account: Account, registration: ImageRegistration): void {
  const { imageId, rootSizeGiB, rootDeviceName, rootDeviceType } = registration
  if (account.images.has(imageId)) throw new Error(`The image ${imageId} is registered already`)
  const image: Image = {
    id: imageId,
    rootDeviceName,
    rootDeviceType,
    rootSizeGiB,
    architecture: registration.architecture ?? 'x86_64',
    bootMode: registration.bootMode,
    instanceStoreDevices: registration.instanceStoreDevices ?? [],
    program: registration.program,
    rootSnapshotId: rootDeviceType === 'ebs' ? account.ids.next('snap') : undefined,
  }
  account.images.set(imageId, image)
  const { rootSnapshotId: id } = image
  if (id === undefined) return
  const path = account.disks.pathOf(id)
  account.disks.createEmpty(path, rootSizeGiB)
  account.snapshots.set(id, {
    id,
    order: account.nextOrder(),
    createdMs: account.clock.now(),
    tags: new Map(),
    volumeId: 'vol-ffffffff', // what EC2 shows for a snapshot that has no volume of this account
    sizeGiB: rootSizeGiB,
    description: `Root of ${imageId}`,
    path,
    state: 'completed',
    completesMs: account.clock.now(),
    fullBytes: 0,
    deleted: false,
    imageId,
  })
}

function stickDetach(account: Account, volumeId: string): () => void {
  const { troubles } = account
  const stuck: StuckDetach = {}
  troubles.stuckDetaches.set(volumeId, stuck)
  return () => {
    if (troubles.stuckDetaches.get(volumeId) === stuck) troubles.stuckDetaches.delete(volumeId)
    if (stuck.attachment) endDetach(account, stuck.attachment)
  }
}

async function close({ running, disks }: Account): Promise<void> {
  const runs = [...running.instances.values()]
  for (const run of runs) run.cancelTransition()
  await Promise.all(runs.map(({ guestChange }) => guestChange))
  await Promise.all(runs.map(async ({ guest }) => guest?.stop()))
  await disks.close()
}

export function hostOf(account: Account): Ec2Host {
  const { instances, snapshots, troubles, volumes } = account
  return {
    volumePath: (id) => find(VOLUME, volumes, id).path,
    snapshotPath: (id) => find(SNAPSHOT, snapshots, id).path,
    registerImage: (registration) => registerImage(account, registration),
    observeCapture: (observer) => void account.captureObservers.push(observer),
    failSnapshot: (volumeId) => void troubles.failingSnapshots.add(volumeId),
    failVolumeCreation: (snapshotId) => void troubles.failingCreations.add(snapshotId),
    stickDetach: (volumeId) => stickDetach(account, volumeId),
    refuseStart: (instanceId, how) => void troubles.refusedStarts.set(instanceId, how),
    impair(instanceId, impaired) {
      find(INSTANCE, instances, instanceId).impaired = impaired
    },
    guestPoweredOff: (instanceId) => endByGuest(account, find(INSTANCE, instances, instanceId)),
    tagsOf: (instanceId) => account.instances.get(instanceId)?.tags ?? new Map(),
    counts: () => ({
      volumes: volumes.size,
      snapshots: [...snapshots.values()].filter(({ imageId, deleted }) => imageId === undefined && !deleted).length,
      instances: [...instances.values()].filter(({ state }) => state !== 'terminated').length,
    }),
    close: () => close(account),
  }
}
