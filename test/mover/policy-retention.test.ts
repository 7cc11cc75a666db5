import { randomBytes } from 'node:crypto'
import { beforeEach, expect, it } from 'vitest'
import { keepByPolicies } from '../../mover/expiry/policy-retention.ts'
import { judgeVault } from '../../mover/expiry/due-copies.ts'
import { expireVault } from '../../mover/expiry/expire-vault.ts'
import { commitPoint, listPoints } from '../../mover/points.ts'
import { listCopies } from '../../mover/vault.ts'
import { POLICY_GRACE_MS } from '../../mover/expiring-vaults.ts'
import { dyingAt, InterposedStore } from './interposed-store.ts'
import { image } from './vault-folder.ts'
import { makeVaultInMemory, TAKEN_AT_MS, type VaultInMemory } from './vault-memory.ts'

const DAY_MS = 24 * 3_600_000

let vault: VaultInMemory
beforeEach(() => {
  vault = makeVaultInMemory()
})

/** As the deployment copies a disk of a point; without `point` the run ended behind the disk. */
async function copyPoint(
  day: number,
  { disk = 'vol-1', policy = 'hourly', machine = 'i-1', content = image('#A'), committed = true } = {},
): Promise<string> {
  const takenAtMs = TAKEN_AT_MS + day * DAY_MS
  vault.store.nowMs = takenAtMs
  const { name } = await vault.copy(content, vault.store, { disk, takenAtMs, snapshots: { snapshotId: `snap-${day}` } })
  if (committed)
    await commitPoint(vault.vaultOf(vault.store), {
      machine,
      pointId: `pt-${day}`,
      capturedAtMs: takenAtMs,
      copies: [name],
      machineConfiguration: policy === '' ? {} : { policy, configuration: {} },
    })
  return name
}

const expire = (store: ConstructorParameters<typeof InterposedStore>[0] = vault.store, keep = '5 days') =>
  expireVault({
    vault: vault.vaultOf(store),
    retention: keepByPolicies({ hourly: keep }),
    graceMs: POLICY_GRACE_MS,
  })

const points = async (): Promise<string[]> =>
  (await listPoints(vault.vaultOf(vault.store))).map(({ pointId }) => pointId)
const copies = async (): Promise<string[]> => (await listCopies(vault.vaultOf(vault.store))).map(({ name }) => name)

it('lets points go by the policy under which they were made, and their copies with them', async () => {
  await copyPoint(0)
  await copyPoint(1, { policy: 'nightly' })
  await copyPoint(2, { policy: '' })
  const content = image('#B')
  const last = await copyPoint(6, { content })
  vault.store.nowMs += 2 * DAY_MS
  await expire()
  expect(await points()).toEqual(['pt-1', 'pt-2', 'pt-6'])
  expect(await copies()).toHaveLength(3)
  expect((await vault.restore(last)).equals(content)).toBe(true)
})

it('lets a copy of a disk go with its last point, though it is the newest of the disk: a revert has exchanged the disk', async () => {
  const before = await copyPoint(0, { disk: 'vol-before' })
  const after = await copyPoint(6, { disk: 'vol-after' })
  vault.store.nowMs += DAY_MS
  await expire()
  expect(await copies()).toEqual([after])
  expect(vault.store.objects.has(before)).toBe(false)
})

it('leaves copies alone that were made for no point, and those whose point may be under way', async () => {
  const { name: own } = await vault.copy(image('#'), vault.store, { disk: 'by-hand', copyId: randomBytes(16) })
  const lost = await copyPoint(0, { committed: false })
  const young = await copyPoint(8, { committed: false })
  await copyPoint(9, { disk: 'vol-2' })
  const at = { nowMs: vault.store.nowMs + DAY_MS, graceMs: POLICY_GRACE_MS }
  const verdicts = await judgeVault(vault.vaultOf(vault.store), keepByPolicies({ hourly: '1 day' }), at)
  expect(verdicts.copies.map(({ name, isDue, reason }) => ({ name, isDue, reason }))).toEqual([
    { name: own, isDue: false, reason: 'made for no point: no policy says how long' },
    { name: lost, isDue: true, reason: 'no point needs it any more' },
    { name: young, isDue: false, reason: 'written within the grace period: its point may be under way' },
    expect.objectContaining({ isDue: false, reason: expect.stringMatching(/^in the point points\/i-1\//) }),
  ])
})

it('lets no older point of a machine go while its newest is not whole, and says so', async () => {
  const content = image('#D')
  const older = await copyPoint(0, { content })
  const gone = await copyPoint(6)
  await copyPoint(0, { machine: 'i-2', disk: 'vol-2' })
  await copyPoint(6, { machine: 'i-2', disk: 'vol-2' })
  await vault.store.remove(gone)
  vault.store.nowMs += DAY_MS
  const { damages, points: verdicts } = await expire()
  expect(damages).toEqual([
    expect.stringContaining(`needs ${gone}, which is missing: no older point of i-1 is let go.`),
  ])
  expect(verdicts.find(({ of, takenAtMs }) => of === 'i-1' && takenAtMs === TAKEN_AT_MS)?.reason).toBe(
    'the newest of i-1 is not whole',
  )
  expect(await points()).toEqual(['pt-0', 'pt-6', 'pt-6'])
  expect((await vault.restore(older)).equals(content)).toBe(true)
})

it('that dies between a point and its copies is made good by the next', async () => {
  await copyPoint(0)
  const content = image('#C')
  const last = await copyPoint(6, { content })
  vault.store.nowMs += DAY_MS
  const sound = new Map(vault.store.objects)
  const counting = new InterposedStore(vault.store, {})
  await expire(counting)
  const wanted = { points: await points(), copies: await copies() }
  expect(wanted).toEqual({ points: ['pt-6'], copies: [last] })
  for (let ordinal = 1; ordinal <= counting.callCount; ordinal += 1) {
    vault.store.objects.clear()
    for (const [name, object] of sound) vault.store.objects.set(name, object)
    await expect(expire(new InterposedStore(vault.store, dyingAt(ordinal, 'after')))).rejects.toThrow('died')
    await expire()
    expect({ points: await points(), copies: await copies() }).toEqual(wanted)
    expect((await vault.restore(last)).equals(content)).toBe(true)
  }
})
