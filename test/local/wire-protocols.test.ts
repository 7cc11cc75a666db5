import * as ec2 from '@aws-sdk/client-ec2'
import * as events from '@aws-sdk/client-eventbridge'
import * as lambda from '@aws-sdk/client-lambda'
import * as scheduler from '@aws-sdk/client-scheduler'
import * as sfn from '@aws-sdk/client-sfn'
import * as ssm from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { sendSigned } from './signing.ts'
import {
  ACCOUNT_ID,
  ADMINISTRATOR_KEYS,
  CREATED_AT,
  REGION,
  refusal,
  START_MS,
  startWireAccount,
} from './wire-account.ts'
import type { WireAccount } from './wire-account.ts'

let account: WireAccount

beforeEach(async () => {
  account = await startWireAccount()
})

afterEach(() => account.server.close())

/** Sends parameters as no SDK client would. */
async function post(parameters: string): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = `Version=2016-11-15&${parameters}`
  const scope = { keys: ADMINISTRATOR_KEYS, service: 'ec2', region: REGION }
  return (await sendSigned(account.server.endpoint, scope, { method: 'POST', path: '/', headers, body })).text()
}

describe('ec2Query', () => {
  it('decodes nested lists, filters and numbers, and encodes lists, times and characters that XML escapes (AWS facts A.23)', async () => {
    const answer = await new ec2.EC2Client(account.configuration()).send(
      new ec2.DescribeVolumesCommand({
        VolumeIds: ['vol-1', 'vol-2'],
        Filters: [
          { Name: 'status', Values: ['in-use', 'available'] },
          { Name: 'tag:a&b', Values: ['ü'] },
        ],
        MaxResults: 5,
        DryRun: false,
      }),
    )
    expect(account.seen).toEqual([
      {
        VolumeIds: ['vol-1', 'vol-2'],
        Filters: [
          { Name: 'status', Values: ['in-use', 'available'] },
          { Name: 'tag:a&b', Values: ['ü'] },
        ],
        MaxResults: 5,
        DryRun: false,
      },
    ])
    expect(answer).toMatchObject({
      NextToken: 'more',
      Volumes: [
        {
          VolumeId: 'vol-1',
          Size: 8,
          Encrypted: true,
          CreateTime: CREATED_AT,
          Attachments: [{ InstanceId: 'i-1', DeleteOnTermination: false }],
          Tags: [{ Key: 'a<b', Value: 'x & "y"' }],
        },
      ],
    })
    expect(answer.$metadata.requestId).toMatch(/^00000000-0000-4000-8000-/)
  })

  it('decodes structures whose wire names differ from the names of their members (AWS facts A.23)', async () => {
    const input = {
      InstanceSpecification: { InstanceId: 'i-1', ExcludeBootVolume: false, ExcludeDataVolumeIds: ['vol-2'] },
      TagSpecifications: [{ ResourceType: 'snapshot' as const, Tags: [{ Key: 'k', Value: '' }] }],
    }
    await new ec2.EC2Client(account.configuration()).send(new ec2.CreateSnapshotsCommand(input))
    expect(account.seen).toEqual([input])
  })

  it('answers an operation without output', async () => {
    const answer = await new ec2.EC2Client(account.configuration()).send(
      new ec2.DeleteVolumeCommand({ VolumeId: 'vol-1' }),
    )
    expect(answer.$metadata.httpStatusCode).toBe(200)
  })

  it('throws an exception whose name is the code', async () => {
    const gone = new ec2.DescribeVolumesCommand({ VolumeIds: ['vol-gone'] })
    expect(await refusal(new ec2.EC2Client(account.configuration()).send(gone))).toEqual({
      name: 'InvalidVolume.NotFound',
      status: 400,
      message: 'The volume \'vol-gone\' does not exist: <none> & "never".',
    })
  })

  it('refuses a parameter that the operation does not have, a value of the wrong type and an absent one', async () => {
    expect(await post('Action=DescribeVolumes&VolumeID.1=vol-1')).toContain(
      '<Code>UnknownParameter</Code><Message>The parameter VolumeID is not recognized</Message>',
    )
    expect(await post('Action=DescribeVolumes&MaxResults=many')).toContain('<Code>InvalidParameterValue</Code>')
    expect(await post('Action=DeleteVolume')).toContain(
      '<Code>MissingParameter</Code><Message>The request must contain the parameter VolumeId</Message>',
    )
    expect(await post('Action=DescribeDragons')).toContain('<Code>InvalidAction</Code>')
    expect(account.seen).toEqual([])
  })
})

describe('awsJson', () => {
  it('encodes times as seconds and throws the modelled exception with its fields', async () => {
    const client = new sfn.SFNClient(account.configuration())
    const answer = await client.send(new sfn.DescribeExecutionCommand({ executionArn: 'arn:one' }))
    expect(answer).toMatchObject({ status: 'RUNNING', startDate: CREATED_AT })
    const gone = client.send(new sfn.DescribeExecutionCommand({ executionArn: 'arn:gone' }))
    await expect(gone).rejects.toBeInstanceOf(sfn.ExecutionDoesNotExist)
  })

  it('speaks version 1.1 as well', async () => {
    const client = new ssm.SSMClient(account.configuration())
    const { Parameter } = await client.send(new ssm.GetParameterCommand({ Name: '/x' }))
    expect(Parameter).toEqual({ Name: '/x', Value: 'ami-1', LastModifiedDate: CREATED_AT, Version: 3 })
  })

  it('reads times and nested lists', async () => {
    const client = new events.EventBridgeClient(account.configuration())
    const Entries = [{ Time: new Date(START_MS), Source: 'tandem', DetailType: 't', Detail: '{}', Resources: ['r'] }]
    const answer = await client.send(new events.PutEventsCommand({ Entries }))
    expect(account.seen).toEqual([{ Entries }])
    expect(answer.Entries).toEqual([{ EventId: 'e-1' }])
  })

  it('refuses what is absent or of the wrong type', async () => {
    const client = new sfn.SFNClient(account.configuration())
    expect(await refusal(client.send(new sfn.DescribeExecutionCommand({ executionArn: undefined })))).toEqual({
      name: 'ValidationException',
      status: 400,
      message:
        "1 validation error detected: Value null at 'executionArn' failed to satisfy constraint: Member must not be null",
    })
    const wrong = { executionArn: 7 as unknown as string }
    expect((await refusal(client.send(new sfn.DescribeExecutionCommand(wrong)))).name).toBe('SerializationException')
    expect(account.seen).toEqual([])
  })
})

describe('restJson', () => {
  it('reads path, query and body, and tells operations apart by method and path', async () => {
    const client = new scheduler.SchedulerClient(account.configuration())
    const create: scheduler.CreateScheduleInput = {
      Name: 'a b',
      GroupName: 'g',
      ScheduleExpression: 'rate(1 hour)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: 'arn:t', RoleArn: 'arn:r' },
      StartDate: new Date(START_MS),
      ClientToken: 'c',
    }
    expect((await client.send(new scheduler.CreateScheduleCommand(create))).ScheduleArn).toBe('arn:schedule')
    const list = await client.send(new scheduler.ListSchedulesCommand({ GroupName: 'g', MaxResults: 7 }))
    expect(list.Schedules).toEqual([{ Name: 's', CreationDate: CREATED_AT }])
    const get = new scheduler.GetScheduleCommand({ Name: 'a b', GroupName: 'g' })
    await expect(client.send(get)).rejects.toBeInstanceOf(scheduler.ResourceNotFoundException)
    expect(account.seen).toEqual([create, { GroupName: 'g', MaxResults: 7 }, { Name: 'a b', GroupName: 'g' }])
  })

  it('carries blobs as bodies, and headers', async () => {
    const client = new lambda.LambdaClient(account.configuration())
    const FunctionName = `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:f`
    const answer = await client.send(
      new lambda.InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: Buffer.from('{"in":1}') }),
    )
    expect(account.seen).toEqual([{ FunctionName, InvocationType: 'Event', Payload: Buffer.from('{"in":1}') }])
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' })
    expect(answer.Payload?.transformToString()).toBe('{"out":1}')
  })
})
