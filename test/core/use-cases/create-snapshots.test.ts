import { beforeEach, describe, expect, test } from 'vitest'
import type { PointRecord } from '../../../core/contracts/records.ts'
import { TandemError } from '../../../core/errors.ts'
import { MINUTE_MS } from '../../../core/instants.ts'
import { completePoint } from '../../../core/use-cases/complete-point.ts'
import { createSnapshots } from '../../../core/use-cases/create-snapshots.ts'
import { discardPoint } from '../../../core/use-cases/discard-point.ts'
import {
  failOnce,
  hasTags,
  memoryCatalog,
  memoryClock,
  memoryEbs,
  noAnswer,
  throttled,
  type Faults,
  type MemoryClock,
  type MemoryEbs,
} from '../memory.ts'
import {
  captured,
  capturing,
  complete,
  disksOf,
  MACHINE,
  NOW,
  observedMachine,
  observedSnapshot,
  OWNER,
  POINT,
  reserved,
  RUN,
  runOf,
  snapshotOf,
} from '../samples.ts'

/** One CreateSnapshots per point, whatever is lost, repeated or raced; and nothing left of a point that is given up. */
const disks = disksOf(2)
let points: Map<string, PointRecord>
let ebs: MemoryEbs
let faults: Faults
let clock: MemoryClock
let released: string[]
let setCount: number

beforeEach(() => {
  points = new Map([[POINT, reserved(disks)]])
  ebs = memoryEbs()
  faults = new Map()
  clock = memoryClock()
  released = []
  setCount = 0
})

const snapshots = () => ({
  observe: async (ids: readonly string[]) =>
    [...ebs.snapshots.values()].filter(({ snapshot }) => ids.includes(snapshot) && !ebs.hidden.has(snapshot)),
  tagged: async (tags: Readonly<Record<string, string>>) => {
    await faults.get('tagged')?.()
    return [...ebs.snapshots.values()].filter((found) => hasTags(found.tags, tags) && !ebs.hidden.has(found.snapshot))
  },
  async createSet(_machine: string, _exclude: unknown, tags: Readonly<Record<string, string>>) {
    await faults.get('createSet')?.()
    setCount += 1
    const made = disks.map(({ volume }, index) => {
      const snapshot = snapshotOf(10 * setCount + index)
      return observedSnapshot(snapshot, volume, { state: 'pending', startedAt: clock.now(), tags })
    })
    for (const snapshot of made) ebs.snapshots.set(snapshot.snapshot, snapshot)
    await faults.get('createSet lost')?.()
    return made
  },
  async ensureDeleted(snapshot: string) {
    await faults.get('ensureDeleted')?.()
    if (!ebs.hidden.has(snapshot)) ebs.snapshots.delete(snapshot)
  },
})

const ports = () => ({
  machines: { observe: async () => observedMachine(disks) },
  snapshots: snapshots(),
  catalog: memoryCatalog({ points, reverts: new Map() }, faults),
  locks: { release: async (machine: string, owner: string) => void released.push(`${machine} ${owner}`) },
  clock,
  owner: OWNER,
})
const create = (run = RUN) => createSnapshots(ports())({ machine: MACHINE, run, point: POINT })
const discard = (point: string | null = POINT) =>
  discardPoint(ports())({ machine: MACHINE, run: RUN, point, error: 'X', cause: 'y' })
const state = () => points.get(POINT)?.state
const hideAll = (): void => {
  for (const snapshot of ebs.snapshots.keys()) ebs.hidden.add(snapshot)
}

describe('the set of a point', () => {
  test('is asked for once, is recorded, and the machine is let go', async () => {
    expect(await create()).toEqual({ snapshotCount: 2, capturedAt: NOW })
    expect(points.get(POINT)).toMatchObject({
      state: 'captured',
      members: [{ snapshot: snapshotOf(10) }, { snapshot: snapshotOf(11) }],
    })
    expect(released).toEqual([`${MACHINE} ${RUN}`])
  })

  test('is asked for once however often the task runs', async () => {
    const first = await create()
    expect(await create()).toEqual(first)
    expect(setCount).toBe(1)
  })

  test('is found when its answer was lost', async () => {
    failOnce(faults, 'createSet lost', noAnswer())
    await expect(create()).rejects.toMatchObject({ name: 'AwsUnavailable' })
    expect(await create()).toEqual({ snapshotCount: 2, capturedAt: NOW })
    expect(setCount).toBe(1)
  })

  test('is waited for, not asked for again, while EC2 may still hide it', async () => {
    failOnce(faults, 'createSet lost', noAnswer())
    await expect(create()).rejects.toThrow()
    hideAll()
    clock.pass(4 * MINUTE_MS)
    await expect(create()).rejects.toMatchObject({ name: 'NotVisibleYet' })
    ebs.hidden.delete(snapshotOf(10))
    await expect(create()).rejects.toMatchObject({ name: 'NotVisibleYet' })
    ebs.hidden.clear()
    expect(await create()).toMatchObject({ capturedAt: NOW })
    expect(setCount).toBe(1)
  })

  test('is asked for again when nothing has appeared for as long as EC2 may hide it', async () => {
    failOnce(faults, 'createSet', noAnswer())
    await expect(create()).rejects.toThrow()
    clock.pass(5 * MINUTE_MS)
    expect(await create()).toMatchObject({ snapshotCount: 2 })
    expect(setCount).toBe(1)
  })

  test('is asked for again at once when EC2 refused, which is known to have made nothing', async () => {
    failOnce(faults, 'createSet', throttled())
    await expect(create()).rejects.toMatchObject({ name: 'AwsThrottled' })
    expect(state()).toBe('reserved')
    await create()
    expect(setCount).toBe(1)
  })

  test('is found when the record of it could not be written', async () => {
    failOnce(faults, 'advancePoint captured', throttled())
    await expect(create()).rejects.toThrow()
    await create()
    expect([setCount, state()]).toEqual([1, 'captured'])
  })

  test('is asked for once by two tries at the same time', async () => {
    const tries = await Promise.allSettled([create(), create()])
    expect(setCount).toBe(1)
    expect(tries.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(tries.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { name: 'NotVisibleYet' } })
    expect(await create()).toMatchObject({ snapshotCount: 2 })
    expect(setCount).toBe(1)
  })

  test('is not asked for when the disks changed, and the point can still be discarded', async () => {
    const changed = { ...ports(), machines: { observe: async () => observedMachine(disksOf(3)) } }
    await expect(createSnapshots(changed)({ machine: MACHINE, run: RUN, point: POINT })).rejects.toMatchObject({
      name: 'DiskLayoutChanged',
    })
    expect([setCount, state()]).toEqual([0, 'reserved'])
    expect(await discard()).toEqual({ deletedSnapshotCount: 0 })
  })

  test('is not asked for when the point was given up meanwhile', async () => {
    await discard()
    await expect(create()).rejects.toMatchObject({ name: 'LostRace' })
    expect(setCount).toBe(0)
  })
})

describe('a point that is given up', () => {
  test('leaves no snapshot and lets go of the machine', async () => {
    await create()
    released = []
    expect(await discard()).toEqual({ deletedSnapshotCount: 2 })
    expect([ebs.snapshots.size, state()]).toEqual([0, 'failed'])
    expect(released).toEqual([`${MACHINE} ${RUN}`])
  })

  test('is given up once, however often it is asked for', async () => {
    await create()
    await discard()
    expect(await discard()).toEqual({ deletedSnapshotCount: 0 })
    expect(points.get(POINT)).toMatchObject({ failure: { error: 'X', cause: 'y' } })
  })

  test('is found by its run alone, and one that was never reserved is nothing to do', async () => {
    expect(await discard(null)).toEqual({ deletedSnapshotCount: 0 })
    expect(released).toHaveLength(1)
    expect(state()).toBe('reserved')
  })

  test.each(['capturing', 'captured'] as const)(
    'while %s: waits for snapshots that EC2 still hides, and deletes every one',
    async (when) => {
      if (when === 'capturing') failOnce(faults, 'createSet lost', noAnswer())
      await create().catch(() => undefined)
      expect(state()).toBe(when)
      hideAll()
      await expect(discard()).rejects.toMatchObject({ name: 'NotVisibleYet' })
      expect(ebs.snapshots.size).toBe(2)
      ebs.hidden.delete(snapshotOf(10))
      await expect(discard()).rejects.toMatchObject({ name: 'NotVisibleYet' })
      ebs.hidden.clear()
      expect(await discard()).toEqual({ deletedSnapshotCount: 2 })
      expect([ebs.snapshots.size, state()]).toEqual([0, 'failed'])
    },
  )

  test('is not held up for ever by a set that was never made', async () => {
    points.set(POINT, capturing(disks))
    clock.pass(5 * MINUTE_MS)
    expect(await discard()).toEqual({ deletedSnapshotCount: 0 })
    expect(state()).toBe('failed')
  })

  test('loses no snapshot to a try that asks for the set at the same time', async () => {
    // The discarding task has read the point as reserved when another, still alive, asks EC2.
    faults.set('tagged', async () => {
      faults.delete('tagged')
      failOnce(faults, 'createSet lost', noAnswer())
      await create().catch(() => undefined)
      hideAll()
    })
    await expect(discard()).rejects.toMatchObject({ name: 'LostRace' })
    ebs.hidden.clear()
    await discard()
    expect([ebs.snapshots.size, state()]).toEqual([0, 'failed'])
  })

  test('deletes nothing of a point that is complete, whatever its run ended with', async () => {
    points.set(POINT, complete(disks))
    const tags = { 'tandem:owner': OWNER, 'tandem:point': POINT, 'tandem:run': RUN }
    ebs.snapshots.set(snapshotOf(1), observedSnapshot(snapshotOf(1), disks[0]!.volume, { tags }))
    expect(await discard()).toEqual({ deletedSnapshotCount: 0 })
    expect([ebs.snapshots.size, state()]).toEqual([1, 'complete'])
  })

  test("deletes nothing of another point's or another deployment's", async () => {
    const foreign = [
      { 'tandem:owner': 'other', 'tandem:point': POINT, 'tandem:run': RUN },
      { 'tandem:owner': OWNER, 'tandem:point': 'pt-2', 'tandem:run': RUN },
      { 'tandem:owner': OWNER, 'tandem:point': POINT, 'tandem:run': runOf('other') },
    ]
    for (const [index, tags] of foreign.entries())
      ebs.snapshots.set(snapshotOf(index), observedSnapshot(snapshotOf(index), disks[0]!.volume, { tags }))
    await discard()
    expect(ebs.snapshots.size).toBe(3)
  })
})

const finish = () => completePoint(ports())({ machine: MACHINE, run: RUN, point: POINT })

const copied = (): void => {
  for (const [id, snapshot] of ebs.snapshots) ebs.snapshots.set(id, { ...snapshot, state: 'completed' })
}

describe('completing a point', () => {
  test('needs every snapshot completed, and can be repeated', async () => {
    await create()
    await expect(finish()).rejects.toMatchObject({ name: 'NotVisibleYet' })
    copied()
    const done = { point: POINT, snapshotCount: 2, capturedAt: NOW }
    expect(await finish()).toEqual(done)
    expect(await finish()).toEqual(done)
    expect(state()).toBe('complete')
  })

  test('is refused for a point that was given up', async () => {
    await discard()
    await expect(finish()).rejects.toMatchObject({ name: 'LostRace' })
  })

  test('never wins over a discard that has begun to delete: no complete point is without its snapshots', async () => {
    await create()
    copied()
    // Both have read the point as captured; the discard deletes while the other still looks.
    faults.set('advancePoint complete', async () => {
      faults.delete('advancePoint complete')
      failOnce(faults, 'advancePoint failed', throttled())
      await discard().catch(() => undefined)
    })
    await expect(finish()).rejects.toMatchObject({ name: 'LostRace' })
    expect(state()).not.toBe('complete')
  })

  test('wins over a discard that comes later, which then deletes nothing', async () => {
    points.set(POINT, captured(disks))
    for (const { snapshot, volume } of captured(disks).members)
      ebs.snapshots.set(snapshot, observedSnapshot(snapshot, volume))
    faults.set('advancePoint capturing', async () => {
      faults.delete('advancePoint capturing')
      await finish()
    })
    await expect(discard()).rejects.toBeInstanceOf(TandemError)
    expect([ebs.snapshots.size, state()]).toEqual([2, 'complete'])
    expect(await discard()).toEqual({ deletedSnapshotCount: 0 })
  })
})
