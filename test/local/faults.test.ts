import { deserialize, serialize } from 'node:v8'
import * as ec2 from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { fits } from '../../local/fault-patterns.ts'
import { Faults } from '../../local/faults.ts'
import { throttled } from '../../local/refusals.ts'
import { refusal, startWireAccount } from './wire-account.ts'

const describing = (input: unknown) => ({ service: 'ec2', operation: 'DescribeVolumes', input })
const FAIL = { kind: 'fail', code: 'InternalError' } as const

describe('a target', () => {
  it.each([
    [{}, { a: 1 }, true],
    [{ operation: 'Create*' }, { operation: 'CreateTags' }, true],
    [{ operation: 'Create*' }, { operation: 'DeleteTags' }, false],
    [{ operation: 'a.c' }, { operation: 'abc' }, false],
    [{ input: { Ids: ['vol-2'] } }, { input: { Ids: ['vol-1', 'vol-2'] } }, true],
    [{ input: { Ids: ['vol-3'] } }, { input: { Ids: ['vol-1', 'vol-2'] } }, false],
    [
      { input: { Filters: [{ Name: 'x', Values: ['1'] }] } },
      { input: { Filters: [{ Name: 'x', Values: ['1', '2'] }] } },
      true,
    ],
    [{ input: { DryRun: true } }, { input: { DryRun: false } }, false],
    [{ input: { Ids: ['vol-1'] } }, { input: {} }, false],
    [{ input: { a: { b: 'c' } } }, { input: { a: 'c' } }, false],
    [{ at: '2026-*' }, { at: new Date(Date.UTC(2026, 1)) }, true],
  ])('written %j fits %j: %s', (pattern, value, expected) => {
    expect(fits(pattern, value)).toBe(expected)
  })
})

describe('a planned fault', () => {
  it('strikes as often as planned, and says what it struck', () => {
    const faults = new Faults()
    const id = faults.onCall({ operation: 'Describe*', input: { VolumeIds: ['vol-1'] } }, FAIL, 2)
    const targets = ['vol-1', 'vol-2', 'vol-1', 'vol-1'].map((volume) => describing({ VolumeIds: [volume] }))
    expect(targets.map((target) => faults.forCall(target)?.kind)).toEqual(['fail', undefined, 'fail', undefined])
    const strike = { fault: id, on: 'call', subject: 'ec2:DescribeVolumes', effect: 'fail' }
    expect(faults.struck).toEqual([strike, strike])
    expect(faults.planned).toMatchObject([{ id, times: 2, left: 0, struckCount: 2 }])
    expect(faults.unused).toBe(0)
  })

  it('is unused while hits are left, or without an end until its first one', () => {
    const faults = new Faults()
    faults.onCall({}, FAIL, 2)
    faults.forCall(describing({}))
    faults.onInvocation({}, { kind: 'throttle' }, Infinity)
    expect(faults.unused).toBe(2)
    faults.forCall(describing({}))
    faults.forInvocation({ functionName: 'f', payload: {} })
    expect(faults.unused).toBe(0)
  })

  it('can be taken back', () => {
    const faults = new Faults()
    const id = faults.onEvent({}, { kind: 'drop' })
    expect([faults.remove(id), faults.remove(id)]).toEqual([true, false])
    expect(faults.forEvent({ source: 's', detailType: 't', detail: {} })).toBeUndefined()
  })

  it.each([0, -1, Number.NaN])('cannot strike %d times', (times) => {
    expect(() => new Faults().onCall({}, FAIL, times)).toThrow(RangeError)
  })
})

/** Which of 5,000 calls are struck. */
function struckOf(seed: number): number[] {
  const faults = new Faults()
  faults.onCall({ service: 'ec2' }, FAIL, { probability: 0.02, seed })
  return Array.from({ length: 5000 }, (_, order) => order).filter(() => faults.forCall(describing({})))
}

describe('a fault of a probability', () => {
  it('strikes about that part of the calls', () => {
    expect(struckOf(7).length).toBeGreaterThan(70)
    expect(struckOf(7).length).toBeLessThan(130)
  })

  it('strikes the same calls in every run of the same seed, and others with another', () => {
    expect(struckOf(7)).toEqual(struckOf(7))
    expect(struckOf(7)).not.toEqual(struckOf(8))
  })

  it('strikes the same calls of an operation whatever other operations are called between them', () => {
    const faults = new Faults()
    faults.onCall({ service: 'ec2' }, FAIL, { probability: 0.02, seed: 7 })
    const struck = Array.from({ length: 5000 }, (_, order) => order).filter((order) => {
      for (let others = order % 3; others > 0; others -= 1)
        faults.forCall({ service: 'ec2', operation: 'CreateTags', input: {} })
      return faults.forCall(describing({}))
    })
    expect(struck).toEqual(struckOf(7))
  })

  it('goes on after a restart where it was', () => {
    const expected = struckOf(7)
    const before = new Faults()
    before.onCall({ service: 'ec2' }, FAIL, { probability: 0.02, seed: 7 })
    const first = Array.from({ length: 1000 }, (_, order) => order).filter(() => before.forCall(describing({})))
    const after = new Faults()
    after.durable.restore(deserialize(serialize(before.durable.save())))
    expect(after.struck).toEqual(before.struck)
    const rest = Array.from({ length: 4000 }, (_, order) => order + 1000).filter(() => after.forCall(describing({})))
    expect([...first, ...rest]).toEqual(expected)
  })
})

it.each([
  ['ec2', 'RequestLimitExceeded', 503],
  ['states', 'ThrottlingException', 400],
  ['ebs', 'RequestThrottledException', 400],
  ['lambda', 'TooManyRequestsException', 429],
  ['s3', 'SlowDown', 503],
])('%s refuses who asks too often with %s (AWS facts A.20, B, C.1)', (service, code, status) => {
  expect(throttled(service)).toMatchObject({ code, status })
})

describe('at the door of the account', () => {
  it('a throttled call does nothing, a duplicated one does its work twice and is answered once', async () => {
    const account = await startWireAccount()
    const client = new ec2.EC2Client(account.configuration())
    const deletes = (): Promise<unknown> => client.send(new ec2.DeleteVolumeCommand({ VolumeId: 'vol-1' }))
    account.faults.onCall({ operation: 'DeleteVolume' }, { kind: 'throttle' })
    expect(await refusal(deletes())).toMatchObject({ name: 'RequestLimitExceeded', status: 503 })
    expect(account.seen).toEqual([])
    account.faults.onCall({ operation: 'DeleteVolume' }, { kind: 'duplicate' })
    await deletes()
    expect(account.seen).toHaveLength(2)
    expect(account.calls).toHaveLength(2)
    await account.server.close()
  })
})
