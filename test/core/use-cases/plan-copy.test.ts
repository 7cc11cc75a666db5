import { beforeEach, describe, expect, test } from 'vitest'
import type { CopyRecord } from '../../../core/contracts/copy-records.ts'
import type { CopyVault } from '../../../core/copy-ports.ts'
import { plusMs } from '../../../core/instants.ts'
import { planCopy } from '../../../core/use-cases/plan-copy.ts'
import {
  committed,
  copying,
  emptyVault,
  failed,
  GIB,
  memoryBlocks,
  memoryCopies,
  memorySnapshot,
  newestOf,
  places,
  type CopiedDisk,
  type MemorySnapshot,
} from '../copying.ts'
import { memoryCatalog } from '../memory.ts'
import { complete, MACHINE, NOW, POINT, RUN, runOf, snapshotOf, volumeOf } from '../samples.ts'

/** What a copy is to be, whoever asks, how often, and whatever is in the vault. */
let copies: ReturnType<typeof memoryCopies>
let snapshots: Map<string, MemorySnapshot>
let copied: CopiedDisk[]
let vault: CopyVault
let blocks: ReturnType<typeof memoryBlocks>
let living: Set<string>

beforeEach(() => {
  copies = memoryCopies()
  snapshots = new Map([
    [snapshotOf(1), memorySnapshot('root', { 0: 'a', 1: 'b', 7: 'c' })],
    [snapshotOf(2), memorySnapshot('data', { 3: 'd' })],
  ])
  blocks = memoryBlocks(snapshots)
  copied = []
  vault = emptyVault({ newest: (...asked) => newestOf(copied)(...asked) })
  living = new Set()
})

const ports = () => ({
  catalog: memoryCatalog({ points: new Map([[POINT, complete()]]), reverts: new Map() }),
  copies,
  executions: { isRunning: async (run: string) => living.has(run) },
  vaults: { openOrMake: async () => vault },
  blocks,
  places,
  copyRules: { nightly: [{ vault: 'main', every: '1 day' }] },
})

const plan = (request: object = {}, over = ports()) =>
  planCopy(over)({ request: { machine: MACHINE, ...request }, run: RUN, startedAt: NOW })

test('a point that is in the vault is not copied again', async () => {
  copies.put(committed({ run: runOf('earlier') }))
  expect(await plan()).toMatchObject({ path: 'none', reason: `it was committed at ${NOW}`, diskCount: 2 })
  expect(copies.one()).toEqual(committed({ run: runOf('earlier') }))
})

const before = (hours: number): string => plusMs(NOW, -hours * 3_600_000)

/** The plan's first disk. */
async function planned() {
  await plan()
  return copies.one()?.disks[0]
}

describe('what a disk is compared with', () => {
  const [older, newer] = [snapshotOf(11), snapshotOf(12)]
  test('is the newest copy of an earlier instant', async () => {
    snapshots.set(older, memorySnapshot('root', { 0: 'a', 1: 'B' }))
    copied = [
      { volume: volumeOf(1), takenAt: before(48), snapshot: snapshotOf(10) },
      { volume: volumeOf(1), takenAt: before(24), snapshot: older },
    ]
    const since = { snapshot: older, copy: before(24) }
    expect(await planned()).toMatchObject({ since, blockCount: 2, lineageBroken: false })
  })

  test('is never a copy of a later instant: changes are asked for forwards alone', async () => {
    snapshots.set(older, memorySnapshot('root', { 0: 'a', 1: 'b' }))
    snapshots.set(newer, memorySnapshot('root', { 0: 'a', 1: 'b', 7: 'c', 9: 'z' }))
    copied = [
      { volume: volumeOf(1), takenAt: before(24), snapshot: older },
      { volume: volumeOf(1), takenAt: before(-24), snapshot: newer },
    ]
    expect(await planned()).toMatchObject({ since: { snapshot: older }, blockCount: 1 })
    expect(blocks.asked).toEqual([`${snapshotOf(1)} since ${older}`, snapshotOf(2)])
  })

  test('is nothing when all copies are of later instants: the copy is full, and no lineage is broken', async () => {
    snapshots.set(newer, memorySnapshot('root', {}))
    copied = [{ volume: volumeOf(1), takenAt: before(-24), snapshot: newer }]
    const disk = await planned()
    expect(disk).toMatchObject({ blockCount: 3, lineageBroken: false })
    expect(disk).not.toHaveProperty('since')
  })
})

describe('two tries of one run', () => {
  test.each<[string, CopyRecord | undefined]>([
    ['nothing', undefined],
    ['a copy that failed', failed()],
  ])('at the same time, over %s, answer with the plan that is recorded', async (_, earlier) => {
    if (earlier) copies.put(earlier)
    const faster = copying({ path: 'proxy', reason: 'the faster one', proxies: [{ instanceType: 't', disks: [0, 1] }] })
    const slow = { ...ports(), copies: { ...copies, startCopy: raced(faster) } }
    expect(await plan({}, slow)).toMatchObject({ path: 'proxy', reason: 'the faster one', proxyCount: 1 })
    expect(copies.one()).toEqual(faster)
  })

  test('one after the other answer with the first one’s plan: work by it may have begun', async () => {
    const first = await plan()
    snapshots.set(snapshotOf(2), memorySnapshot('data', {}))
    expect(await plan({ path: 'proxy' })).toEqual(first)
    expect(copies.one()).toMatchObject({ path: 'direct', disks: [{ blockCount: 3 }, { blockCount: 1 }] })
  })
})

/** Writes, and just before it another try has written. */
const raced =
  (faster: CopyRecord): ReturnType<typeof memoryCopies>['startCopy'] =>
  (record, replaced) => {
    copies.put(faster)
    return copies.startCopy(record, replaced)
  }

describe('a copy under way', () => {
  test('by a run that lives is waited for', async () => {
    copies.put(copying({ run: runOf('other') }))
    living.add(runOf('other'))
    await expect(plan()).rejects.toMatchObject({
      name: 'MachineBusy',
      message: expect.stringContaining(runOf('other')),
    })
    expect(copies.one()).toEqual(copying({ run: runOf('other') }))
  })

  test('by a run that is over is taken over', async () => {
    copies.put(copying({ run: runOf('other') }))
    expect(await plan()).toMatchObject({ path: 'direct', diskCount: 2 })
    expect(copies.one()).toMatchObject({ state: 'copying', run: RUN })
  })

  test('that another run begins at the same moment is lost to it', async () => {
    const over = { ...ports(), copies: { ...copies, startCopy: raced(copying({ run: runOf('other') })) } }
    await expect(plan({}, over)).rejects.toMatchObject({ name: 'LostRace' })
  })
})

describe('which vault', () => {
  test('is the one of the policy, unless told', async () => {
    expect(await plan()).toMatchObject({ vault: 'main' })
    const over = { ...ports(), places: { ...places, far: { bucket: 'far', prefix: '', key: 'k', isOwn: false } } }
    expect(await plan({ vault: 'far' }, over)).toMatchObject({ vault: 'far' })
    expect(await copies.copy(MACHINE, { point: POINT, vault: 'far' })).toMatchObject({ url: 's3://far/' })
  })

  test.each([
    [[], 'names no vault'],
    [['main', 'far'], 'names 2 vaults (main, far)'],
  ])('has to be told when the policy has %j', async (vaults, says) => {
    const copyRules = { nightly: vaults.map((vault) => ({ vault, every: '1 day' })) }
    const message = expect.stringContaining(says)
    await expect(plan({}, { ...ports(), copyRules })).rejects.toMatchObject({ name: 'InvalidInput', message })
  })

  test('that is not deployed is named, with those that are', async () => {
    const message = 'There is no vault elsewhere in this deployment. It has: main.'
    await expect(plan({ vault: 'elsewhere' })).rejects.toMatchObject({ name: 'VaultNotFound', message })
  })
})

test('the record says all that the other states work by', async () => {
  expect(await plan({ path: 'proxy' })).toMatchObject({ path: 'proxy', proxyCount: 1 })
  expect(copies.one()).toMatchObject({
    state: 'copying',
    run: RUN,
    startedAt: NOW,
    capturedAt: NOW,
    url: 's3://vaults/main/',
    reason: '4 blocks to read: asked for',
    proxies: [{ disks: [0, 1] }],
    disks: [
      { volume: volumeOf(1), snapshot: snapshotOf(1), blockCount: 3, sizeBytes: 8 * GIB },
      { volume: volumeOf(2), snapshot: snapshotOf(2), blockCount: 1 },
    ],
  })
  const ids = copies.one()?.disks.map(({ diskCopyId }) => diskCopyId)
  expect(new Set(ids).size).toBe(2)
})

test.each([
  ['gone', snapshotOf(99)],
  ['of another lineage', snapshotOf(2)],
  ['not known', undefined],
])('a disk whose newest copy has a snapshot that is %s is read whole', async (_, snapshot) => {
  copied = [{ volume: volumeOf(1), takenAt: before(24), ...(snapshot === undefined ? {} : { snapshot }) }]
  const disk = await planned()
  expect(disk).toMatchObject({ blockCount: 3, lineageBroken: true })
  expect(disk).not.toHaveProperty('since')
})
