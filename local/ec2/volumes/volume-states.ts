/** creating → available, deleting → deleted, and the initialization of what comes from a snapshot (AWS facts A.12). */
import { removeAttachment } from './attachments.ts'
import { CREATE_VOLUME_MS, DELETE_VOLUME_MS } from '../delays.ts'
import { emitVolumeNotification } from '../events.ts'
import { resumeModification } from './modifications.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import type { Volume } from './model.ts'

const MIB = 1024 * 1024
/** MiB/s at which blocks come from S3 where no rate was asked for; AWS promises none. */
const DEFAULT_INITIALIZATION_RATE = 100

/** Gives the new volume its bytes. The snapshot is read from the first moment on, so that it may be deleted right after. */
const fill = (account: Account, volume: Volume, snapshot: Snapshot | undefined): Promise<void> =>
  snapshot ? account.disks.copy(snapshot.path, volume.path, volume.sizeGiB) : Promise.resolve()

/** Lets a volume that is `creating` become what it will; `running.volumeCreations` tells how that ends. */
export function letCreate(account: Account, volume: Volume, snapshot: Snapshot | undefined): void {
  volume.dueMs ??= account.clock.now() + CREATE_VOLUME_MS
  const filled = fill(account, volume, snapshot).then(
    () => volume.fails === undefined,
    () => false,
  )
  const created = new Promise<boolean>((resolve) => {
    account.clock.after((volume.dueMs ?? 0) - account.clock.now(), () => {
      void account.clock.holding(async () => resolve(endCreation(account, volume, await filled, snapshot)))
    })
  })
  account.running.volumeCreations.set(volume.id, created)
}

function endCreation(account: Account, volume: Volume, isFilled: boolean, snapshot: Snapshot | undefined): boolean {
  account.running.volumeCreations.delete(volume.id)
  if (volume.state !== 'creating') return false
  volume.dueMs = undefined
  if (isFilled) {
    volume.state = volume.attachments.length > 0 ? 'in-use' : 'available'
    // The disks of a launch are attached as soon as they are there.
    for (const attachment of volume.attachments) if (attachment.state === 'attaching') attachment.state = 'attached'
    emitVolumeNotification(account, volume, 'createVolume', 'available')
    if (snapshot) beginInitialization(account, volume, snapshot)
    return true
  }
  const { cause, vanishes } = volume.fails ?? { cause: 'An internal error has occurred.', vanishes: false }
  volume.state = 'error'
  emitVolumeNotification(account, volume, 'createVolume', 'failed', cause)
  if (vanishes) vanish(account, volume)
  return false
}

/** A volume that no key could be had for is not there any more (AWS facts A.12). */
function vanish(account: Account, volume: Volume): void {
  for (const attachment of volume.attachments.slice()) removeAttachment(account, attachment)
  account.volumes.delete(volume.id)
  account.disks.remove(volume.path)
}

function beginInitialization(account: Account, volume: Volume, snapshot: Snapshot): void {
  const rate = volume.initialization?.rate
  const startMs = account.clock.now()
  const seconds = snapshot.fullBytes / MIB / (rate ?? DEFAULT_INITIALIZATION_RATE)
  volume.initialization = { ...(rate ? { rate } : {}), startMs, endMs: startMs + Math.ceil(seconds * 1_000) }
  letInitialize(account, volume)
}

/** Only volumes with a rate of their own tell when they are initialized (AWS facts A.18). */
function letInitialize(account: Account, volume: Volume): void {
  const { initialization } = volume
  if (initialization?.rate === undefined || initialization.endMs < account.clock.now()) return
  account.clock.after(
    initialization.endMs - account.clock.now(),
    () => {
      if (account.volumes.get(volume.id) !== volume) return
      emitVolumeNotification(account, volume, 'initializeVolume', 'succeeded')
    },
    { background: true },
  )
}

/** Begins the deletion of a volume that nothing holds any more. */
export function beginDeletion(account: Account, volume: Volume): void {
  if (account.volumes.get(volume.id) !== volume) return
  volume.state = 'deleting'
  volume.dueMs = account.clock.now() + DELETE_VOLUME_MS
  letDelete(account, volume)
}

function letDelete(account: Account, volume: Volume): void {
  account.clock.after((volume.dueMs ?? 0) - account.clock.now(), () => {
    volume.state = 'deleted'
    account.volumes.delete(volume.id)
    account.disks.remove(volume.path)
    emitVolumeNotification(account, volume, 'deleteVolume', 'deleted')
  })
}

/** Goes on with what was under way when the account was saved. */
export function resumeVolumes(account: Account): void {
  for (const volume of account.volumes.values()) {
    volume.pendingSnapshots = 0 // counted again by the snapshots under way
    if (volume.state === 'creating') recreate(account, volume)
    else if (volume.state === 'deleting') letDelete(account, volume)
    letInitialize(account, volume)
    resumeModification(account, volume)
  }
}

/** A copy may have been cut off: it is made again, if its snapshot is still there. */
function recreate(account: Account, volume: Volume): void {
  const { snapshotId = '' } = volume
  const snapshot = [account, ...account.accountsIn(account.region)].flatMap(
    ({ snapshots }) => snapshots.get(snapshotId) ?? [],
  )[0]
  if (snapshotId !== '' && !snapshot) volume.fails ??= { cause: 'An internal error has occurred.', vanishes: false }
  letCreate(account, volume, snapshot)
}
