import { beforeEach, describe, expect, test } from 'vitest'
import type { CopyVault } from '../../core/copy-ports.ts'
import { plusMs } from '../../core/instants.ts'
import { copyVault } from '../../mover/copy-vaults.ts'
import { complete, disksOf, snapshotOf } from '../core/samples.ts'
import { image } from './vault-folder.ts'
import { makeVaultInMemory, TAKEN_AT_MS, type VaultInMemory } from './vault-memory.ts'

/** A vault in memory, as the workflow sees it. */
const MINUTE_MS = 60_000
const at = (minutes: number): string => plusMs(new Date(TAKEN_AT_MS).toISOString(), minutes * MINUTE_MS)

let memory: VaultInMemory
let vault: CopyVault

beforeEach(() => {
  memory = makeVaultInMemory()
  const place = { bucket: 'vaults', prefix: 'main/', key: 'k', isOwn: true }
  vault = copyVault(memory.vaultOf(memory.store), place)
})

/** Copies the disk as it was so many minutes after the first instant; returns the copy's name. */
async function copy(minutes: number, { disk = 'vol-1', snapshot = '', copyId = 1 } = {}): Promise<string> {
  const { name } = await memory.copy(image('AB'), memory.store, {
    disk,
    takenAtMs: Date.parse(at(minutes)),
    copyId: Buffer.alloc(16, copyId),
    ...(snapshot === '' ? {} : { snapshots: { snapshotId: snapshot } }),
  })
  return name
}

describe('the newest copy of a disk', () => {
  test('is none in a vault without one, or with copies of other disks alone', async () => {
    await copy(0, { disk: 'vol-2' })
    expect(await vault.newest('vol-1', at(60))).toBeUndefined()
  })

  test('is of the instant or before it, and names the snapshot that it was made from', async () => {
    const first = await copy(0, { snapshot: snapshotOf(1) })
    const second = await copy(10, { snapshot: snapshotOf(2) })
    await copy(20, { snapshot: snapshotOf(3) })
    expect(await vault.newest('vol-1', at(-1))).toBeUndefined()
    expect(await vault.newest('vol-1', at(0))).toEqual({ copy: first, snapshot: snapshotOf(1) })
    expect(await vault.newest('vol-1', at(19))).toEqual({ copy: second, snapshot: snapshotOf(2) })
  })

  test('names no snapshot when it was made from none, or is damaged: neither is a reason to fail', async () => {
    const name = await copy(0)
    expect(await vault.newest('vol-1', at(0))).toEqual({ copy: name })
    const damaged = await copy(10, { snapshot: snapshotOf(2) })
    memory.store.objects.set(damaged, { bytes: Buffer.from('x'), writtenMs: 0 })
    expect(await vault.newest('vol-1', at(10))).toEqual({ copy: damaged })
  })
})

describe('a copy of a disk', () => {
  test('is committed when its manifest is there, which tells its figures', async () => {
    const id = '01'.repeat(16)
    expect(await vault.committed('vol-1', at(0), id)).toBeUndefined()
    const name = await copy(0)
    const read = 2 * 524_288
    expect(await vault.committed('vol-1', at(0), id)).toMatchObject({ manifest: name, readBytes: read, newBytes: read })
    expect(await vault.committed('vol-1', at(0), '02'.repeat(16))).toBeUndefined()
  })

  test('has no fault, until something that it needs is gone', async () => {
    const name = await copy(0)
    expect(await vault.faults([name])).toEqual([])
    const [pack = ''] = [...memory.store.objects.keys()].filter((key) => key.startsWith('packs/'))
    memory.store.objects.delete(pack)
    expect(await vault.faults([name])).toEqual([expect.stringContaining(pack)])
  })
})

test('a point is committed under its machine and instant; again, it is found', async () => {
  const copies = [await copy(0, { disk: 'vol-1' }), await copy(0, { disk: 'vol-2' })]
  const point = complete(disksOf(2), at(0))
  const name = await vault.commit(point, copies)
  expect(name).toBe(`points/${point.machine}/20261123T100000Z-${point.point}`)
  expect(await vault.commit(point, copies)).toBe(name)
  await expect(vault.commit(point, copies.slice(1))).rejects.toMatchObject({ name: 'LostRace' })
})
