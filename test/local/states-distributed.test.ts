import { readFileSync } from 'node:fs'
import type { DescribeMapRunOutput, ListExecutionsOutput, ListMapRunsOutput } from '@aws-sdk/client-sfn'
import { describe, expect, test } from 'vitest'
import { functionError, invoke, machine, START_MS, statesAccount } from './states-account.ts'
import type { Behaviour } from './states-account.ts'

const work = invoke('work', '{% $states.input %}', { End: true })
const processor = (states: Record<string, object> = { Work: work }) => ({
  ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
  ...machine(states),
})
const reader = {
  Resource: 'arn:aws:states:::s3:getObject',
  ReaderConfig: { InputType: 'JSON' },
  Arguments: { Bucket: 'fleet', Key: '{% $states.input.key %}' },
}
const writer = { Resource: 'arn:aws:states:::s3:putObject', Arguments: { Bucket: 'fleet', Prefix: 'runs/today' } }
const distributed = (more: object = {}) =>
  machine({ Each: { Type: 'Map', Label: 'Each', ItemProcessor: processor(), End: true, ...more } })

function account(behaviour: Behaviour = (payload) => ({ did: payload })) {
  const made = statesAccount({ work: behaviour })
  made.stored.set('fleet/list.json', Buffer.from('[{"id":1},{"id":2},{"id":3}]'))
  return made
}
const failOn =
  (...ids: number[]): Behaviour =>
  ({ id }: { id: number }) =>
    ids.includes(id) ? functionError('Broken', `machine ${id}`) : { did: id }

interface Manifest {
  readonly DestinationBucket: string
  readonly MapRunArn: string
  readonly ResultFiles: Record<'SUCCEEDED' | 'FAILED' | 'PENDING', { Key: string; Size: number }[]>
}

describe('a Distributed Map', () => {
  test('reads its items from S3 and writes what became of them, as files by their end', async () => {
    const { run, objectOf, stored } = account(failOn(2))
    const map = distributed({ ItemReader: reader, ResultWriter: writer, ToleratedFailurePercentage: 100 })
    const result = await run(map, { key: 'list.json' })
    const output = result.output as { MapRunArn: string; ResultWriterDetails: { Bucket: string; Key: string } }
    expect(output.MapRunArn).toMatch(/^arn:aws:states:eu-west-1:111122223333:mapRun:machine\/Each:[0-9a-f-]{36}$/)
    const folder = `runs/today/${output.MapRunArn.split(':').at(-1)}`
    expect(output.ResultWriterDetails).toEqual({ Bucket: 'fleet', Key: `${folder}/manifest.json` })

    const manifest = objectOf(`fleet/${folder}/manifest.json`) as Manifest
    const size = (name: string) => stored.get(`fleet/${folder}/${name}`)?.byteLength
    expect(manifest).toEqual({
      DestinationBucket: 'fleet',
      MapRunArn: output.MapRunArn,
      ResultFiles: {
        FAILED: [{ Key: `${folder}/FAILED_0.json`, Size: size('FAILED_0.json') }],
        PENDING: [],
        SUCCEEDED: [{ Key: `${folder}/SUCCEEDED_0.json`, Size: size('SUCCEEDED_0.json') }],
      },
    })
    const succeeded = objectOf(`fleet/${folder}/SUCCEEDED_0.json`) as Record<string, unknown>[]
    expect(succeeded).toHaveLength(2)
    expect(succeeded[0]).toEqual({
      ExecutionArn: expect.stringMatching(/:execution:machine\/Each:[0-9a-f-]{36}$/),
      Input: '{"id":1}',
      InputDetails: { Included: true },
      Name: expect.stringMatching(/^[0-9a-f-]{36}$/),
      Output: '{"did":1}',
      OutputDetails: { Included: true },
      RedriveCount: 0,
      RedriveStatus: 'NOT_REDRIVABLE',
      RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
      StartDate: '2026-01-05T08:00:00.000Z',
      StateMachineArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:machine/Each',
      Status: 'SUCCEEDED',
      StopDate: '2026-01-05T08:00:00.000Z',
    })
    const failed = objectOf(`fleet/${folder}/FAILED_0.json`) as Record<string, unknown>[]
    expect(failed).toEqual([
      expect.objectContaining({
        Error: 'Broken',
        Status: 'FAILED',
        Input: '{"id":2}',
        RedriveStatus: 'REDRIVABLE_BY_MAP_RUN',
      }),
    ])
  })

  test('tolerates no failure unless told, and stops the other items then', async () => {
    const slow = { Type: 'Choice', Choices: [{ Condition: '{% $states.input = 1 %}', Next: 'Bad' }], Default: 'Slow' }
    const states = { Which: slow, Bad: { Type: 'Fail', Error: 'Bad' }, Slow: { Type: 'Wait', Seconds: 60, End: true } }
    const { run, elapsedMs, api, history } = account()
    const result = await run(distributed({ Items: [0, 1, 2, 3], MaxConcurrency: 3, ItemProcessor: processor(states) }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.ExceedToleratedFailureThreshold' })
    expect(elapsedMs()).toBe(0)
    const [mapRun] = (await api<ListMapRunsOutput>('ListMapRuns', { executionArn: result.arn })).mapRuns ?? []
    const { status, itemCounts } = await api<DescribeMapRunOutput>('DescribeMapRun', { mapRunArn: mapRun?.mapRunArn })
    expect(status).toBe('FAILED')
    expect(itemCounts).toMatchObject({ failed: 1, aborted: 3, total: 4, succeeded: 0, running: 0 })
    expect((await history(result.arn)).map(({ type }) => type).slice(-5)).toEqual([
      'MapStateStarted',
      'MapRunStarted',
      'MapRunFailed',
      'MapStateFailed',
      'ExecutionFailed',
    ])
  })

  test.each([
    [{ ToleratedFailureCount: 1 }, [1], 'SUCCEEDED'],
    [{ ToleratedFailureCount: 1 }, [1, 2], 'FAILED'],
    [{ ToleratedFailurePercentage: 50 }, [1], 'SUCCEEDED'],
    [{ ToleratedFailurePercentage: 50 }, [1, 2], 'FAILED'],
    [{ ToleratedFailurePercentage: 100 }, [1, 2, 3], 'SUCCEEDED'],
    [{ ToleratedFailurePercentage: 100, ToleratedFailureCount: 0 }, [1], 'FAILED'],
  ])('%j with failures on %j is %s', async (tolerance, ids, status) => {
    const { run } = account(failOn(...ids))
    const map = distributed({ ItemReader: reader, ResultWriter: writer, ...tolerance })
    expect(await run(map, { key: 'list.json' })).toMatchObject({ status })
  })

  test('runs no more children at once than allowed, each an execution that is listed by its Map Run only', async () => {
    const { run, elapsedMs, api } = account()
    const states = { Wait: { Type: 'Wait', Seconds: 10, Output: '{% $states.context.Execution.Name %}', End: true } }
    const map = distributed({ Items: [1, 2, 3, 4, 5], MaxConcurrency: 2, ItemProcessor: processor(states) })
    const result = await run(map)
    expect(elapsedMs()).toBe(30_000)
    const [mapRun] = (await api<ListMapRunsOutput>('ListMapRuns', { executionArn: result.arn })).mapRuns ?? []
    const { executions = [] } = await api<ListExecutionsOutput>('ListExecutions', { mapRunArn: mapRun?.mapRunArn })
    expect(executions.map(({ name }) => name).toReversed()).toEqual(result.output)
    const stateMachineArn = 'arn:aws:states:eu-west-1:111122223333:stateMachine:machine'
    const listed = await api<ListExecutionsOutput>('ListExecutions', { stateMachineArn })
    expect(listed.executions?.map(({ name }) => name)).toEqual(['run'])
  })

  test('a list that is not there, or is no list, is States.ItemReaderFailed', async () => {
    const { run, stored } = account()
    expect(await run(distributed({ ItemReader: reader }), { key: 'nowhere' })).toMatchObject({
      error: 'States.ItemReaderFailed',
    })
    const other = account()
    stored.clear()
    other.stored.set('fleet/list.json', Buffer.from('{}'))
    expect(await other.run(distributed({ ItemReader: reader }), { key: 'list.json' })).toMatchObject({
      error: 'States.ItemReaderFailed',
    })
  })

  test('children do not see the variables of the machine', async () => {
    const { run } = account()
    const states = { See: { Type: 'Pass', Output: '{% $exists($outer) %}', End: true } }
    const each = { Type: 'Map', Items: [1], ItemProcessor: processor(states), End: true }
    const result = await run(machine({ Set: { Type: 'Pass', Assign: { outer: 1 }, Next: 'Each' }, Each: each }))
    expect(result.output).toEqual([false])
  })
})

const definition = (name: string): object => {
  const text = readFileSync(`statemachines/${name}.asl.json`, 'utf8')
  const child = 'arn:aws:states:eu-west-1:111122223333:stateMachine:protect-machine'
  return JSON.parse(
    text.replaceAll(/\$\{(\w+)\}/g, (_, what: string) =>
      what === 'ProtectMachineStateMachine' ? child : `arn:aws:lambda:eu-west-1:111122223333:function:${what}`,
    ),
  ) as object
}

function fleet(more: Record<string, Behaviour> = {}) {
  const made = statesAccount({
    InspectMachine: ({ request }: { request: { machine: string } }) => ({
      machine: request.machine,
      policy: 'daily',
    }),
    ReadMounts: (payload: { token: string }) =>
      void made.clock.after(
        5000,
        () => void made.api('SendTaskSuccess', { taskToken: payload.token, output: '{"command":"c-1"}' }),
      ),
    ReservePoint: ({ machine: id }: { machine: string }) => ({ point: `point-${id}` }),
    CreateSnapshots: (_: never, call: number) => (call === 1 ? functionError('AwsThrottled') : {}),
    AwaitSnapshots: (payload: { token: string }, call: number) => {
      if (call > 1) void made.api('SendTaskSuccess', { taskToken: payload.token, output: '{}' })
    },
    CompletePoint: ({ point }: { point: string }) => ({
      point,
      snapshotCount: 2,
      capturedAt: '2026-01-05T08:00:00Z',
    }),
    DiscardPoint: () => ({}),
    ...more,
  })
  return made
}

describe("the product's machines", () => {
  test('protect-machine waits, retries, and ends with its point', async () => {
    const made = fleet()
    const arn = made.states.start(await made.create('protect-machine', definition('protect-machine')), {
      machine: 'i-1',
    })
    expect(await made.states.waitFor(arn)).toEqual({
      status: 'SUCCEEDED',
      output: {
        machine: 'i-1',
        policy: 'daily',
        point: 'point-i-1',
        snapshotCount: 2,
        capturedAt: '2026-01-05T08:00:00Z',
        copies: [],
      },
    })
    // The first look for the snapshots found nothing and no event came: it looked again after 15 minutes.
    expect(made.elapsedMs()).toBeGreaterThan(900_000)
    expect(made.calls.map(({ name }) => name)).toEqual([
      'InspectMachine',
      'ReadMounts',
      'ReservePoint',
      'CreateSnapshots',
      'CreateSnapshots',
      'AwaitSnapshots',
      'AwaitSnapshots',
      'CompletePoint',
    ])
  })

  test('protect-machine discards its point when it fails, and ends with the first error', async () => {
    const made = fleet({ CompletePoint: () => functionError('DiskMissing', 'vol-1 has no snapshot') })
    const arn = made.states.start(await made.create('protect-machine', definition('protect-machine')), {
      machine: 'i-1',
    })
    expect(await made.states.waitFor(arn)).toEqual({
      status: 'FAILED',
      error: 'DiskMissing',
      cause: 'vol-1 has no snapshot',
    })
    expect(made.calls.at(-1)).toMatchObject({
      name: 'DiscardPoint',
      payload: { point: 'point-i-1', error: 'DiskMissing', cause: 'vol-1 has no snapshot' },
    })
  })

  test('protect-fleet protects every machine of the list once', async () => {
    const machines = ['i-1', 'i-2', 'i-3']
    const made = fleet({
      DiscoverMachines: () => {
        made.stored.set('reports/list.json', Buffer.from(JSON.stringify(machines.map((id) => ({ machine: id })))))
        const scheduledAt = new Date(START_MS).toISOString()
        return { policy: 'daily', scheduledAt, bucket: 'reports', key: 'list.json', machineCount: machines.length }
      },
      InspectMachine: ({ request }: { request: { machine: string } }) =>
        request.machine === 'i-2' ? functionError('MachineGone') : { machine: request.machine, policy: 'daily' },
      SummarizeFleet: ({ manifestKey }: { manifestKey: string }) => {
        const manifest = made.objectOf(`reports/${manifestKey}`) as Manifest
        const failedCount = manifest.ResultFiles.FAILED.length
        return { policy: 'daily', protectedCount: 2, failedCount, failures: ['i-2: MachineGone'] }
      },
    })
    await made.create('protect-machine', definition('protect-machine'))
    const arn = made.states.start(await made.create('protect-fleet', definition('protect-fleet')), { policy: 'daily' })
    expect(await made.states.waitFor(arn)).toEqual({
      status: 'FAILED',
      error: 'FleetPartlyProtected',
      cause: '1 of 3 machines of policy daily have no new point: i-2: MachineGone',
    })
    const stateMachineArn = 'arn:aws:states:eu-west-1:111122223333:stateMachine:protect-machine'
    const { executions = [] } = await made.api<ListExecutionsOutput>('ListExecutions', { stateMachineArn })
    expect(executions.map(({ name, status }) => `${name} ${status}`).toSorted()).toEqual([
      'daily-i-1-20260105T080000000Z SUCCEEDED',
      'daily-i-2-20260105T080000000Z FAILED',
      'daily-i-3-20260105T080000000Z SUCCEEDED',
    ])
  })

  test('revert-machine is a valid definition', async () => {
    const made = fleet()
    expect(await made.create('revert-machine', definition('revert-machine'))).toMatch(/:revert-machine$/)
  })
})
