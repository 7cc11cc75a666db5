import * as ec2 from '@aws-sdk/client-ec2'
import * as lambda from '@aws-sdk/client-lambda'
import * as scheduler from '@aws-sdk/client-scheduler'
import * as sfn from '@aws-sdk/client-sfn'
import * as ssm from '@aws-sdk/client-ssm'
import * as sts from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { CallTarget } from '../../local/faults.ts'
import { serviceEndpoint } from '../../local/wire/endpoint.ts'
import { AwsError } from '../../local/wire/service.ts'
import type { Caller } from '../../local/wire/service.ts'
import {
  ACCOUNT_ID,
  ADMINISTRATOR_KEYS,
  HOUR_MS,
  MOVER_SESSION,
  REGION,
  refusal,
  START_MS,
  startWireAccount,
} from './wire-account.ts'
import type { Keys, WireAccount } from './wire-account.ts'

let account: WireAccount

beforeEach(async () => {
  account = await startWireAccount()
})

afterEach(() => account.server.close())

const ec2Client = () => new ec2.EC2Client(account.configuration())

const whoami = (keys: Keys) => new sts.STSClient(account.configuration(keys)).send(new sts.GetCallerIdentityCommand({}))

const isDescribe = ({ service, operation }: CallTarget) => service === 'ec2' && operation === 'DescribeVolumes'

describe('who calls', () => {
  it('is known from the access key', async () => {
    const role = account.identities.session(MOVER_SESSION)
    expect(await whoami(ADMINISTRATOR_KEYS)).toMatchObject({
      Account: ACCOUNT_ID,
      Arn: `arn:aws:iam::${ACCOUNT_ID}:user/administrator`,
    })
    expect(await whoami(role)).toMatchObject({ Arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/Mover/run-1` })
    expect(await whoami(account.identities.root)).toMatchObject({ UserId: ACCOUNT_ID })
    expect((await whoami(account.identities.user('ada'))).Arn).toBe(`arn:aws:iam::${ACCOUNT_ID}:user/ada`)
    expect(role.arn).toBe(`arn:aws:sts::${ACCOUNT_ID}:assumed-role/Mover/run-1`)
  })

  it('is refused as each service refuses, when the key is unknown', async () => {
    const stranger = account.configuration({ accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' })
    const answers = await Promise.all([
      refusal(new sts.STSClient(stranger).send(new sts.GetCallerIdentityCommand({}))),
      refusal(new ec2.EC2Client(stranger).send(new ec2.DescribeVolumesCommand({}))),
      refusal(new sfn.SFNClient(stranger).send(new sfn.DescribeExecutionCommand({ executionArn: 'a' }))),
      refusal(new scheduler.SchedulerClient(stranger).send(new scheduler.ListSchedulesCommand({}))),
    ])
    expect(answers.map(({ name, status }) => [name, status])).toEqual([
      ['InvalidClientTokenId', 403],
      ['AuthFailure', 401],
      ['UnrecognizedClientException', 400],
      ['UnrecognizedClientException', 403],
    ])
    expect(account.calls).toEqual([])
  })

  it('is refused when temporary keys come without their session token', async () => {
    const { accessKeyId, secretAccessKey } = account.identities.session(MOVER_SESSION)
    expect(await refusal(whoami({ accessKeyId, secretAccessKey }))).toMatchObject({ name: 'InvalidClientTokenId' })
  })

  it('is refused when the call is signed for another region, or not at all', async () => {
    const elsewhere = new sts.STSClient(account.configuration(ADMINISTRATOR_KEYS, 'us-west-2'))
    const answer = await refusal(elsewhere.send(new sts.GetCallerIdentityCommand({})))
    expect(answer).toMatchObject({ name: 'SignatureDoesNotMatch', status: 403 })
    const unsigned = await fetch(account.server.endpoint, { method: 'POST', body: 'Action=GetCallerIdentity' })
    expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([403, 'MissingAuthenticationToken'])
  })

  it('is refused when authorize throws, and the operation does not run', async () => {
    account.rules.authorize = (operation) => {
      throw new AwsError('UnauthorizedOperation', `You may not ${operation}.`, { status: 403 })
    }
    const answer = await refusal(ec2Client().send(new ec2.DescribeVolumesCommand({})))
    expect(answer).toEqual({ name: 'UnauthorizedOperation', status: 403, message: 'You may not DescribeVolumes.' })
    expect(account.seen).toEqual([])
  })
})

describe('what is not there', () => {
  it('is answered 501 with the name of the operation', async () => {
    const answers = await Promise.all([
      refusal(ec2Client().send(new ec2.DescribeVpcsCommand({}))),
      refusal(new sts.STSClient(account.configuration()).send(new sts.GetSessionTokenCommand({}))),
      refusal(new ssm.SSMClient(account.configuration()).send(new ssm.DeleteParameterCommand({ Name: 'x' }))),
      refusal(new lambda.LambdaClient(account.configuration()).send(new lambda.ListFunctionsCommand({}))),
    ])
    expect(answers.map(({ name, status, message }) => `${status} ${name} ${message}`)).toEqual([
      '501 NotImplemented ec2:DescribeVpcs is not implemented by the embedded account.',
      '501 NotImplemented sts:GetSessionToken is not implemented by the embedded account.',
      '501 NotImplemented ssm:DeleteParameter is not implemented by the embedded account.',
      '501 NotImplemented lambda:ListFunctions is not implemented by the embedded account.',
    ])
    expect(account.calls.map(({ operation, status }) => [operation, status])).toContainEqual(['DescribeVpcs', 501])
  })

  it('is answered 501 when it is a whole service', async () => {
    const dynamodb = await import('@aws-sdk/client-dynamodb')
    const client = new dynamodb.DynamoDBClient(account.configuration())
    const answer = await refusal(client.send(new dynamodb.ListTablesCommand({})))
    expect(answer).toMatchObject({ name: 'NotImplemented', status: 501 })
    expect(answer.message).toContain('dynamodb')
  })

  it('is noticed when its service is opened, if a service lists an operation that its client lacks', async () => {
    const named = { sdk: async () => ssm, clientName: 'SSMClient', signingName: 'ssm' }
    const wrong = serviceEndpoint({ ...named, operations: { GetParametr: () => ({}) } })
    await expect(wrong.open()).rejects.toThrow('SSMClient has no operation GetParametr')
    const misnamed = serviceEndpoint({ ...named, signingName: 'systemsmanager', operations: {} })
    await expect(misnamed.open()).rejects.toThrow('SSMClient signs for ssm')
  })
})

describe('what goes wrong', () => {
  it('fails a call as planned, before it does anything', async () => {
    account.faults.onCall(isDescribe, { kind: 'fail', code: 'RequestLimitExceeded' })
    const answer = await refusal(ec2Client().send(new ec2.DescribeVolumesCommand({})))
    expect(answer).toMatchObject({ name: 'RequestLimitExceeded', status: 503 })
    expect(account.seen).toEqual([])
    await ec2Client().send(new ec2.DescribeVolumesCommand({}))
    expect(account.seen).toHaveLength(1)
  })

  it('loses an answer after the work was done', async () => {
    account.faults.onCall(isDescribe, { kind: 'loseAnswer' })
    const answer = await refusal(ec2Client().send(new ec2.DescribeVolumesCommand({})))
    expect(answer.status).toBeUndefined()
    expect(account.seen).toHaveLength(1)
    expect(account.calls).toMatchObject([{ operation: 'DescribeVolumes', status: 200 }])
  })

  it('delays an answer by virtual time', async () => {
    account.faults.onCall(isDescribe, { kind: 'delay', delayMs: HOUR_MS })
    await ec2Client().send(new ec2.DescribeVolumesCommand({}))
    expect(account.clock.now()).toBe(START_MS + HOUR_MS)
  })

  it('answers a bug of the account with InternalFailure and prints it once', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    const answer = await refusal(ec2Client().send(new ec2.StopInstancesCommand({ InstanceIds: ['i-1'] })))
    expect(answer).toMatchObject({ name: 'InternalFailure', status: 500 })
    expect(print.mock.calls).toEqual([[expect.objectContaining({ message: 'a bug of ours' })]])
    print.mockRestore()
  })

  it('refuses a body beyond 16 MiB', async () => {
    const big = new lambda.LambdaClient(account.configuration()).send(
      new lambda.InvokeCommand({ FunctionName: 'f', Payload: Buffer.alloc(16 * 1024 * 1024 + 1) }),
    )
    expect(await refusal(big)).toMatchObject({ name: 'RequestTooLargeException', status: 413 })
    expect(account.seen).toEqual([])
  })
})

describe('the clock', () => {
  it('moves while an operation waits for virtual time', async () => {
    const client = new sfn.SFNClient(account.configuration())
    const { taskToken } = await client.send(new sfn.GetActivityTaskCommand({ activityArn: 'arn' }))
    expect(taskToken).toBe('token')
    expect(account.clock.now()).toBe(START_MS + HOUR_MS)
  })

  it('stands still while a request is read and answered, for a caller that holds it', async () => {
    account.clock.after(1000, () => {})
    await account.clock.holding(() => ec2Client().send(new ec2.DescribeVolumesCommand({})))
    expect(account.clock.now()).toBe(START_MS)
  })

  it('is let go when the caller hangs up during a long poll', async () => {
    const abort = new AbortController()
    const client = new sfn.SFNClient(account.configuration())
    const held = account.clock.hold()
    const poll = client.send(new sfn.GetActivityTaskCommand({ activityArn: 'a' }), { abortSignal: abort.signal })
    await vi.waitUntil(() => account.seen.length === 1)
    abort.abort()
    await expect(poll).rejects.toMatchObject({ name: 'AbortError' })
    held()
    await account.clock.sleep(2 * HOUR_MS)
    expect(account.clock.now()).toBe(START_MS + 2 * HOUR_MS)
  })
})

it('tells an observer who called what', async () => {
  await ec2Client().send(new ec2.DescribeVolumesCommand({ MaxResults: 5 }))
  await refusal(ec2Client().send(new ec2.DescribeVolumesCommand({ VolumeIds: ['vol-gone'] })))
  const caller: Partial<Caller> = { accountId: ACCOUNT_ID, region: REGION, accessKeyId: 'test' }
  expect(account.calls).toMatchObject([
    { service: 'ec2', operation: 'DescribeVolumes', input: { MaxResults: 5 }, status: 200, caller },
    { service: 'ec2', operation: 'DescribeVolumes', status: 400, errorCode: 'InvalidVolume.NotFound', caller },
  ])
})
