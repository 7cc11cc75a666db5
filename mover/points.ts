/** Points: copies of several disks of a machine, committed together (docs/vault-format.md, section 5). */
import { createHash } from 'node:crypto'
import { TandemError } from '../core/errors.ts'
import type { DiskManifest } from './format/manifest.ts'
import { pointManifest, type PointManifest } from './format/point-manifest.ts'
import { pointName, pointPrefix, PREFIX, readPointName } from './format/names.ts'
import { readCopy, readObject, writeObject, type Vault } from './vault.ts'

export interface PointCommit {
  readonly machine: string
  readonly pointId: string
  readonly capturedAtMs: number
  /** Keys of the manifests of its copies. */
  readonly copies: readonly string[]
  readonly machineConfiguration: unknown
}

export interface CommittedPoint {
  /** Key of the manifest. */
  readonly name: string
  readonly manifest: PointManifest
}

/**
 * Commits a point, once all its copies are committed. May run twice: the second time it finds what the first has written.
 * @throws TandemError CopyNotFound when a copy is not there; LostRace when the point is committed already, with other copies
 */
export async function commitPoint(vault: Vault, commit: PointCommit): Promise<CommittedPoint> {
  const { machine, pointId, capturedAtMs, copies, machineConfiguration } = commit
  const name = pointName(machine, capturedAtMs, pointId)
  const disks: PointManifest['disks'] = []
  for (const copy of copies) {
    const digest = await digestOf(vault, copy)
    if (digest === undefined) throw copyGone(vault, copy, pointId)
    disks.push({ disk: (await readCopy(vault, copy)).disk, copy, digest })
  }
  const capturedAt = new Date(capturedAtMs).toISOString()
  const manifest: PointManifest = { version: 1, machine, pointId, capturedAt, disks, machineConfiguration }
  const written = await writeObject(vault, name, Buffer.from(JSON.stringify(manifest)))
  // An expiry may have judged the copies before it could see the point.
  for (const copy of copies) if ((await digestOf(vault, copy)) === undefined) throw copyGone(vault, copy, pointId)
  return { name, manifest: written === 'taken' ? await sameAs(vault, name, manifest) : manifest }
}

const digestOf = async ({ store }: Vault, copy: string): Promise<string | undefined> => {
  const bytes = await store.get(copy)
  return bytes && createHash('sha256').update(bytes).digest('hex')
}

const copyGone = ({ store }: Vault, copy: string, pointId: string): TandemError =>
  new TandemError(
    'CopyNotFound',
    `${copy} is not in the vault at ${store.url}: point ${pointId} is not complete. Copy that disk again.`,
  )

const copiesOf = ({ disks }: PointManifest): string =>
  disks
    .map(({ copy }) => copy)
    .toSorted()
    .join()

async function sameAs(vault: Vault, name: string, ours: PointManifest): Promise<PointManifest> {
  const theirs = await readPoint(vault, name)
  if (copiesOf(theirs) === copiesOf(ours)) return theirs
  throw new TandemError(
    'LostRace',
    `Point ${ours.pointId} is in the vault at ${vault.store.url} already, with other copies: ${name}.`,
  )
}

export interface PointName {
  /** Key of the manifest. */
  readonly name: string
  readonly machine: string
  readonly time: string
  readonly pointId: string
  /** When its manifest was written, by the store's clock. */
  readonly writtenMs: number
}

/** Points of a machine, oldest first; of all machines without a name. */
export async function listPoints({ store }: Vault, machine?: string): Promise<PointName[]> {
  const points: PointName[] = []
  for await (const { name, writtenMs } of store.list(machine === undefined ? PREFIX.points : pointPrefix(machine))) {
    const parts = readPointName(name)
    if (parts) points.push({ name, ...parts, writtenMs })
  }
  return points
}

/** @throws TandemError VaultDamaged */
export async function readPoint(vault: Vault, name: string): Promise<PointManifest> {
  const bytes = await readObject(vault, name, 'the manifest of a point')
  try {
    return pointManifest.parse(JSON.parse(bytes.toString('utf8')))
  } catch (cause) {
    throw new TandemError('VaultDamaged', `${name} in the vault at ${vault.store.url} cannot be used.`, { cause })
  }
}

/** What is wrong with a point; undefined when all its copies are there and are those that it was committed with. */
export async function faultOfPoint(vault: Vault, name: string): Promise<string | undefined> {
  for (const disk of (await readPoint(vault, name)).disks) {
    const fault = await faultOfDisk(vault, name, disk)
    if (fault !== undefined) return fault
  }
  return undefined
}

type DiskOfPoint = PointManifest['disks'][number]

async function faultOfDisk(
  vault: Vault,
  name: string,
  { copy, disk, digest }: DiskOfPoint,
): Promise<string | undefined> {
  const found = await digestOf(vault, copy)
  if (found === undefined)
    return `${name} in the vault at ${vault.store.url} needs ${copy}, which is missing: ${disk} is lost in this point.`
  return found === digest
    ? undefined
    : `${name} in the vault at ${vault.store.url} was committed with another ${copy} than is there.`
}

/** Manifest of a disk of a point: the one that the point was committed with. @throws TandemError VaultDamaged */
export async function copyOfPoint(vault: Vault, name: string, disk: DiskOfPoint): Promise<DiskManifest> {
  const fault = await faultOfDisk(vault, name, disk)
  if (fault !== undefined) throw new TandemError('VaultDamaged', fault)
  return readCopy(vault, disk.copy)
}
