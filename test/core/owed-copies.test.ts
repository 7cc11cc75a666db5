import { describe, expect, test } from 'vitest'
import type { CopyRecord } from '../../core/contracts/copy-records.ts'
import { owedCopies } from '../../core/due-copies.ts'
import { plusMs } from '../../core/instants.ts'
import { statusOf } from '../../core/status.ts'
import { committed, copying, failed } from './copying.ts'
import { captured, complete, disksOf, MACHINE, NOW, RUN, runOf } from './samples.ts'

/** Copies that a policy asks for and that nobody has begun: their start failed, and no record tells of it. */
const HOUR_MS = 3_600_000
const hours = (count: number): string => plusMs(NOW, count * HOUR_MS)
const daily = [{ vault: 'main', every: '1 day' }]

/** A point that was captured, and is complete, so many hours from now. */
const point = (at: number, completedAt = at) => ({
  ...complete(disksOf(1), hours(at)),
  point: `pt-of-${at}`,
  run: runOf(`of-${at}`),
  completedAt: hours(completedAt),
})
const owed = (copies: CopyRecord[], points = [point(-2)]) => owedCopies(daily, copies, points, NOW)

describe('a copy is owed', () => {
  test('when the first point under the policy was not copied', () =>
    expect(owed([])).toEqual([
      { vault: 'main', every: '1 day', machine: MACHINE, point: 'pt-of--2', run: runOf('of--2') },
    ]))

  test('since the first of the points that should have been copied, however often others come', () => {
    const hourly = [point(0), point(-1), point(-2), point(-3)]
    const latest = hours(-26)
    expect(owed([committed({ capturedAt: latest })], hourly)).toMatchObject([{ point: 'pt-of--3', latest }])
  })

  test.each<[string, CopyRecord[], ReturnType<typeof point>[]]>([
    ['the last copy is not old enough', [committed({ capturedAt: hours(-20) })], [point(-2)]],
    ['one is under way', [copying({ capturedAt: hours(-2) })], [point(-2)]],
    ['the point has only just become complete, however long ago it was captured', [], [point(-9, -0.9)]],
  ])('not when %s', (_, copies, points) => expect(owed(copies, points)).toEqual([]))

  test('when the last one failed: then its record says so', () => {
    expect(owed([failed({ capturedAt: hours(-2) })])).toHaveLength(1)
  })

  test('not for points that are not complete', () => {
    expect(owedCopies(daily, [], [captured(disksOf(1), hours(-9))], NOW)).toEqual([])
  })
})

const found = (copies: CopyRecord[], latest?: string) =>
  statusOf({
    now: NOW,
    observed: [],
    records: [],
    points: [],
    reverts: [],
    copies,
    owed: [{ vault: 'main', every: '1 day', machine: MACHINE, point: 'pt-1', run: RUN, ...(latest ? { latest } : {}) }],
    ledger: [],
    locks: [],
    livingRuns: new Set(),
  }).findings

describe('what tandem status says of it', () => {
  test.each([
    [undefined, 'should be copied to vault main every day, and was never; no copy of pt-1 was begun'],
    [
      hours(-50),
      `should be copied to vault main every day, and is not since its point of ${hours(-50)}; no copy of pt-1 was begun`,
    ],
  ])('names machine, vault and run, and what to do', (latest, finding) => {
    const advice = `tandem copy ${MACHINE} --vault main --wait; why not is in the output of ${RUN}`
    expect(found([], latest)).toEqual([{ about: MACHINE, finding, advice }])
  })

  test('is one finding, not two, when the last copy failed', () => {
    expect(found([failed()])).toMatchObject([{ finding: expect.stringContaining('AccessDenied') }])
  })
})
