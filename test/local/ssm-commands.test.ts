import { deserialize, serialize } from 'node:v8'
import type { SendCommandRequest } from '@aws-sdk/client-ssm'
import { describe, expect, it } from 'vitest'
import { autoClock, manualClock } from '../../local/clock.ts'
import { START_MS } from './guest-machine.ts'
import { CALLER, NO_NODE, nodeId, playedGuest, systems } from './ssm-systems.ts'

const NODE = nodeId(1)
const clock = () => autoClock(START_MS)

describe('managed nodes', () => {
  it('are the guests with an agent; one that stopped or crashed shows as ConnectionLost (AWS facts F)', async () => {
    const time = clock()
    const [web, silent] = [playedGuest(time, NODE), playedGuest(time, nodeId(2), { ssm: 'off' })]
    const { call } = systems([web, silent], time)
    const status = async () =>
      (await call('DescribeInstanceInformation', {})).InstanceInformationList?.map((one) => [
        one.InstanceId,
        one.PingStatus,
      ])
    expect(await status()).toEqual([[NODE, 'Online']])
    await time.sleep(400_000)
    expect(await status()).toEqual([[NODE, 'Online']])
    Object.assign(web, { running: false, hasCrashed: true, endedAtMs: time.now() })
    expect(await status()).toEqual([[NODE, 'Online']])
    await time.sleep(200_000)
    expect(await status()).toEqual([[NODE, 'ConnectionLost']])
    Object.assign(web, { running: true, hasCrashed: false, endedAtMs: undefined, startedAtMs: time.now() })
    expect(await status()).toEqual([[NODE, 'Online']])
    Object.assign(web, { running: false, endedAtMs: time.now() })
    expect(await status()).toEqual([[NODE, 'ConnectionLost']])
  })

  it('are filtered in both of the ways that the API has, tags included', async () => {
    const time = clock()
    const { call } = systems([playedGuest(time, NODE, { role: 'db' }), playedGuest(time, nodeId(2))], time)
    const found = async (...filters: [string, string[]][]) => {
      const newer = await call('DescribeInstanceInformation', {
        Filters: filters.map(([Key, Values]) => ({ Key, Values })),
      })
      const older = await call('DescribeInstanceInformation', {
        InstanceInformationFilterList: filters.map(([key, valueSet]) => ({ key: key as never, valueSet })),
      })
      expect(newer).toEqual(older)
      return newer.InstanceInformationList?.length
    }
    expect(await found(['InstanceIds', [NODE]], ['PingStatus', ['Online']])).toBe(1)
    expect(await found(['InstanceIds', [NO_NODE]])).toBe(0)
    expect(await found(['PingStatus', ['ConnectionLost', 'Inactive']])).toBe(0)
    expect(await found(['tag:role', ['db', 'web']], ['PlatformTypes', ['Linux']])).toBe(1)
    expect(await found(['tag-key', ['role']])).toBe(1)
    await expect(found(['InstanceIds', ['nonsense']])).rejects.toMatchObject({ code: 'InvalidInstanceId' })
    await expect(found(['PingStatus', ['online']])).rejects.toMatchObject({
      code: 'InvalidInstanceInformationFilterValue',
    })
    await expect(found(['Nonsense', ['x']])).rejects.toMatchObject({ code: 'InvalidFilterKey' })
    await expect(found(['IamRole', ['x']])).rejects.toMatchObject({ code: 'NotImplemented', status: 501 })
    await expect(call('DescribeInstanceInformation', { MaxResults: 4 })).rejects.toMatchObject({
      code: 'ValidationException',
    })
  })
})

/** A script that ends with its guest alone. */
const killed = (_: string, signal?: AbortSignal) =>
  new Promise<{ endedBy: 'cancel' }>((done) => signal?.addEventListener('abort', () => done({ endedBy: 'cancel' })))

describe('a command', () => {
  it('cuts output where the API does: 24,000 and 8,000 characters (AWS facts F)', async () => {
    const time = clock()
    const long = { stdout: 'x'.repeat(30_000), stderr: 'y'.repeat(9000) }
    const { send, get } = systems([playedGuest(time, NODE, {}, async () => long)], time)
    const commandId = await send()
    await time.sleep(5000)
    const { StandardOutputContent, StandardErrorContent } = await get(commandId)
    expect([StandardOutputContent?.length, StandardErrorContent?.length]).toEqual([24_000, 8000])
  })

  it('tells by events of each change of an invocation and of the whole (AWS facts F)', async () => {
    const time = clock()
    const { send, events } = systems([playedGuest(time, NODE, {}, async () => ({ exitCode: 1 }))], time)
    const commandId = await send()
    await time.sleep(5000)
    const told = events.map((event) => [event['detail-type'].split(' ')[2], event.detail['status']])
    expect(told).toEqual([
      ['Invocation', 'InProgress'],
      ['Status-change', 'InProgress'],
      ['Invocation', 'Failed'],
      ['Status-change', 'Failed'],
    ])
    expect(events[2]).toEqual({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      resources: [`arn:aws:ec2:eu-central-1:123456789012:instance/${NODE}`],
      detail: {
        'command-id': commandId,
        'document-name': 'AWS-RunShellScript',
        'instance-id': NODE,
        'requested-date-time': '2026-01-01T00:00:00.000Z',
        status: 'Failed',
      },
    })
  })

  it('is Delayed while its machine does not take it, then runs, or was not delivered in the whole of its time', async () => {
    const time = clock()
    const guest = playedGuest(time, NODE)
    const { send, get, command } = systems([guest], time)
    const input = { Parameters: { commands: ['true'], executionTimeout: ['60'] }, TimeoutSeconds: 40 }
    const never = await send(input)
    guest.running = false
    await time.sleep(20_000)
    expect(await get(never)).toMatchObject({ Status: 'Delayed', StatusDetails: 'Delayed' })
    await time.sleep(25_000)
    guest.running = true // after the 40 s in which it could have been delivered
    await time.sleep(54_999)
    expect(await get(never)).toMatchObject({ Status: 'Delayed' })
    await time.sleep(1)
    expect(await get(never)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut', ResponseCode: -1 })
    expect(await command(never)).toMatchObject({ Status: 'TimedOut', DeliveryTimedOutCount: 1, ErrorCount: 0 })
    const late = await send(input)
    guest.running = false
    await time.sleep(20_000)
    guest.running = true
    await time.sleep(15_000)
    expect(await get(late)).toMatchObject({ Status: 'Success' })
  })

  it('does not race through the years for the sake of a machine that is gone', async () => {
    const time = clock()
    const guest = playedGuest(time, NODE)
    const { send } = systems([guest], time)
    await send()
    guest.running = false
    await time.sleep(1000)
    for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done))
    expect(time.now()).toBe(START_MS + 1000)
  })

  it('goes to the nodes that have its tags, all of its targets at once, or to none', async () => {
    const time = clock()
    const guests = [
      playedGuest(time, nodeId(1), { role: 'db', stage: 'live', Name: 'one' }),
      playedGuest(time, nodeId(2), { role: 'db', stage: 'test' }),
      playedGuest(time, nodeId(3), { role: 'web', stage: 'live' }),
    ]
    const { send, command, call } = systems(guests, time)
    const Targets = [
      { Key: 'tag:role', Values: ['db', 'web'] },
      { Key: 'tag:stage', Values: ['live'] },
    ]
    const commandId = await send({ Targets })
    await time.sleep(5000)
    expect(await command(commandId)).toMatchObject({
      Status: 'Success',
      TargetCount: 2,
      CompletedCount: 2,
      InstanceIds: [],
      Targets,
    })
    const { CommandInvocations } = await call('ListCommandInvocations', { CommandId: commandId })
    expect(CommandInvocations?.map(({ InstanceId, InstanceName }) => [InstanceId, InstanceName])).toEqual([
      [nodeId(1), 'one'],
      [nodeId(3), ''],
    ])
    const nobody = await send({ Targets: [{ Key: 'tag:role', Values: ['none'] }] })
    expect(await command(nobody)).toMatchObject({ StatusDetails: 'NoInstancesInTag', TargetCount: 0 })
  })

  it('asks IAM about its document and each machine that it goes to, and so does every operation', async () => {
    const time = clock()
    const guests = [playedGuest(time, NODE, { role: 'db' }), playedGuest(time, nodeId(2))]
    const { access = {}, operations } = systems(guests, time).ssm.service
    const input = { DocumentName: 'AWS-RunShellScript', Targets: [{ Key: 'tag:role', Values: ['db'] }] }
    expect(access['SendCommand']?.(input as never, CALLER).map(({ resource }) => resource)).toEqual([
      'arn:aws:ssm:eu-central-1::document/AWS-RunShellScript',
      `arn:aws:ec2:eu-central-1:123456789012:instance/${NODE}`,
    ])
    expect(
      access['GetParameters']?.({ Names: ['/a/b', 'c'] } as never, CALLER).map(({ resource }) => resource),
    ).toEqual([
      'arn:aws:ssm:eu-central-1:123456789012:parameter/a/b',
      'arn:aws:ssm:eu-central-1:123456789012:parameter/c',
    ])
    expect(Object.keys(access).sort()).toEqual(Object.keys(operations).sort())
  })

  it('runs on as many nodes at a time as MaxConcurrency says, and on no more after MaxErrors', async () => {
    const time = clock()
    let running = 0
    let most = 0
    const guests = [1, 2, 3, 4].map((number) =>
      playedGuest(time, nodeId(number), { all: 'yes' }, async () => {
        most = Math.max(most, (running += 1))
        await time.sleep(10_000)
        running -= 1
        return { exitCode: number === 1 ? 0 : 1 }
      }),
    )
    const { send, command, call } = systems(guests, time)
    const Targets = [{ Key: 'tag:all', Values: ['yes'] }]
    const commandId = await send({ Targets, MaxConcurrency: '50%', MaxErrors: '0' })
    await time.sleep(100_000)
    expect(most).toBe(2)
    const { CommandInvocations = [] } = await call('ListCommandInvocations', { CommandId: commandId })
    expect(CommandInvocations.map(({ StatusDetails }) => StatusDetails)).toEqual([
      'Success',
      'Failed',
      'Failed',
      'Terminated',
    ])
    expect(await command(commandId)).toMatchObject({ Status: 'Failed', ErrorCount: 2, CompletedCount: 4 })
    const lenient = await send({ Targets, MaxErrors: '3' })
    await time.sleep(100_000)
    expect(await command(lenient)).toMatchObject({ StatusDetails: 'Incomplete', ErrorCount: 3 })
  })

  it('is cancelled at once where it waits, also on some of its nodes only', async () => {
    const time = manualClock(START_MS)
    const { send, call, command, get } = systems([playedGuest(time, nodeId(1)), playedGuest(time, nodeId(2))], time)
    const commandId = await send({ InstanceIds: [nodeId(1), nodeId(2)] })
    await call('CancelCommand', { CommandId: commandId, InstanceIds: [nodeId(2)] })
    await time.advance(5000)
    expect([(await get(commandId)).Status, (await get(commandId, nodeId(2))).Status]).toEqual(['Success', 'Cancelled'])
    const whole = await send()
    await call('CancelCommand', { CommandId: whole })
    expect(await command(whole)).toMatchObject({ Status: 'Cancelled' })
    await expect(call('CancelCommand', { CommandId: whole, InstanceIds: [NO_NODE] })).rejects.toMatchObject({
      code: 'InvalidInstanceId',
    })
    await expect(call('CancelCommand', { CommandId: NO_NODE.padEnd(36, '0') })).rejects.toMatchObject({
      code: 'InvalidCommandId',
    })
  })

  it('is listed with its invocations, newest first, page by page, by filters', async () => {
    const time = clock()
    const { send, call } = systems([playedGuest(time, NODE, {}, async () => ({ stdout: 'one\n', exitCode: 1 }))], time)
    const first = await send({ Comment: 'the first' })
    await time.sleep(5000)
    const second = await send()
    await time.sleep(400)
    const page = await call('ListCommandInvocations', { MaxResults: 1 })
    expect(page.CommandInvocations).toMatchObject([{ CommandId: second, Status: 'Pending', CommandPlugins: [] }])
    const rest = await call('ListCommandInvocations', { MaxResults: 1, NextToken: page.NextToken, Details: true })
    expect(rest).toMatchObject({
      NextToken: undefined,
      CommandInvocations: [
        { CommandId: first, Comment: 'the first', Status: 'Failed', CommandPlugins: [{ ResponseCode: 1 }] },
      ],
    })
    expect(rest.CommandInvocations?.[0]?.CommandPlugins?.[0]?.Output).toMatch(/^one\n\n----------ERROR-------\nfailed/)
    const listed = async (key: string, value: string) =>
      (await call('ListCommands', { Filters: [{ key: key as never, value }] })).Commands?.map((one) => one.CommandId)
    expect(await listed('Status', 'Failed')).toEqual([first])
    expect(await listed('InvokedAfter', '2026-01-01T00:00:04Z')).toEqual([second])
    expect(await listed('ExecutionStage', 'Executing')).toEqual([second])
    await expect(listed('Nonsense', 'x')).rejects.toMatchObject({ code: 'InvalidFilterKey' })
    await expect(call('ListCommandInvocations', { NextToken: 'nonsense' })).rejects.toMatchObject({
      code: 'InvalidNextToken',
    })
  })

  it('goes on after a restart: what waited is delivered, what was reported is, what ran never is', async () => {
    const time = manualClock(START_MS)
    const stuck = playedGuest(time, nodeId(3), {}, killed)
    const before = systems([playedGuest(time, nodeId(1)), playedGuest(time, nodeId(2)), stuck], time)
    const input = { TimeoutSeconds: 30, Parameters: { commands: ['true'], executionTimeout: ['60'] } }
    const reported = await before.send({ ...input, InstanceIds: [nodeId(1)] })
    const running = await before.send({ ...input, InstanceIds: [nodeId(3)] })
    await time.advance(900)
    const waiting = await before.send({ ...input, InstanceIds: [nodeId(2)] })
    const saved = serialize(before.ssm.durable.save())
    time.stop()
    const later = manualClock(time.now())
    const after = systems(
      [1, 2, 3].map((number) => playedGuest(later, nodeId(number))),
      later,
    )
    after.ssm.durable.restore(deserialize(saved))
    after.ssm.durable.resume?.()
    await later.advance(5000)
    const statuses = async () => [
      (await after.get(reported, nodeId(1))).Status,
      (await after.get(waiting, nodeId(2))).Status,
      (await after.get(running, nodeId(3))).Status,
    ]
    expect(await statuses()).toEqual(['Success', 'Success', 'InProgress'])
    await later.advance(90_000)
    expect(await statuses()).toEqual(['Success', 'Success', 'TimedOut'])
    expect([waiting, running, reported]).not.toContain(await after.send())
  })
})

const commands = ['true']
describe('SendCommand refuses', () => {
  it.each<[string, Partial<SendCommandRequest>, string]>([
    ['no instance', { InstanceIds: [] }, 'InvalidInstanceId'],
    ['an instance without agent', { InstanceIds: [NODE, NO_NODE] }, 'InvalidInstanceId'],
    ['a machine that is stopped', { InstanceIds: [nodeId(2)] }, 'InvalidInstanceId'],
    ['an instance twice', { InstanceIds: [NODE, NODE] }, 'DuplicateInstanceId'],
    [
      'instances and targets',
      { InstanceIds: [NODE], Targets: [{ Key: 'tag:a', Values: ['b'] }] },
      'ValidationException',
    ],
    [
      'six targets',
      { Targets: Array.from({ length: 6 }, () => ({ Key: 'tag:a', Values: ['b'] })) },
      'ValidationException',
    ],
    ['a target of no kind', { Targets: [{ Key: 'name', Values: ['b'] }] }, 'InvalidTarget'],
    ['a document that nobody made', { DocumentName: 'mine' }, 'InvalidDocument'],
    ['a document for Windows', { DocumentName: 'AWS-RunPowerShellScript' }, 'UnsupportedPlatformType'],
    ['VSS on Linux', { DocumentName: 'AWSEC2-CreateVssSnapshot' }, 'UnsupportedPlatformType'],
    ['a document of AWS that this account lacks', { DocumentName: 'AWS-UpdateSSMAgent' }, 'NotImplemented'],
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
    ['no concurrency', { MaxConcurrency: '0' }, 'ValidationException'],
    ['output to a bucket', { OutputS3BucketName: 'bucket' }, 'NotImplemented'],
  ])('%s (AWS facts F)', async (_, input, code) => {
    const time = clock()
    const stopped = { ...playedGuest(time, nodeId(2)), running: false, endedAtMs: time.now() }
    const { send, events } = systems([playedGuest(time, NODE), stopped], time)
    await expect(send({ Parameters: { commands }, ...input })).rejects.toMatchObject({ code })
    expect(events).toEqual([])
  })
})
