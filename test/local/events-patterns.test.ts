import { describe, expect, test } from 'vitest'
import { compilePattern } from '../../local/events/pattern.ts'

describe('patterns', () => {
  const event = {
    source: 'aws.ec2',
    detail: { state: 'running', size: 8, tags: ['a', 'b'], none: null, on: true, deep: { er: 'x' }, ip: '10.0.0.7' },
  }

  test.each([
    [{ source: ['aws.ec2'] }, true],
    [{ source: ['aws.ebs', 'aws.ec2'] }, true],
    [{ source: ['AWS.EC2'] }, false],
    [{ detail: { ip: [{ cidr: '10.0.0.0/24' }] } }, true],
    [{ detail: { ip: [{ cidr: '10.0.1.0/24' }] } }, false],
    [{ detail: { state: ['stopped'] } }, false],
    [{ source: ['aws.ec2'], detail: { state: ['stopped'] } }, false],
    [{ detail: { tags: ['b'] } }, true],
    [{ detail: { size: [8] } }, true],
    [{ detail: { size: ['8'] } }, false],
    [{ detail: { none: [null] } }, true],
    [{ detail: { on: [true] } }, true],
    [{ detail: { deep: { er: ['x'] } } }, true],
    [{ detail: { state: [{ prefix: 'run' }] } }, true],
    [{ detail: { state: [{ prefix: { 'equals-ignore-case': 'RUN' } }] } }, true],
    [{ detail: { state: [{ suffix: 'run' }] } }, false],
    [{ detail: { state: [{ suffix: 'ning' }] } }, true],
    [{ detail: { state: [{ 'equals-ignore-case': 'RUNNING' }] } }, true],
    [{ detail: { state: [{ wildcard: 'r*n*g' }] } }, true],
    [{ detail: { state: [{ wildcard: 'r.nning' }] } }, false],
    [{ detail: { state: [{ 'anything-but': 'running' }] } }, false],
    [{ detail: { state: [{ 'anything-but': ['stopped', 'pending'] }] } }, true],
    [{ detail: { state: [{ 'anything-but': { prefix: 'run' } }] } }, false],
    [{ detail: { absent: [{ 'anything-but': 'x' }] } }, false],
    [{ detail: { size: [{ numeric: ['>', 0, '<=', 8] }] } }, true],
    [{ detail: { size: [{ numeric: ['=', 9] }] } }, false],
    [{ detail: { state: [{ numeric: ['>', 0] }] } }, false],
    [{ detail: { state: [{ exists: true }] } }, true],
    [{ detail: { deep: [{ exists: true }] } }, false],
    [{ detail: { absent: [{ exists: false }] } }, true],
    [{ detail: { absent: { er: [{ exists: false }] } } }, true],
    [{ $or: [{ source: ['aws.s3'] }, { detail: { state: ['running'] } }] }, true],
    [{ detail: { $or: [{ state: ['stopped'] }, { size: [9] }] } }, false],
  ])('%j: %s', (pattern, fits) => {
    expect(compilePattern(JSON.stringify(pattern))(event)).toBe(fits)
  })

  test.each([
    ['{', 'Invalid JSON'],
    ['[]', 'Filter is not an object'],
    ['{}', 'Empty objects are not allowed'],
    ['{"source":"aws.ec2"}', '"source" must be an object or an array'],
    ['{"source":[]}', 'Empty arrays are not allowed'],
    ['{"detail":{}}', 'Empty objects are not allowed'],
    ['{"source":[{"like":"x"}]}', 'Unrecognized match type like'],
    ['{"source":[{"cidr":"10.0.0.0"}]}', "Malformed CIDR, one '/' required"],
    ['{"source":[{"cidr":"10.0.0.0/33"}]}', "Malformed CIDR, one '/' required"],
    ['{"source":[{"prefix":1}]}', 'prefix match pattern must be a string'],
    ['{"source":[{"exists":"yes"}]}', 'exists match pattern must be either true or false.'],
    ['{"source":[{"numeric":["~",1]}]}', 'Unrecognized numeric range operator: ~'],
    ['{"source":[{"prefix":"a","suffix":"b"}]}', 'Only one key allowed in match expression'],
  ])('refuses %s', (pattern, reason) => {
    expect(() => compilePattern(pattern)).toThrow(
      expect.objectContaining({
        code: 'InvalidEventPatternException',
        message: `Event pattern is not valid. Reason: ${reason}`,
      }),
    )
  })
})
