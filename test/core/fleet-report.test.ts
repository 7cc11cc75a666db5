import { describe, expect, test } from 'vitest'
import { countChildren, failuresOf, parseManifest } from '../../core/fleet-report.ts'
import { MACHINE } from './samples.ts'

const KEY = 'runs/x/manifest.json'
const input = JSON.stringify({ machine: MACHINE })
const failures = (...children: object[]): string[] => failuresOf(JSON.stringify(children), KEY)

describe('the manifest of a fleet run', () => {
  test('names the files of what ended well and of what did not, never started ones included', () => {
    const manifest = {
      DestinationBucket: 'reports',
      MapRunArn: 'arn:…',
      ResultFiles: {
        FAILED: [{ Key: 'failed', Size: 1 }],
        PENDING: [{ Key: 'pending', Size: 1 }],
        SUCCEEDED: [{ Key: 'well', Size: 1 }],
      },
    }
    expect(parseManifest(JSON.stringify(manifest), KEY)).toEqual({ succeeded: ['well'], failed: ['failed', 'pending'] })
  })

  test('may leave kinds out', () => {
    expect(parseManifest('{"ResultFiles":{}}', KEY)).toEqual({ succeeded: [], failed: [] })
  })

  test.each(['', 'null', '[]', '{"ResultFiles":[]}', '{'])(
    'that reads %j is our mistake or that of AWS, and named',
    (text) => {
      expect(() => parseManifest(text, KEY)).toThrow(
        expect.objectContaining({ name: 'ContractBroken', message: expect.stringContaining(KEY) }),
      )
    },
  )
})

describe('a failure of one machine', () => {
  test('is told with the error of its own run, not that of the Task around it', () => {
    const cause = JSON.stringify({ ExecutionArn: 'arn:…', Error: 'SnapshotFailed', Cause: 'key disabled' })
    expect(failures({ Input: input, Error: 'States.TaskFailed', Cause: cause })).toEqual([
      `${MACHINE}: SnapshotFailed: key disabled`,
    ])
  })

  test.each<[string, object, string]>([
    [
      'a cause that is no JSON',
      { Input: input, Error: 'States.Timeout', Cause: 'too late' },
      `${MACHINE}: States.Timeout: too late`,
    ],
    ['no cause', { Input: input, Error: 'States.Timeout' }, `${MACHINE}: States.Timeout`],
    ['never started', { Input: input }, `${MACHINE}: not started`],
    ['an input that is no JSON', { Input: '{', Error: 'X', Cause: 'y' }, 'a machine: X: y'],
    ['no input', { Error: 'X', Cause: 'y' }, 'a machine: X: y'],
  ])('with %s is told as far as it goes', (_, child, told) => {
    expect(failures(child)).toEqual([told])
  })
})

test('children are counted, and a file that holds none is refused', () => {
  expect(countChildren('[{},{"Output":"{}"}]', KEY)).toBe(2)
  expect(() => countChildren('{}', KEY)).toThrow(expect.objectContaining({ name: 'ContractBroken' }))
})
