import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  DescribeInstanceInformationRequest,
  DescribeInstanceInformationResult,
  GetCommandInvocationResult,
  ListCommandInvocationsRequest,
  ListCommandInvocationsResult,
  SendCommandRequest,
  SendCommandResult,
} from '@aws-sdk/client-ssm'
import { expect, onTestFinished, test } from 'vitest'
import { createSsm } from '../../local/ssm/ssm.ts'
import type { EmittedEvent } from '../../local/wire/service.ts'
import { INSTANCE_ID, START_MS, machine, whenChanged } from './guest-machine.ts'
import type { Machine } from './guest-machine.ts'

const CALLER = {
  accountId: '123456789012',
  region: 'eu-central-1',
  arn: 'arn:aws:iam::123456789012:user/test',
  accessKeyId: 'AKIA',
  requestId: '1',
}
const NO_NODE = 'i-00000000000000000'

interface Systems extends Machine {
  readonly events: EmittedEvent[]
  describe(input?: DescribeInstanceInformationRequest): Promise<DescribeInstanceInformationResult>
  send(input: Partial<SendCommandRequest>): Promise<string>
  get(commandId: string, instanceId?: string): Promise<GetCommandInvocationResult>
  list(input: ListCommandInvocationsRequest): Promise<ListCommandInvocationsResult>
  /** Looks again and again until the invocation has ended. */
  end(commandId: string): Promise<GetCommandInvocationResult>
}

function systems(options: Parameters<typeof machine>[1] = {}): Systems {
  const here = machine(undefined, options)
  const events: EmittedEvent[] = []
  const ssm = createSsm({
    ...here,
    accountId: CALLER.accountId,
    region: CALLER.region,
    emit: (event) => events.push(event),
  })
  onTestFinished(() => ssm.close())
  const call = async (operation: string, input: object): Promise<unknown> =>
    ssm.service.operations[operation]!(input as never, CALLER)
  const get = (commandId: string, instanceId = INSTANCE_ID) =>
    call('GetCommandInvocation', {
      CommandId: commandId,
      InstanceId: instanceId,
    }) as Promise<GetCommandInvocationResult>
  return {
    ...here,
    events,
    get,
    describe: (input = {}) => call('DescribeInstanceInformation', input) as Promise<DescribeInstanceInformationResult>,
    list: (input) => call('ListCommandInvocations', input) as Promise<ListCommandInvocationsResult>,
    async send(input) {
      const request = { DocumentName: 'AWS-RunShellScript', InstanceIds: [INSTANCE_ID], ...input }
      const answer = (await call('SendCommand', request)) as SendCommandResult
      return answer.Command?.CommandId ?? ''
    },
    async end(commandId) {
      for (;;) {
        await here.clock.sleep(1000)
        const invocation = await get(commandId)
        if (!['Pending', 'InProgress'].includes(invocation.Status ?? '')) return invocation
      }
    },
  }
}

const run = (...commands: string[]): Partial<SendCommandRequest> => ({ Parameters: { commands } })

test('answers for running guests only, and not for one whose agent is off', async () => {
  const here = systems()
  expect((await here.describe()).InstanceInformationList).toEqual([])
  const guest = await here.guests.start(here.spec)
  expect((await here.describe()).InstanceInformationList).toMatchObject([
    { InstanceId: INSTANCE_ID, PingStatus: 'Online', PlatformType: 'Linux', IPAddress: '10.0.0.5' },
  ])
  await guest.stop()
  expect((await here.describe()).InstanceInformationList).toEqual([])
  await here.guests.start({ ...here.spec, tags: { ssm: 'off' } })
  expect((await here.describe()).InstanceInformationList).toEqual([])
  await expect(here.send(run('true'))).rejects.toMatchObject({ code: 'InvalidInstanceId' })
})

test('filters by instance and by status, in both of the ways that the API has', async () => {
  const here = systems()
  await here.guests.start(here.spec)
  const found = async (...filters: [string, string[]][]) => {
    const newer = await here.describe({ Filters: filters.map(([Key, Values]) => ({ Key, Values })) })
    const older = await here.describe({
      InstanceInformationFilterList: filters.map(([key, valueSet]) => ({ key: key as never, valueSet })),
    })
    expect(newer).toEqual(older)
    return newer.InstanceInformationList?.length
  }
  expect(await found(['InstanceIds', [INSTANCE_ID]], ['PingStatus', ['Online']])).toBe(1)
  expect(await found(['InstanceIds', [NO_NODE]])).toBe(0)
  expect(await found(['PingStatus', ['ConnectionLost', 'Inactive']])).toBe(0)
  await expect(found(['InstanceIds', ['nonsense']])).rejects.toMatchObject({ code: 'InvalidInstanceId' })
  await expect(found(['PingStatus', ['online']])).rejects.toMatchObject({
    code: 'InvalidInstanceInformationFilterValue',
  })
  await expect(found(['Nonsense', ['x']])).rejects.toMatchObject({ code: 'InvalidFilterKey' })
  await expect(found(['tag:Name', ['x']])).rejects.toMatchObject({ code: 'NotImplemented', status: 501 })
  await expect(here.describe({ MaxResults: 4 })).rejects.toMatchObject({ code: 'ValidationException' })
})

test('runs the lines of a command as one script and reports its output', async () => {
  const here = systems()
  await here.guests.start(here.spec)
  const commandId = await here.send(run('word=hello', 'echo "$word from $GUEST_INSTANCE_ID"', 'echo aside >&2'))
  expect(commandId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(await here.end(commandId)).toMatchObject({
    Status: 'Success',
    StatusDetails: 'Success',
    ResponseCode: 0,
    StandardOutputContent: `hello from ${INSTANCE_ID}\n`,
    StandardErrorContent: 'aside\n',
    ExecutionStartDateTime: '2026-01-01T00:00:00.800Z',
  })
})

test('is not yet known right after it was sent, then pending, then in progress', async () => {
  const here = systems()
  const guest = await here.guests.start(here.spec)
  const commandId = await here.send(run('touch started; until [[ -e go ]]; do read -r -t 0.01 _ <> <(:); done; true'))
  await expect(here.get(commandId)).rejects.toMatchObject({ code: 'InvocationDoesNotExist' })
  await here.clock.sleep(400)
  expect(await here.get(commandId)).toMatchObject({ Status: 'Pending', ResponseCode: -1, ExecutionStartDateTime: '' })
  await whenChanged(join(guest.root, 'started'), () => existsSync(join(guest.root, 'started')))
  expect(await here.get(commandId)).toMatchObject({ Status: 'InProgress', ResponseCode: -1, ExecutionEndDateTime: '' })
  writeFileSync(join(guest.root, 'go'), '')
  expect(await here.end(commandId)).toMatchObject({ Status: 'Success' })
})

test('reports a failure with the exit code, and an overrun as timed out', async () => {
  const here = systems()
  await here.guests.start(here.spec)
  const failing = await here.send(run('exit 3'))
  expect(await here.end(failing)).toMatchObject({
    Status: 'Failed',
    ResponseCode: 3,
    StandardErrorContent: 'failed to run commands: exit status 3',
  })
  const nowhere = await here.send({ Parameters: { commands: ['true'], workingDirectory: ['/nowhere'] } })
  expect(await here.end(nowhere)).toMatchObject({ Status: 'Failed', ResponseCode: 1 })
  const slow = await here.send({ Parameters: { commands: ['sleep 1000'], executionTimeout: ['1'] } })
  expect(await here.end(slow)).toMatchObject({
    Status: 'TimedOut',
    StatusDetails: 'ExecutionTimedOut',
    ResponseCode: 137,
  })
})

test('cuts output where the API does', async () => {
  const here = systems()
  await here.guests.start(here.spec)
  const commandId = await here.send(run('printf "%030000d" 0', 'printf "%09000d" 0 >&2'))
  const { StandardOutputContent, StandardErrorContent } = await here.end(commandId)
  expect([StandardOutputContent?.length, StandardErrorContent?.length]).toEqual([24_000, 8000])
})

test('emits an event for each change of an invocation', async () => {
  const here = systems()
  await here.guests.start(here.spec)
  const commandId = await here.send(run('false'))
  await here.end(commandId)
  expect(here.events.map(({ detail }) => detail['status'])).toEqual(['InProgress', 'Failed'])
  expect(here.events[1]).toEqual({
    source: 'aws.ssm',
    'detail-type': 'EC2 Command Invocation Status-change Notification',
    resources: [`arn:aws:ec2:eu-central-1:123456789012:instance/${INSTANCE_ID}`],
    detail: {
      'command-id': commandId,
      'document-name': 'AWS-RunShellScript',
      'instance-id': INSTANCE_ID,
      'requested-date-time': '2026-01-01T00:00:00.000Z',
      status: 'Failed',
    },
  })
})

test('waits for a machine that stopped before the command came, and gives up when the command expires', async () => {
  const here = systems()
  const guest = await here.guests.start(here.spec)
  const input = { Parameters: { commands: ['true'], executionTimeout: ['60'] }, TimeoutSeconds: 40 }
  const [late, never] = [await here.send(input), await here.send(input)]
  await guest.stop()
  await here.clock.sleep(20_000)
  expect(await here.get(late)).toMatchObject({ Status: 'Pending' })
  await here.clock.sleep(79_999)
  expect(await here.get(never)).toMatchObject({ Status: 'Pending' })
  await here.clock.sleep(1)
  expect(await here.get(never)).toMatchObject({
    Status: 'TimedOut',
    StatusDetails: 'DeliveryTimedOut',
    ResponseCode: -1,
  })

  const again = await here.guests.start(here.spec)
  const delivered = await here.send(input)
  await again.stop()
  await here.clock.sleep(20_000)
  await here.guests.start(here.spec)
  await here.clock.sleep(15_000)
  expect(await here.get(delivered)).toMatchObject({ Status: 'Success' })
})

test('never learns how a script ended that ended with its machine', async () => {
  const here = systems()
  const guest = await here.guests.start(here.spec)
  const commandId = await here.send({
    Parameters: { commands: ['touch started; sleep 1000'], executionTimeout: ['60'] },
    TimeoutSeconds: 30,
  })
  await whenChanged(join(guest.root, 'started'), () => existsSync(join(guest.root, 'started')))
  await guest.stop()
  await here.clock.sleep(60_000)
  expect(await here.get(commandId)).toMatchObject({ Status: 'InProgress' })
  await here.clock.sleep(30_000)
  expect(await here.get(commandId)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' })
})

test('does not race through the years for the sake of a command that waits', async () => {
  const here = systems()
  const guest = await here.guests.start(here.spec)
  await here.send(run('true'))
  await guest.stop()
  await here.clock.sleep(1000)
  for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done))
  expect(here.clock.now()).toBe(START_MS + 1000)
})

test('lists invocations, newest first, page by page', async () => {
  const here = systems()
  await here.guests.start(here.spec)
  const first = await here.send({ ...run('echo one; false'), Comment: 'the first' })
  await here.end(first)
  const second = await here.send(run('echo two'))
  await here.end(second)
  const page = await here.list({ MaxResults: 1 })
  expect(page.CommandInvocations).toMatchObject([{ CommandId: second, Status: 'Success', CommandPlugins: [] }])
  const rest = await here.list({ MaxResults: 1, NextToken: page.NextToken, Details: true })
  expect(rest).toMatchObject({
    NextToken: undefined,
    CommandInvocations: [
      { CommandId: first, Comment: 'the first', Status: 'Failed', CommandPlugins: [{ ResponseCode: 1 }] },
    ],
  })
  expect(rest.CommandInvocations?.[0]?.CommandPlugins?.[0]?.Output).toMatch(/^one\n\n----------ERROR-------\nfailed/)
  expect((await here.list({ CommandId: first, InstanceId: NO_NODE })).CommandInvocations).toEqual([])
  await expect(here.list({ NextToken: 'nonsense' })).rejects.toMatchObject({ code: 'InvalidNextToken' })
})

const commands = ['true']
test.each<[string, Partial<SendCommandRequest>, string]>([
  ['no instance', { InstanceIds: [] }, 'InvalidInstanceId'],
  ['an instance without agent', { InstanceIds: [INSTANCE_ID, NO_NODE] }, 'InvalidInstanceId'],
  ['an instance twice', { InstanceIds: [INSTANCE_ID, INSTANCE_ID] }, 'DuplicateInstanceId'],
  ['a document that nobody made', { DocumentName: 'mine' }, 'InvalidDocument'],
  ['a document of AWS that this account lacks', { DocumentName: 'AWS-RunPowerShellScript' }, 'NotImplemented'],
  ['a version that does not exist', { DocumentVersion: '7' }, 'InvalidDocumentVersion'],
  ['no commands', { Parameters: {} }, 'InvalidParameters'],
  ['a parameter that the document lacks', { Parameters: { commands, command: ['true'] } }, 'InvalidParameters'],
  [
    'an execution of more than two days',
    { Parameters: { commands, executionTimeout: ['172801'] } },
    'InvalidParameters',
  ],
  ['a timeout under 30 s', { TimeoutSeconds: 29 }, 'ValidationException'],
  ['a timeout over 30 days', { TimeoutSeconds: 2_592_001 }, 'ValidationException'],
  ['a long comment', { Comment: 'x'.repeat(101) }, 'ValidationException'],
  ['targets by tag', { Targets: [{ Key: 'tag:a', Values: ['b'] }] }, 'NotImplemented'],
  ['output to a bucket', { OutputS3BucketName: 'bucket' }, 'NotImplemented'],
])('refuses a command with %s', async (_, input, code) => {
  const here = systems()
  await here.guests.start(here.spec)
  await expect(here.send({ ...run('true'), ...input })).rejects.toMatchObject({ code })
  expect(here.events).toEqual([])
})
