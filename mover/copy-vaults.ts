/** Vaults in buckets, for the workflow (core/copy-ports.ts). */
import type { DeployedVault } from '../core/contracts/policies.ts'
import type { DiskToWrite } from '../core/contracts/jobs.ts'
import type { VaultedPoint } from '../core/contracts/records.ts'
import type { CommittedDisk, CopyVault, Vaults } from '../core/copy-ports.ts'
import { isTandemError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import { compactTime, manifestName, millisOf } from './format/names.ts'
import { locationOf } from './jobs/copy-disk-job.ts'
import { kmsKey } from './key-holders.ts'
import { commitPoint, copyOfPoint, listPoints, readPoint } from './points.ts'
import { openStore } from './stores/location.ts'
import { createVault, listCopies, openVault, readCopy, type Vault } from './vault.ts'
import { verifyCopies } from './verify-vault.ts'

/** @throws TandemError VaultNotFound, VaultKeyWrong, VaultDamaged, AccessDenied, AwsUnavailable */
export const openDeployedVault = async (place: DeployedVault): Promise<Vault> =>
  openVault(await openStore(locationOf(place)), kmsKey(place.key))

/** As `openDeployedVault`; the deployment's own is made when it is not there yet. */
async function openOrMake(place: DeployedVault, nowMs: number): Promise<Vault> {
  const found = await vaultIfThere(place)
  if (found) return found
  const store = await openStore(locationOf(place))
  const holder = kmsKey(place.key)
  try {
    return await createVault(store, holder, nowMs)
  } catch (error) {
    // Another run was faster.
    if (!isTandemError(error, 'VaultExists')) throw error
    return openVault(store, holder)
  }
}

/** As `openDeployedVault`, but makes none: undefined when it is the deployment's own and not made yet. */
export async function vaultIfThere(place: DeployedVault): Promise<Vault | undefined> {
  try {
    return await openDeployedVault(place)
  } catch (error) {
    if (place.isOwn && isTandemError(error, 'VaultNotFound')) return undefined
    throw error
  }
}

export async function existingVault(place: DeployedVault): Promise<CopyVault | undefined> {
  const vault = await vaultIfThere(place)
  return vault && copyVault(vault, place)
}

export const bucketVaults = (clock: Clock): Vaults => ({
  open: async (place) => copyVault(await openDeployedVault(place), place),
  openOrMake: async (place) => copyVault(await openOrMake(place, Date.parse(clock.now())), place),
})

export const copyVault = (vault: Vault, place: DeployedVault): CopyVault => ({
  async newest(disk, notAfter) {
    const until = compactTime(Date.parse(notAfter))
    const newest = (await listCopies(vault, disk)).findLast(({ time }) => time <= until)
    if (!newest) return undefined
    const manifest = await unlessDamaged(() => readCopy(vault, newest.name))
    const snapshot = manifest?.source?.snapshotId
    return { copy: newest.name, ...(snapshot === undefined ? {} : { snapshot }) }
  },
  async committed(disk, takenAt, diskCopyId) {
    const name = manifestName(disk, Date.parse(takenAt), Buffer.from(diskCopyId, 'hex'))
    if (!(await vault.store.get(name))) return undefined
    const { readBytes, newBytes, storedBytes } = (await readCopy(vault, name)).stats
    return { manifest: name, readBytes, newBytes, storedBytes } satisfies CommittedDisk
  },
  async faults(copies) {
    const findings = await verifyCopies(
      vault,
      copies.map((name) => ({ name })),
      { readData: false, location: locationOf(place) },
    )
    return findings.map(({ message }) => message)
  },
  async commit({ machine, point, capturedAt, configuration, members, unprotected, consistency, policy }, copies) {
    const { name } = await commitPoint(vault, {
      machine,
      pointId: point,
      capturedAtMs: Date.parse(capturedAt),
      copies,
      machineConfiguration: { configuration, members, unprotected, consistency, policy } satisfies VaultedPoint,
    })
    return name
  },
  async points(machine) {
    const points = await listPoints(vault, machine)
    return points.map(({ name, pointId, time }) => ({
      manifest: name,
      point: pointId,
      capturedAt: new Date(millisOf(time)).toISOString(),
    }))
  },
  async point(name) {
    const { capturedAt, disks, machineConfiguration } = await readPoint(vault, name)
    const found: DiskToWrite[] = []
    for (const disk of disks) {
      const { sizeBytes, blockCount } = await copyOfPoint(vault, name, disk)
      found.push({ volume: disk.disk, copy: disk.copy, sizeBytes, blockCount })
    }
    return { capturedAt, disks: found, machineConfiguration }
  },
})

/** A newest copy that cannot be read is no base to compare with, and no reason to fail. */
async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isTandemError(error, 'VaultDamaged')) return undefined
    throw error
  }
}
