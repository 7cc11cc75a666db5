import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expiringVaults, judgePoints, keepsIn, type Keeps, type PointToJudge } from '../../core/copy-retention.ts'
import { DAY_MS } from '../../core/instants.ts'

const AT = { nowMs: 100 * DAY_MS, graceMs: DAY_MS }

const taken = (days: number, { machine = 'i-1', policy = 'hourly', writtenDays = days } = {}): PointToJudge => ({
  name: `points/${machine}/${days}`,
  machine,
  policy,
  capturedAtMs: AT.nowMs - days * DAY_MS,
  writtenMs: AT.nowMs - writtenDays * DAY_MS,
})

/** `5: why it stays`, `9 goes: why`, the newest first. */
const verdicts = (keeps: Keeps, points: readonly PointToJudge[]): string[] =>
  judgePoints(points, keeps, AT).map(
    ({ name, isDue, reason }) => `${name.replace('points/i-1/', '')}${isDue ? ' goes' : ''}: ${reason}`,
  )

describe('a point in a vault', () => {
  test.each<[string, Keeps, PointToJudge[], string[]]>([
    [
      'goes when it is older than its policy keeps',
      { hourly: '1 week' },
      [taken(1), taken(6.9), taken(7), taken(30)],
      [
        '1: the newest of i-1',
        '6.9: younger than the 1 week that policy hourly keeps',
        '7 goes: policy hourly keeps 1 week',
        '30 goes: policy hourly keeps 1 week',
      ],
    ],
    [
      'goes when its machine has so many newer ones',
      { hourly: '2 copies' },
      [taken(10), taken(20), taken(30)],
      [
        '10: the newest of i-1',
        '20: one of the 2 copies of i-1 that policy hourly keeps',
        '30 goes: policy hourly keeps 2 copies',
      ],
    ],
    [
      'is judged by its own policy, and counted among all of its machine',
      { hourly: '2 copies', weekly: '40 days' },
      [
        taken(10, { policy: 'weekly' }),
        taken(20, { policy: 'weekly' }),
        taken(30),
        taken(35, { policy: 'weekly' }),
        taken(50, { policy: 'weekly' }),
      ],
      [
        '10: the newest of i-1',
        '20: younger than the 40 days that policy weekly keeps',
        '30 goes: policy hourly keeps 2 copies',
        '35: younger than the 40 days that policy weekly keeps',
        '50 goes: policy weekly keeps 40 days',
      ],
    ],
    [
      'stays when nobody says how long it is kept',
      { hourly: '1 day' },
      [
        taken(10),
        taken(20, { policy: 'nightly' }),
        { ...taken(30), policy: undefined },
        taken(40, { policy: 'constructor' }),
      ],
      [
        '10: the newest of i-1',
        '20: policy nightly keeps copies here for ever',
        '30: its policy is not known',
        '40: policy constructor keeps copies here for ever',
      ],
    ],
    [
      'stays while it was written just now, however old it is',
      { hourly: '1 day' },
      [taken(1), taken(90, { writtenDays: 0.9 }), taken(91, { writtenDays: 1 })],
      ['1: the newest of i-1', '90: written within the grace period', '91 goes: policy hourly keeps 1 day'],
    ],
  ])('%s', (_, keeps, points, expected) => {
    expect(verdicts(keeps, points.toReversed())).toEqual(expected)
  })

  test('never goes while it is the newest of its machine, whatever the policies and clocks say', () => {
    const point = fc.record({
      days: fc.integer({ min: -5, max: 3000 }),
      machine: fc.constantFrom('i-1', 'i-2'),
      policy: fc.constantFrom('hourly', 'nightly', 'other'),
      writtenDays: fc.integer({ min: -5, max: 3000 }),
    })
    const keep = fc.constantFrom('1 day', '2 weeks', '1 copy', '3 copies')
    fc.assert(
      fc.property(fc.array(point, { maxLength: 12 }), keep, keep, (points, hourly, nightly) => {
        const judged = judgePoints(
          points.map(({ days, ...rest }) => taken(days, rest)),
          { hourly, nightly },
          AT,
        )
        for (const machine of ['i-1', 'i-2']) {
          const [newest] = judged.filter((one) => one.machine === machine)
          if (newest) expect(newest.isDue).toBe(false)
        }
        for (const { isDue, policy, writtenMs } of judged)
          if (isDue)
            expect([policy, AT.nowMs - writtenMs >= AT.graceMs]).toEqual([expect.not.stringMatching('other'), true])
      }),
    )
  })
})

test('a vault expires when any policy says how long it keeps copies there', () => {
  const rules = {
    hourly: [
      { vault: 'main', every: '1 day', keep: '30 days' },
      { vault: 'offsite', every: '1 week' },
    ],
    nightly: [
      { vault: 'main', every: '1 day', keep: '10 copies' },
      { vault: 'far', every: '1 day' },
    ],
  }
  expect(expiringVaults(rules)).toEqual(['main'])
  expect(keepsIn(rules, 'main')).toEqual({ hourly: '30 days', nightly: '10 copies' })
  expect(keepsIn(rules, 'offsite')).toEqual({})
})
