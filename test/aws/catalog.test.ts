import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dynamodbCatalog } from '../../aws/catalog.ts'
import type { PointIn, RevertIn } from '../../core/contracts/records.ts'
import { dynamodbLocks } from '../../aws/locks.ts'
import type { Catalog, Locks } from '../../core/ports.ts'
import { plusMs } from '../../core/instants.ts'
import * as samples from '../core/samples.ts'
import { everything, startCatalogTable, type CatalogTable } from './catalog-table.ts'

const { NOW, RUN, runOf } = samples
let dynamodb: CatalogTable
let catalog: Catalog
let locks: Locks
let machine: string
let subjectCount = 0

beforeAll(async () => {
  dynamodb = await startCatalogTable()
  catalog = dynamodbCatalog(dynamodb.table)
  locks = dynamodbLocks(dynamodb.table, { isRunning: async () => false })
})
afterAll(() => dynamodb.close())
beforeEach(async () => {
  subjectCount += 1
  machine = `i-${subjectCount.toString(16).padStart(17, '0')}`
  await locks.acquire({ version: 1, machine, owner: RUN, takenAt: NOW })
})

/** Each test has a machine, points and reverts of its own. */
const idOf = (prefix: string, number: number): string =>
  `${prefix}-${(1000 * subjectCount + number).toString(16).padStart(20, '0')}`
const point = (number = 1, changes: Partial<PointIn<'reserved'>> = {}) =>
  samples.reserved(samples.disksOf(2), {
    machine,
    point: idOf('pt', number),
    reservedAt: plusMs(NOW, number),
    ...changes,
  })
const revert = (number = 1, changes: Partial<RevertIn<'planned'>> = {}) =>
  samples.planned(samples.swapsOf(2), {
    machine,
    revert: idOf('rv', number),
    startedAt: plusMs(NOW, number),
    ...changes,
  })
const record = (observedAt = NOW) => ({ ...samples.machineRecordOf(), machine, observedAt })

const capturing = (from: PointIn<'reserved'>): PointIn<'capturing'> => ({ ...from, state: 'capturing', askedAt: NOW })
const captured = (from: PointIn<'reserved'>, capturedAt = NOW): PointIn<'captured'> => ({
  ...from,
  state: 'captured',
  members: samples.captured().members,
  capturedAt,
})
const complete = (from: PointIn<'reserved'>, capturedAt = NOW): PointIn<'complete'> => ({
  ...captured(from, capturedAt),
  state: 'complete',
  completedAt: NOW,
})
const failed = (from: PointIn<'reserved'>): PointIn<'failed'> => ({
  ...from,
  state: 'failed',
  failedAt: NOW,
  failure: { error: 'X', cause: 'y' },
})

describe('a machine', () => {
  test('is kept as it was seen last, and listed', async () => {
    await catalog.putMachine(record())
    await catalog.putMachine({ ...record(plusMs(NOW, 1)), policy: 'weekly' })
    expect(await catalog.machine(machine)).toEqual({ ...record(plusMs(NOW, 1)), policy: 'weekly' })
    expect((await everything(catalog.machines())).map((seen) => seen.machine)).toContain(machine)
  })

  test('is not overwritten by an older look', async () => {
    await catalog.putMachine(record(plusMs(NOW, 1)))
    await catalog.putMachine({ ...record(NOW), policy: 'weekly' })
    expect(await catalog.machine(machine)).toEqual(record(plusMs(NOW, 1)))
  })

  test('keeps its last complete point when it is seen again', async () => {
    await catalog.putMachine(record())
    await catalog.reservePoint(point())
    await catalog.advancePoint(['reserved'], captured(point()))
    await catalog.advancePoint(['captured'], complete(point()))
    await catalog.putMachine(record(plusMs(NOW, 1)))
    expect(await catalog.machine(machine)).toMatchObject({
      lastCompletePoint: { point: point().point, capturedAt: NOW },
    })
  })

  test('that was never seen is not there', async () => {
    expect(await catalog.machine(machine)).toBeUndefined()
  })
})

describe('a point', () => {
  test('is reserved once, and found by machine and by its id alone', async () => {
    expect(await catalog.reservePoint(point())).toBe('moved')
    expect(await catalog.reservePoint(point())).toBe('already')
    expect(await catalog.point(machine, point().point)).toEqual(point())
    expect(await catalog.pointById(point().point)).toEqual(point())
    expect(await catalog.point('i-0000000000000ffff', point().point)).toBeUndefined()
  })

  test('of another run is not ours to reserve', async () => {
    await catalog.reservePoint(point())
    await expect(catalog.reservePoint(point(1, { run: runOf('other') }))).rejects.toMatchObject({ name: 'LostRace' })
  })

  test('moves once: the second time it is there already', async () => {
    await catalog.reservePoint(point())
    expect(await catalog.advancePoint(['reserved'], capturing(point()))).toBe('moved')
    expect(await catalog.advancePoint(['reserved'], capturing(point()))).toBe('already')
    expect(await catalog.point(machine, point().point)).toEqual(capturing(point()))
  })

  test.each<[string, () => PointIn<'capturing' | 'failed'>]>([
    ['from a state that it has left', () => failed(point())],
    ['for another run', () => ({ ...capturing(point()), run: runOf('other') })],
  ])('does not move %s: LostRace, and it stays as it is', async (_, to) => {
    await catalog.reservePoint(point())
    await catalog.advancePoint(['reserved'], captured(point()))
    await expect(catalog.advancePoint(['reserved'], to())).rejects.toMatchObject({ name: 'LostRace' })
    expect(await catalog.point(machine, point().point)).toEqual(captured(point()))
  })

  test('that does not exist does not move', async () => {
    await expect(catalog.advancePoint(['reserved'], capturing(point()))).rejects.toMatchObject({
      name: 'LostRace',
      message: expect.stringContaining('gone'),
    })
  })

  test('is moved by one of two that try at once', async () => {
    await catalog.reservePoint(point())
    const tries = await Promise.allSettled([
      catalog.advancePoint(['reserved'], capturing(point())),
      catalog.advancePoint(['reserved'], failed(point())),
    ])
    expect(tries.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('points are listed newest first, page by page', async () => {
    for (const number of [1, 2, 3]) await catalog.reservePoint(point(number))
    const first = await catalog.points(machine, { limit: 2 })
    const second = await catalog.points(machine, { limit: 2, ...(first.next ? { after: first.next } : {}) })
    expect([...first.points, ...second.points].map((found) => found.point)).toEqual(
      [3, 2, 1].map((number) => point(number).point),
    )
  })
})

const completeOne = async (number: number, capturedAt: string) => {
  const one = point(number)
  await catalog.reservePoint(one)
  await catalog.advancePoint(['reserved'], captured(one, capturedAt))
  return catalog.advancePoint(['captured'], complete(one, capturedAt))
}

describe('the last complete point of a machine', () => {
  test('is none before one is complete', async () => {
    await catalog.putMachine(record())
    await catalog.reservePoint(point())
    expect(await catalog.latestCompletePoint(machine)).toBeUndefined()
  })

  test('moves with the point, once', async () => {
    await catalog.putMachine(record())
    expect(await completeOne(1, NOW)).toBe('moved')
    expect(await catalog.advancePoint(['captured'], complete(point(1)))).toBe('already')
    expect(await catalog.latestCompletePoint(machine)).toEqual(complete(point(1)))
  })

  test('is not moved back by an older point that is completed after a newer one', async () => {
    await catalog.putMachine(record())
    await completeOne(2, plusMs(NOW, 60_000))
    expect(await completeOne(1, NOW)).toBe('moved')
    expect((await catalog.latestCompletePoint(machine))?.point).toBe(point(2).point)
    expect((await catalog.point(machine, point(1).point))?.state).toBe('complete')
  })

  test('is not moved by a point that lost its race', async () => {
    await catalog.putMachine(record())
    await catalog.reservePoint(point())
    await catalog.advancePoint(['reserved'], failed(point()))
    await expect(catalog.advancePoint(['captured'], complete(point()))).rejects.toMatchObject({ name: 'LostRace' })
    expect(await catalog.machine(machine)).toEqual(record())
  })
})

const swapping = (from: RevertIn<'planned'>): RevertIn<'swapping'> => ({
  ...from,
  state: 'swapping',
  swapStartedAt: NOW,
})

describe('a revert', () => {
  test('is started once and moves once', async () => {
    expect(await catalog.startRevert(revert())).toBe('moved')
    expect(await catalog.startRevert(revert())).toBe('already')
    expect(await catalog.advanceRevert(['planned'], swapping(revert()))).toBe('moved')
    expect(await catalog.advanceRevert(['planned'], swapping(revert()))).toBe('already')
    expect(await catalog.revert(machine, revert().revert)).toEqual(swapping(revert()))
  })

  test('of a run that has lost the lock is not started', async () => {
    await locks.acquire({ version: 1, machine, owner: runOf('next'), takenAt: NOW })
    await expect(catalog.startRevert(revert())).rejects.toMatchObject({ name: 'LostRace' })
    expect(await catalog.reverts(machine)).toEqual([])
  })

  test('reverts are listed newest first', async () => {
    for (const number of [1, 2, 3]) await catalog.startRevert(revert(number))
    expect((await catalog.reverts(machine)).map((found) => found.revert)).toEqual(
      [3, 2, 1].map((number) => revert(number).revert),
    )
  })

  test('of a dead run is adopted by one living run, and by no second', async () => {
    await catalog.startRevert(revert())
    expect(await catalog.adoptRevert(revert(), runOf('next'))).toEqual({ ...revert(), run: runOf('next') })
    expect(await catalog.adoptRevert(revert(), runOf('next'))).toEqual({ ...revert(), run: runOf('next') })
    await expect(catalog.adoptRevert(revert(), runOf('third'))).rejects.toMatchObject({ name: 'LostRace' })
  })

  test('that was adopted no longer obeys the run that lost it', async () => {
    await catalog.startRevert(revert())
    await catalog.adoptRevert(revert(), runOf('next'))
    await expect(catalog.advanceRevert(['planned'], swapping(revert()))).rejects.toMatchObject({ name: 'LostRace' })
  })

  test('is marked as undone when it was carried out, and not otherwise', async () => {
    const done = {
      ...samples.reverted(samples.swapsOf(2)),
      machine,
      revert: revert().revert,
      startedAt: revert().startedAt,
    }
    await catalog.startRevert(revert())
    await catalog.markUndone(machine, revert().revert, revert(2).revert)
    expect(await catalog.revert(machine, revert().revert)).toEqual(revert())
    await catalog.advanceRevert(['planned'], done)
    await catalog.markUndone(machine, revert().revert, revert(2).revert)
    expect(await catalog.revert(machine, revert().revert)).toEqual({ ...done, undoneBy: revert(2).revert })
  })
})

const openOf = async (kind: string) =>
  (await everything(dynamodb.table.queryIndex('open', kind)))
    .filter((item) => item['machine'] === machine)
    .map(({ state }) => state)

describe('what is not finished', () => {
  test.each([
    ['complete', () => complete(point())],
    ['failed', () => failed(point())],
  ])('holds a point until it is %s', async (_, last) => {
    await catalog.reservePoint(point())
    expect(await openOf('POINT')).toEqual(['reserved'])
    await catalog.advancePoint(['reserved'], captured(point()))
    expect(await openOf('POINT')).toEqual(['captured'])
    await catalog.advancePoint(['captured'], last())
    expect(await openOf('POINT')).toEqual([])
  })

  test('holds a revert until it is settled', async () => {
    await catalog.startRevert(revert())
    expect(await openOf('REVERT')).toEqual(['planned'])
    await catalog.advanceRevert(['planned'], {
      ...revert(),
      state: 'failed',
      failedAt: NOW,
      failure: { error: 'X', cause: 'y' },
    })
    expect(await openOf('REVERT')).toEqual([])
  })
})

test('an item that does not parse is our mistake, and is named with what is wrong in it', async () => {
  const key = { pk: `MACHINE#${machine}`, sk: 'MACHINE' }
  await dynamodb.write(key, { ...record(), version: 2, disks: [] })
  await expect(catalog.machine(machine)).rejects.toMatchObject({
    name: 'ContractBroken',
    message: expect.stringMatching(new RegExp(`${key.pk}/MACHINE does not parse: .*version: .*disks: `)),
  })
  await dynamodb.write({ pk: `MACHINE#${machine}`, sk: `POINT#${NOW}#x` }, { ...point(), state: 'complete' })
  await expect(catalog.points(machine)).rejects.toMatchObject({ name: 'ContractBroken' })
  await dynamodb.write({ pk: `MACHINE#${machine}`, sk: `REVERT#${NOW}#x` }, { ...revert(), run: RUN.slice(0, 9) })
  await expect(catalog.reverts(machine)).rejects.toMatchObject({ name: 'ContractBroken' })
})
