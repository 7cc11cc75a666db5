import { describe, expect, test } from 'vitest'
import { parseExpression } from '../../local/scheduler/expression.ts'

/** The first times of an expression after an instant, in UTC. */
function times(expression: string, from: string, count: number, timeZone = 'UTC'): string[] {
  const parsed = parseExpression(expression, timeZone)
  const found: string[] = []
  let at: number | undefined = Date.parse(from)
  while (found.length < count && (at = parsed.next(at, Date.parse(from))) !== undefined)
    found.push(new Date(at).toISOString().slice(0, 16))
  return found
}

describe('expressions', () => {
  // 2031-01-01 is a Wednesday.
  test.each([
    ['cron(0 3 * * ? *)', ['2031-01-01T03:00', '2031-01-02T03:00']],
    ['cron(0/20 8-9 ? * MON-FRI *)', ['2031-01-01T08:00', '2031-01-01T08:20', '2031-01-01T08:40', '2031-01-01T09:00']],
    ['cron(15 10 ? * 1 *)', ['2031-01-05T10:15', '2031-01-12T10:15']],
    ['cron(0 0 L * ? *)', ['2031-01-31T00:00', '2031-02-28T00:00']],
    ['cron(0 0 ? * L *)', ['2031-01-04T00:00', '2031-01-11T00:00']],
    ['cron(0 0 ? * 6L *)', ['2031-01-31T00:00', '2031-02-28T00:00']],
    ['cron(0 0 ? * FRIL *)', ['2031-01-31T00:00', '2031-02-28T00:00']],
    ['cron(0 0 ? * 3#2 *)', ['2031-01-14T00:00', '2031-02-11T00:00']],
    ['cron(0 0 ? * MON#1 *)', ['2031-01-06T00:00', '2031-02-03T00:00']],
    ['cron(0 0 4W * ? *)', ['2031-01-03T00:00', '2031-02-04T00:00']],
    ['cron(30 12 29 FEB ? *)', ['2032-02-29T12:30', '2036-02-29T12:30']],
    ['cron(0 0 1 1 ? 2033,2035)', ['2033-01-01T00:00', '2035-01-01T00:00']],
    ['at(2031-05-06T07:08:09)', ['2031-05-06T07:08']],
    ['at(2030-05-06T07:08:09)', []],
    ['rate(90 minutes)', ['2031-01-01T01:30', '2031-01-01T03:00']],
    ['rate(1 day)', ['2031-01-02T00:00', '2031-01-03T00:00']],
  ])('%s', (expression, expected) => {
    expect(times(expression, '2031-01-01T00:00:00Z', Math.max(expected.length, 1))).toEqual(expected)
  })

  test('a wall time that spring leaves out is skipped, one that autumn repeats runs once', () => {
    // Berlin 2031: from 2:00 to 3:00 on March 30, back from 3:00 to 2:00 on October 26.
    expect(times('cron(30 2 * * ? *)', '2031-03-29T00:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2031-03-29T01:30',
      '2031-03-31T00:30',
    ])
    expect(times('cron(30 2 * * ? *)', '2031-10-25T12:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2031-10-26T00:30',
      '2031-10-27T01:30',
    ])
    expect(times('cron(0/30 2 26 10 ? 2031)', '2031-10-25T12:00:00Z', 9, 'Europe/Berlin')).toEqual([
      '2031-10-26T00:00',
      '2031-10-26T00:30',
    ])
    expect(times('at(2031-07-01T12:00:00)', '2031-01-01T00:00:00Z', 1, 'America/New_York')).toEqual([
      '2031-07-01T16:00',
    ])
  })
})
