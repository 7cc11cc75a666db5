/** Images that are simply there, as AWS's own are: put into the account by its owner. */
import type { Account } from '../model.ts'
import type { Software, Image } from './model.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** AWS's account for its own Linux images. */
const AMAZON = '137112412989'

/** Nobody waits for it to become known (AWS facts A.19). */
const longAgo = ({ clock }: Account): number => clock.now() - DAY_MS

export const LINUX: Software = { platformDetails: 'Linux/UNIX', usageOperation: 'RunInstances' }

export interface ImageRegistration {
  readonly imageId: string
  readonly rootDeviceName: string
  readonly rootDeviceType: 'ebs' | 'instance-store'
  readonly rootSizeGiB: number
  /** The id unless told. */
  readonly name?: string
  /** `x86_64` unless told. */
  readonly architecture?: string
  readonly bootMode?: string
  /** Names that instance stores take; a volume cannot be attached there. */
  readonly instanceStoreDevices?: readonly string[]
  /** A script with which its instances start their services, at every boot. */
  readonly program?: string
  /** What AWS bills for its operating system; Linux, nothing, unless told. */
  readonly software?: Software
}

export function registerImage(account: Account, registration: ImageRegistration): void {
  const { imageId, rootSizeGiB, rootDeviceName, rootDeviceType } = registration
  if (account.images.has(imageId)) throw new Error(`The image ${imageId} is registered already`)
  const snapshotId = rootDeviceType === 'ebs' ? account.ids.next('snap') : undefined
  const software = { ...(registration.software ?? LINUX), program: registration.program }
  const image: Image = {
    id: imageId,
    order: account.nextOrder(),
    createdMs: longAgo(account),
    tags: new Map(),
    name: registration.name ?? imageId,
    description: '',
    ownerId: AMAZON,
    ownerAlias: 'amazon',
    architecture: registration.architecture ?? 'x86_64',
    virtualizationType: 'hvm',
    rootDeviceName,
    rootDeviceType,
    disks:
      snapshotId === undefined
        ? []
        : [
            {
              device: rootDeviceName,
              snapshotId,
              sizeGiB: rootSizeGiB,
              type: 'gp3',
              deleteOnTermination: true,
              encrypted: false,
            },
          ],
    instanceStoreDevices: registration.instanceStoreDevices ?? [],
    bootMode: registration.bootMode,
    enaSupport: true,
    software,
    isPublic: true,
    launchPermissions: new Set(),
  }
  account.images.set(imageId, image)
  if (snapshotId !== undefined) addRootSnapshot(account, image, snapshotId, rootSizeGiB)
}

function addRootSnapshot(account: Account, { id: imageId, software }: Image, id: string, sizeGiB: number): void {
  const path = account.disks.pathOf(id)
  account.snapshots.set(id, {
    id,
    order: account.nextOrder(),
    createdMs: longAgo(account),
    tags: new Map(),
    volumeId: 'vol-ffffffff', // what EC2 shows for a snapshot that has no volume of this account
    sizeGiB,
    description: `Root of ${imageId}`,
    path,
    ownerId: account.accountId,
    lineage: id,
    sharedWith: new Set(),
    state: 'completed',
    completesMs: longAgo(account),
    fullBytes: 0,
    deleted: false,
    imageId,
    software,
  })
}
