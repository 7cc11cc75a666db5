import { describe, expect, test } from 'vitest'
import * as tasks from '../../core/contracts/tasks.ts'
import { parsePolicyFile } from '../../core/policy-file.ts'
import { parseRequest } from '../../core/parse-request.ts'
import { MACHINE, POINT } from './samples.ts'

const PATH = 'policies.json'
const nightly = { schedule: 'cron(0 2 * * ? *)' }
const parse = (content: unknown) =>
  parsePolicyFile(typeof content === 'string' ? content : JSON.stringify(content), PATH)

const daily = { vault: 'main', every: '1 day' }

describe('the policy file', () => {
  test('needs a name and a schedule; the rest has a default', () => {
    expect(parse({ policies: { nightly } }).policies).toEqual({
      nightly: { ...nightly, timeZone: 'UTC', spreadMinutes: 0, keepReplacedDays: 7, copies: [] },
    })
  })

  test.each(['rate(1 hour)', 'rate(6 hours)', 'rate(15 minutes)', 'rate(1 day)', 'cron(0/15 8-18 ? * MON-FRI *)'])(
    'knows %s',
    (schedule) => {
      expect(parse({ policies: { nightly: { schedule } } }).policies['nightly']?.schedule).toBe(schedule)
    },
  )

  test.each(['1 day', '30 days', '1 week', '12 weeks', '1 copy', '10 copies', '9999 days'])(
    'keeps copies for %s',
    (keep) => {
      const file = { vaults: { main: {} }, policies: { nightly: { ...nightly, copies: [{ ...daily, keep }] } } }
      expect(parse(file).policies['nightly']?.copies).toEqual([{ ...daily, keep }])
    },
  )

  test.each<[string, unknown, RegExp]>([
    [
      'policies.nightly.schedule',
      { policies: { nightly: { schedule: 'hourly' } } },
      /not a schedule; expected e\.g\. rate\(6 hours\)/,
    ],
    ['policies.nightly.schedule', { policies: { nightly: { schedule: 'rate(1 hours)' } } }, /not a schedule/],
    [
      'policies.nightly.copies.0.vault',
      { policies: { nightly: { ...nightly, copies: [{ vault: 'main', every: '1 day' }] } } },
      /no vault main under "vaults"/,
    ],
    [
      'policies.nightly.copies.1.vault',
      { vaults: { main: {} }, policies: { nightly: { ...nightly, copies: [daily, { ...daily, every: '1 week' }] } } },
      /name a vault once/,
    ],
    [
      'policies.nightly.copies.0.every',
      { vaults: { main: {} }, policies: { nightly: { ...nightly, copies: [{ vault: 'main', every: '1 days' }] } } },
      /not an interval; expected e\.g\. 1 day/,
    ],
    ...['30', '0 days', '1 days', '01 days', '2 copy', '6 months', '30 days or 10 copies', '10000 days'].map(
      (keep): [string, unknown, RegExp] => [
        'policies.nightly.copies.0.keep',
        { vaults: { main: {} }, policies: { nightly: { ...nightly, copies: [{ ...daily, keep }] } } },
        /not how long copies are kept; expected e\.g\. 30 days, 12 weeks or 10 copies/,
      ],
    ),
    ['vaults.main', { vaults: { main: { at: 's3://acme-vault' } }, policies: { nightly } }, /both at and key/],
    ['policies.nightly.schedule', { policies: { nightly: { schedule: 'rate(0 minutes)' } } }, /not a schedule/],
    ['policies.nightly.schedule', { policies: { nightly: {} } }, /string/],
    ['policies.nightly.timeZone', { policies: { nightly: { ...nightly, timeZone: 'Berlin' } } }, /IANA/],
    ['policies.nightly.spreadMinutes', { policies: { nightly: { ...nightly, spreadMinutes: 1441 } } }, /1440/],
    ['policies.nightly.spreadMinutes', { policies: { nightly: { ...nightly, spreadMinutes: 0.5 } } }, /whole number/],
    ['policies.nightly.keepReplacedDays', { policies: { nightly: { ...nightly, keepReplacedDays: 0 } } }, /1/],
    ['policies.nightly', { policies: { nightly: { ...nightly, keepDays: 7 } } }, /keepDays/],
    ['policies.Nightly', { policies: { Nightly: nightly } }, /not a policy name; 1 to 40/],
    ['policies', { policies: {} }, /name at least one/],
    ['policies', {}, /./],
  ])('is refused with the path %s and what is wrong there', (path, content, message) => {
    expect(() => parse(content)).toThrow(
      expect.objectContaining({
        name: 'PolicyFileInvalid',
        message: expect.stringMatching(new RegExp(`^${PATH} [^]*\n  ${path}: .*${message.source}`)),
      }),
    )
  })

  test('is refused with all its faults at once', () => {
    expect(() => parse({ policies: { nightly: { schedule: 'x', timeZone: 'y' }, weekly: { schedule: 'z' } } })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/nightly\.schedule[^]*nightly\.timeZone[^]*weekly\.schedule/),
      }),
    )
  })

  test('that is no JSON is refused with its name and the place', () => {
    expect(() => parse('{"policies":')).toThrow(
      expect.objectContaining({
        name: 'PolicyFileInvalid',
        message: expect.stringMatching(/^policies\.json is not JSON: /),
      }),
    )
  })
})

describe('the input of an execution', () => {
  const example = '{"machine":"i-0123456789abcdef0"}'
  test.each<[unknown, RegExp]>([
    [{}, /machine: /],
    [{ machine: 'web-1' }, /machine: not an instance id; expected e\.g\. i-/],
    [{ machine: MACHINE.toUpperCase() }, /machine: not an instance id/],
    [{ machine: MACHINE, point: 'latest' }, /point: not a point id/],
    [{ machine: MACHINE, point: POINT, undo: true }, /give either point or undo, not both/],
    [{ Comment: 'Insert your JSON here' }, /Comment/],
    [null, /./],
  ])('%j is refused by name, with what is wrong and an example that would do', (request, message) => {
    expect(() => parseRequest(tasks.revertInput, request, example)).toThrow(
      expect.objectContaining({
        name: 'InvalidInput',
        message: expect.stringMatching(new RegExp(`${message.source}[^]*Expected e\\.g\\. ${example}`)),
      }),
    )
  })

  test('the example itself does', () => {
    expect(parseRequest(tasks.revertInput, JSON.parse(example), example)).toEqual({ machine: 'i-0123456789abcdef0' })
    expect(parseRequest(tasks.protectInput, JSON.parse(example), example)).toEqual({ machine: 'i-0123456789abcdef0' })
  })
})
