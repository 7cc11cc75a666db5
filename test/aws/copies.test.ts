import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dynamodbCopies } from '../../aws/copies.ts'
import type { CopyIn } from '../../core/contracts/copy-records.ts'
import type { Copies } from '../../core/copy-ports.ts'
import { plusMs } from '../../core/instants.ts'
import * as samples from '../core/copying.ts'
import { NOW, RUN, runOf } from '../core/samples.ts'
import { everything, startCatalogTable, type CatalogTable } from './catalog-table.ts'

/** Records of copies in DynamoDB: of two that write at once, one is told that it was slower. */
let dynamodb: CatalogTable
let copies: Copies
let machine: string
let subjectCount = 0

beforeAll(async () => {
  dynamodb = await startCatalogTable()
  copies = dynamodbCopies(dynamodb.table)
})
afterAll(() => dynamodb.close())
beforeEach(() => {
  subjectCount += 1
  machine = `i-${subjectCount.toString(16).padStart(17, '0')}`
})

const pointOf = (number: number): string => `pt-${number.toString(16).padStart(20, '0')}`
const copying = (changes: Partial<CopyIn<'copying'>> = {}) => samples.copying({ machine, ...changes })
const committed = (changes: Partial<CopyIn<'committed'>> = {}) => samples.committed({ machine, ...changes })
const failed = (changes: Partial<CopyIn<'failed'>> = {}) => samples.failed({ machine, ...changes })
const stored = ({ point, vault } = copying()) => copies.copy(machine, { point, vault })
const other = { run: runOf('other') }

describe('a copy', () => {
  test('is started once, and found by its point and vault', async () => {
    expect(await stored()).toBeUndefined()
    expect(await copies.startCopy(copying(), undefined)).toBe('moved')
    expect(await copies.startCopy(copying({ reason: 'another plan' }), undefined)).toBe('already')
    expect(await stored()).toEqual(copying())
    expect(await copies.copy(machine, { point: copying().point, vault: 'far' })).toBeUndefined()
  })

  test('that another run has started is not ours', async () => {
    await copies.startCopy(copying(other), undefined)
    await expect(copies.startCopy(copying(), undefined)).rejects.toMatchObject({
      name: 'LostRace',
      message: expect.stringContaining(`of run ${other.run}`),
    })
    expect(await stored()).toEqual(copying(other))
  })

  test('of a run that is over is taken over by one of two that try at once', async () => {
    const dead = copying(other)
    await copies.startCopy(dead, undefined)
    const tries = await Promise.allSettled(
      ['one', 'two'].map((name) => copies.startCopy(copying({ run: runOf(name) }), dead)),
    )
    expect(tries.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const winner = tries[0]?.status === 'fulfilled' ? 'one' : 'two'
    expect(await stored()).toMatchObject({ run: runOf(winner) })
  })

  test('that failed is begun again, unless it has moved since it was looked at', async () => {
    await copies.startCopy(copying(other), undefined)
    await copies.advanceCopy(['copying'], failed(other))
    expect(await copies.startCopy(copying(), failed(other))).toBe('moved')
    await expect(copies.startCopy(copying({ run: runOf('late') }), failed(other))).rejects.toMatchObject({
      name: 'LostRace',
    })
    expect(await stored()).toEqual(copying())
  })

  test('moves once: the second time it is there already', async () => {
    await copies.startCopy(copying(), undefined)
    expect(await copies.advanceCopy(['copying'], committed())).toBe('moved')
    expect(await copies.advanceCopy(['copying'], committed())).toBe('already')
    expect(await stored()).toEqual(committed())
  })

  test.each<[string, () => CopyIn<'committed' | 'failed'>]>([
    ['from a state that it has left', () => failed()],
    ['for another run', () => committed(other)],
  ])('does not move %s', async (_, to) => {
    await copies.startCopy(copying(), undefined)
    await copies.advanceCopy(['copying'], committed())
    await expect(copies.advanceCopy(['copying'], to())).rejects.toMatchObject({ name: 'LostRace' })
    expect(await stored()).toEqual(committed())
  })

  test('that does not exist does not move', async () => {
    await expect(copies.advanceCopy(['copying'], committed())).rejects.toMatchObject({
      name: 'LostRace',
      message: expect.stringContaining('gone'),
    })
  })
})

test('copies of a machine are listed by the instants of their points, the newest first, whichever was made first', async () => {
  for (const number of [2, 3, 1])
    await copies.startCopy(copying({ point: pointOf(number), capturedAt: plusMs(NOW, number) }), undefined)
  await copies.startCopy({ ...copying(), machine: 'i-000000000000fffff' }, undefined)
  expect((await copies.copies(machine)).map(({ point }) => point)).toEqual([3, 2, 1].map(pointOf))
})

test('a copy is open until it is committed or failed', async () => {
  const open = async () =>
    (await everything(copies.openCopies())).filter((copy) => copy.machine === machine).map(({ vault }) => vault)
  for (const vault of ['one', 'two', 'three']) await copies.startCopy(copying({ vault }), undefined)
  expect((await open()).toSorted()).toEqual(['one', 'three', 'two'])
  await copies.advanceCopy(['copying'], committed({ vault: 'one' }))
  await copies.advanceCopy(['copying'], failed({ vault: 'two' }))
  expect(await open()).toEqual(['three'])
  await copies.startCopy(copying({ vault: 'two' }), failed({ vault: 'two' }))
  expect((await open()).toSorted()).toEqual(['three', 'two'])
})

test('a record that does not parse is our mistake, and is named', async () => {
  const key = { pk: `MACHINE#${machine}`, sk: `COPY#${copying().point}#main` }
  await dynamodb.write(key, { ...copying(), run: RUN.slice(0, 9) })
  await expect(stored()).rejects.toMatchObject({
    name: 'ContractBroken',
    message: expect.stringContaining(`${key.pk}/${key.sk} does not parse`),
  })
  await expect(copies.copies(machine)).rejects.toMatchObject({ name: 'ContractBroken' })
})
