import { deserialize, serialize } from 'node:v8'
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../../local/clock.ts'
import { createThrottling, type Limits } from '../../local/throttling/throttling.ts'
import { AwsError, type Caller } from '../../local/wire/service.ts'
import { refusal, startWireAccount } from './wire-account.ts'

const START_MS = Date.UTC(2026, 2, 1)
const SECOND_MS = 1000

const callerIn = (region: string, accountId = '111122223333'): Caller => ({
  accountId,
  region,
  arn: `arn:aws:iam::${accountId}:user/somebody`,
  accessKeyId: 'test',
  requestId: 'r',
})

function start(limits?: Limits) {
  const clock = manualClock(START_MS)
  const throttling = createThrottling({ clock, ...(limits ? { limits } : {}) })
  const call = (operation: string, input: object = {}, service = 'ec2', caller = callerIn('eu-central-1')): string => {
    try {
      throttling.admit({ service, operation, input, caller })
      return 'admitted'
    } catch (error) {
      return error instanceof AwsError ? `${error.code} ${error.status}` : String(error)
    }
  }
  /** How many calls of a kind go through at once. */
  const burst = (...order: Parameters<typeof call>): number => {
    let admitted = 0
    while (admitted < 10_000 && call(...order) === 'admitted') admitted += 1
    return admitted
  }
  return { clock, throttling, call, burst }
}

describe('the request buckets of EC2', () => {
  it.each([
    ['DescribeVolumes', { VolumeIds: ['vol-1'] }, 100, 20],
    ['DescribeImages', {}, 100, 20],
    ['GetEbsEncryptionByDefault', {}, 100, 20],
    ['DescribeVolumes', {}, 50, 10],
    ['DescribeInstances', { Filters: [], InstanceIds: [] }, 50, 10],
    ['AttachVolume', {}, 50, 5],
    ['CopySnapshot', {}, 50, 5],
    ['StopInstances', { InstanceIds: ['i-1'] }, 50, 5],
    ['CreateSnapshots', {}, 100, 5],
    ['TerminateInstances', { InstanceIds: ['i-1'] }, 100, 5],
    ['CreateTags', {}, 100, 10],
    ['RunInstances', { MaxCount: 1 }, 5, 2],
    ['StartInstances', { InstanceIds: ['i-1'] }, 5, 2],
    ['CopyImage', {}, 100, 1],
  ])('let %s of %j through %i times at once, and %i times a second (AWS facts A.20)', async (...order) => {
    const [operation, input, capacity, perSecond] = order
    const { clock, burst } = start()
    expect(burst(operation, input)).toBe(capacity)
    await clock.advance(SECOND_MS)
    expect(burst(operation, input)).toBe(perSecond)
    await clock.advance(3600 * SECOND_MS)
    expect(burst(operation, input)).toBe(capacity)
  })

  it('refuse the rest with RequestLimitExceeded, status 503 (AWS facts A.20)', () => {
    const { burst, call } = start()
    burst('CreateVolume')
    expect(call('CreateVolume')).toBe('RequestLimitExceeded 503')
  })

  it('refill by fractions: a block of public access may be set once in ten seconds (AWS facts A.20)', async () => {
    const { burst, call, clock } = start()
    expect(burst('EnableSnapshotBlockPublicAccess')).toBe(1)
    for (let seconds = 1; seconds < 10; seconds += 1) {
      await clock.advance(SECOND_MS)
      expect(call('EnableSnapshotBlockPublicAccess')).toBe('RequestLimitExceeded 503')
    }
    await clock.advance(SECOND_MS)
    expect(call('EnableSnapshotBlockPublicAccess')).toBe('admitted')
  })

  it('are separate for each action, account and Region', () => {
    const { burst, call } = start()
    burst('CreateVolume')
    expect(call('DeleteVolume')).toBe('admitted')
    expect(call('CreateVolume', {}, 'ec2', callerIn('us-east-1'))).toBe('admitted')
    expect(call('CreateVolume', {}, 'ec2', callerIn('eu-central-1', '444455556666'))).toBe('admitted')
    expect(call('CreateVolume')).toBe('RequestLimitExceeded 503')
  })

  it.each([
    { Filters: [{ Name: 'status', Values: ['in-use'] }] },
    { MaxResults: 5 },
    { NextToken: 'x' },
    { VolumeIds: ['vol-1'] },
  ])('spare the small bucket of unfiltered describes for %j (AWS facts A.20)', (input) => {
    const { burst, call } = start()
    expect(burst('DescribeVolumes')).toBe(50)
    expect(call('DescribeVolumes', input)).toBe('admitted')
  })
})

describe('the buckets that count instances', () => {
  it('let 1,000 instances start in any number of calls, and two more a second (AWS facts A.20)', async () => {
    const { call, clock } = start()
    expect(call('RunInstances', { MinCount: 1, MaxCount: 400 })).toBe('admitted')
    expect(call('RunInstances', { MinCount: 1, MaxCount: 599 })).toBe('admitted')
    expect(call('RunInstances', { MinCount: 1, MaxCount: 2 })).toBe('RequestLimitExceeded 503')
    expect(call('RunInstances', { MinCount: 1, MaxCount: 1 })).toBe('admitted')
    await clock.advance(SECOND_MS)
    expect(call('RunInstances', { MinCount: 3, MaxCount: 3 })).toBe('RequestLimitExceeded 503')
    expect(call('RunInstances', { MinCount: 2, MaxCount: 2 })).toBe('admitted')
  })

  it('count the instances of a stop (AWS facts A.20)', () => {
    const { call } = start()
    const InstanceIds = Array.from({ length: 600 }, (_, at) => `i-${at}`)
    expect(call('StopInstances', { InstanceIds })).toBe('admitted')
    expect(call('StopInstances', { InstanceIds })).toBe('RequestLimitExceeded 503')
  })

  it('take nothing from one bucket for a call that the other refuses', () => {
    const { call, throttling } = start()
    call('RunInstances', { MaxCount: 1001 })
    expect(throttling.buckets()).toMatchObject([
      { bucket: 'ec2:RunInstances', tokens: 5, throttledCount: 0 },
      { bucket: 'ec2:RunInstances/instances', tokens: 1000, throttledCount: 1 },
    ])
  })
})

describe('the buckets of Step Functions', () => {
  it.each([
    ['eu-west-1', 1300, 300, 300],
    ['eu-central-1', 800, 150, 250],
  ])('depend on the Region: %s (AWS facts C.1)', async (region, starts, startsPerSecond, describes) => {
    const { burst, call, clock } = start()
    const caller = callerIn(region)
    expect(burst('StartExecution', {}, 'states', caller)).toBe(starts)
    expect(call('StartExecution', {}, 'states', caller)).toBe('ThrottlingException 400')
    expect(burst('DescribeExecution', {}, 'states', caller)).toBe(describes)
    await clock.advance(SECOND_MS)
    expect(burst('StartExecution', {}, 'states', caller)).toBe(startsPerSecond)
  })
})

describe('limits', () => {
  it('are adjustable by bucket', () => {
    const { burst } = start({ 'ec2:CreateSnapshots': { capacity: 3, refillPerSecond: 1 } })
    expect([burst('CreateSnapshots'), burst('CreateSnapshot')]).toEqual([3, 100])
  })

  it('can be left out altogether', () => {
    const { burst } = start('none')
    expect(burst('RunInstances')).toBe(10_000)
  })

  it('let through no more than the bucket and its refill, whatever the pace', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(pauses, async (pausesMs) => {
        const { call, clock } = start()
        let admitted = 0
        for (const ms of pausesMs) {
          await clock.advance(ms)
          if (call('StartInstances') === 'admitted') admitted += 1
        }
        expect(admitted).toBeLessThanOrEqual(5 + (2 * pausesMs.reduce((sum, ms) => sum + ms, 0)) / SECOND_MS)
      }),
      { numRuns: 20 },
    )
  })
})

it('knows after a restart what the buckets held', async () => {
  const before = start()
  before.burst('StartInstances')
  const after = start()
  after.throttling.durable.restore(deserialize(serialize(before.throttling.durable.save())))
  expect(after.call('StartInstances')).toBe('RequestLimitExceeded 503')
  await after.clock.advance(SECOND_MS)
  expect(after.burst('StartInstances')).toBe(2)
})

describe('at the door of the account', () => {
  it('a call is throttled before anybody asks whether it is allowed, and does not run', async () => {
    const account = await startWireAccount({ limits: { 'ec2:DescribeVolumes': { capacity: 0, refillPerSecond: 0 } } })
    account.rules.authorize = () => {
      throw new AwsError('UnauthorizedOperation', 'No.', { status: 403 })
    }
    const ec2 = new EC2Client(account.configuration())
    const answer = await refusal(ec2.send(new DescribeVolumesCommand({ MaxResults: 5 })))
    expect(answer).toEqual({ name: 'RequestLimitExceeded', status: 503, message: 'Request limit exceeded.' })
    expect(account.seen).toEqual([])
    await account.server.close()
  })
})
