/** Roles: who may have them, for how long, and what limits them. */
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2'
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  GetRoleCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPoliciesCommand,
  ListRolesCommand,
  AttachRolePolicyCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn'
import {
  AssumeRoleCommand,
  DecodeAuthorizationMessageCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
  type Credentials,
} from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'

const REGION = 'eu-central-1'
const HOME = '111122223333'
const OTHER = '444455556666'

let account: Account
beforeAll(async () => {
  account = await startAccount({ clock: autoClock(Date.UTC(2026, 10, 23)) })
})
afterAll(() => account.close())

const settings = (accessKeyId = 'test', secretAccessKey = 'test', sessionToken?: string) => ({
  endpoint: account.endpoint,
  region: REGION,
  maxAttempts: 1,
  credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
})
const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)
const as = ({ AccessKeyId, SecretAccessKey, SessionToken }: Credentials) =>
  settings(AccessKeyId, SecretAccessKey, SessionToken)

interface Trust {
  readonly principal: object
  readonly condition?: object
}

let count = 0
/** A role that may describe everything of EC2, and whoever is trusted may have it. */
async function newRole({ principal, condition = {} }: Trust, more: object = {}): Promise<string> {
  count += 1
  const RoleName = `role-${count}`
  const statement = { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', Condition: condition }
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement })
  const iam = new IAMClient(settings())
  const { Role } = await call(() =>
    iam.send(new CreateRoleCommand({ RoleName, Path: '/made/', AssumeRolePolicyDocument, ...more })),
  )
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: ['ec2:Describe*', 'states:ListStateMachines'], Resource: '*' },
  })
  await call(() => iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'describe', PolicyDocument })))
  return Role?.Arn ?? ''
}

async function assumed(roleArn: string, more: object = {}, from = settings()): Promise<Credentials> {
  const input = { RoleArn: roleArn, RoleSessionName: 'tested', ...more }
  const { Credentials: keys } = await call(() => new STSClient(from).send(new AssumeRoleCommand(input)))
  if (!keys) throw new Error('no credentials')
  return keys
}

const describes = (keys: Credentials) => call(() => new EC2Client(as(keys)).send(new DescribeVolumesCommand({})))

describe('a role', () => {
  it('gives its permissions to whom it trusts, under its own name', async () => {
    const role = await newRole({ principal: { AWS: HOME } })
    const keys = await assumed(role)
    await expect(describes(keys)).resolves.toBeDefined()
    const make = call(() => new S3Client(as(keys)).send(new CreateBucketCommand({ Bucket: 'never' })))
    await expect(make).rejects.toMatchObject({ name: 'AccessDenied' })
    const { Arn, UserId } = await call(() => new STSClient(as(keys)).send(new GetCallerIdentityCommand({})))
    const { Role } = await call(() =>
      new IAMClient(settings()).send(new GetRoleCommand({ RoleName: role.split('/').at(-1) })),
    )
    expect(Arn).toBe(`arn:aws:sts::${HOME}:assumed-role/${Role?.RoleName}/tested`)
    expect(UserId).toBe(`${Role?.RoleId}:tested`)
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toContain('sts:AssumeRole')
  })

  it('is not given to an account that it does not trust, and needs the external id that it asks for (AWS facts H)', async () => {
    const foreign = settings(OTHER)
    await expect(assumed(await newRole({ principal: { AWS: HOME } }), {}, foreign)).rejects.toMatchObject({
      name: 'AccessDenied',
    })
    const shared = await newRole({
      principal: { AWS: OTHER },
      condition: { StringEquals: { 'sts:ExternalId': 'agreed' } },
    })
    await expect(assumed(shared, {}, foreign)).rejects.toThrow('is not authorized to perform: sts:AssumeRole')
    await expect(assumed(shared, { ExternalId: 'agreed' }, foreign)).resolves.toBeDefined()
    await expect(assumed(shared, { ExternalId: 'agreed' })).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  it('is limited by a policy given with the session', async () => {
    const role = await newRole({ principal: { AWS: HOME } })
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action: 'states:*', Resource: '*' },
    })
    const keys = await assumed(role, { Policy })
    await expect(describes(keys)).rejects.toThrow('because no session policy allows the ec2:DescribeVolumes action')
    await expect(call(() => new SFNClient(as(keys)).send(new ListStateMachinesCommand({})))).resolves.toBeDefined()
  })

  it('is limited by its boundary', async () => {
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'
    const keys = await assumed(await newRole({ principal: { AWS: HOME } }, { PermissionsBoundary }))
    await expect(describes(keys)).rejects.toThrow(
      'because no permissions boundary allows the ec2:DescribeVolumes action',
    )
  })

  it('ends with its session, in virtual time, in each service’s words', async () => {
    const keys = await assumed(await newRole({ principal: { AWS: HOME } }), { DurationSeconds: 900 })
    await account.clock.sleep(899_000)
    await expect(describes(keys)).resolves.toBeDefined()
    await account.clock.sleep(1000)
    await expect(describes(keys)).rejects.toMatchObject({ name: 'RequestExpired' })
    const machines = call(() => new SFNClient(as(keys)).send(new ListStateMachinesCommand({})))
    await expect(machines).rejects.toMatchObject({ name: 'ExpiredTokenException' })
    const identity = call(() => new STSClient(as(keys)).send(new GetCallerIdentityCommand({})))
    await expect(identity).rejects.toMatchObject({ name: 'ExpiredToken' })
  })

  it('has sessions no longer than it allows, and an hour at most by way of another session', async () => {
    const role = await newRole({ principal: { AWS: HOME } }, { MaxSessionDuration: 7200 })
    await expect(assumed(role, { DurationSeconds: 7201 })).rejects.toThrow('MaxSessionDuration')
    await expect(assumed(role, { DurationSeconds: 7200 })).resolves.toBeDefined()
    const self = await newRole({ principal: { AWS: '*' } }, { MaxSessionDuration: 7200 })
    const chained = assumed(self, { DurationSeconds: 3601 }, as(await assumed(self)))
    await expect(chained).rejects.toThrow('role chaining')
  })

  it('is had by a service only if it trusts it, and only for the source that it names (AWS facts H)', async () => {
    const source = `arn:aws:states:${REGION}:${HOME}:stateMachine:m`
    const role = await newRole({
      principal: { Service: 'states.amazonaws.com' },
      condition: { ArnLike: { 'aws:SourceArn': source }, StringEquals: { 'aws:SourceAccount': HOME } },
    })
    const asked = [{ action: 'ec2:DescribeVolumes', resource: '*', context: {} }]
    const permit = account.iam.permitFor('states.amazonaws.com', REGION)
    expect(() => permit(role, asked, source)).not.toThrow()
    expect(() => permit(role, asked, `${source}2`)).toThrow('not authorized to perform: sts:AssumeRole')
    expect(() => permit(role, [{ action: 's3:GetObject', resource: 'arn:aws:s3:::b/k', context: {} }], source)).toThrow(
      's3:GetObject',
    )
    const scheduler = account.iam.permitFor('scheduler.amazonaws.com', REGION)
    expect(() => scheduler(role, asked, source)).toThrow('scheduler.amazonaws.com is not authorized')
  })

  it('gives a service sessions that end in virtual time, and new ones before that', async () => {
    const role = await newRole({ principal: { Service: 'ec2.amazonaws.com' } })
    const keysOf = account.iam.assumeFor('ec2.amazonaws.com', REGION, { lifeSeconds: 6 * 3600, renewalSeconds: 3600 })
    const describesWith = (keys: ReturnType<typeof keysOf>) =>
      describes({
        ...keys,
        AccessKeyId: keys.accessKeyId,
        SecretAccessKey: keys.secretAccessKey,
        SessionToken: keys.sessionToken,
        Expiration: undefined,
      })
    const first = keysOf(role, 'i-1')
    expect(keysOf(role, 'i-2').accessKeyId).not.toBe(first.accessKeyId)
    await account.clock.sleep(5 * 3_600_000)
    expect(keysOf(role, 'i-1')).toEqual(first)
    await account.clock.sleep(1)
    const second = keysOf(role, 'i-1')
    expect(second.accessKeyId).not.toBe(first.accessKeyId)
    await expect(describesWith(first)).resolves.toBeDefined()
    await account.clock.sleep(3_600_000)
    await expect(describesWith(first)).rejects.toMatchObject({ name: 'RequestExpired' })
    await expect(describesWith(second)).resolves.toBeDefined()
  })

  it('is listed page by page; a made-up marker and a parameter that is not here are refused', async () => {
    const iam = new IAMClient(settings())
    const PathPrefix = '/made/'
    const made = [await newRole({ principal: { AWS: HOME } }), await newRole({ principal: { AWS: HOME } })]
    const all = await call(() => iam.send(new ListRolesCommand({ PathPrefix })))
    const [first, ...others] = all.Roles ?? []
    const page = await call(() => iam.send(new ListRolesCommand({ PathPrefix, MaxItems: 1 })))
    expect([page.Roles, page.IsTruncated]).toEqual([[first], true])
    const rest = await call(() => iam.send(new ListRolesCommand({ PathPrefix, Marker: page.Marker })))
    expect([rest.Roles, rest.IsTruncated]).toEqual([others, false])
    expect(all.Roles?.map(({ Arn }) => Arn)).toEqual(expect.arrayContaining(made))
    await expect(call(() => iam.send(new ListRolesCommand({ Marker: 'made-up' })))).rejects.toThrow('Invalid Marker')
    const scoped = new ListPoliciesCommand({ PolicyUsageFilter: 'PermissionsBoundary' })
    await expect(call(() => iam.send(scoped))).rejects.toMatchObject({ name: 'NotImplemented' })
    const withoutTags = new AssumeRoleCommand({ RoleArn: made[0], RoleSessionName: 'one', Tags: [] })
    await expect(call(() => new STSClient(settings()).send(withoutTags))).resolves.toBeDefined()
  })

  it('cannot be deleted while it has policies, nor have a policy that does not exist', async () => {
    const iam = new IAMClient(settings())
    const RoleName = (await newRole({ principal: { AWS: HOME } })).split('/').at(-1)
    await expect(call(() => iam.send(new DeleteRoleCommand({ RoleName })))).rejects.toMatchObject({
      name: 'DeleteConflictException',
    })
    const unknown = new AttachRolePolicyCommand({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/Imagined' })
    await expect(call(() => iam.send(unknown))).rejects.toMatchObject({ name: 'NoSuchEntityException' })
    expect((await call(() => iam.send(new ListAttachedRolePoliciesCommand({ RoleName })))).AttachedPolicies).toEqual([])
  })
})

it('decodes the message of a denial (AWS facts A.21)', async () => {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Deny', Action: '*', Resource: '*' },
  })
  const keys = await assumed(await newRole({ principal: { AWS: HOME } }), { Policy })
  const { message } = await describes(keys).then(
    () => new Error('allowed'),
    (error: Error) => error,
  )
  const EncodedMessage = /failure message: (\S+)$/.exec(message)?.[1]
  const sts = new STSClient(settings())
  const { DecodedMessage = '' } = await call(() => sts.send(new DecodeAuthorizationMessageCommand({ EncodedMessage })))
  expect(JSON.parse(DecodedMessage)).toMatchObject({
    allowed: false,
    explicitDeny: true,
    context: { action: 'ec2:DescribeVolumes', resource: '*' },
  })
  const decoded = call(() => new STSClient(as(keys)).send(new DecodeAuthorizationMessageCommand({ EncodedMessage })))
  await expect(decoded).rejects.toMatchObject({ name: 'AccessDenied' })
})

it('gives a user a session of his own, and a session none', async () => {
  const { Credentials: keys } = await call(() => new STSClient(settings()).send(new GetSessionTokenCommand({})))
  await expect(describes(keys ?? ({} as Credentials))).resolves.toBeDefined()
  const again = assumed(await newRole({ principal: { AWS: HOME } })).then((role) =>
    call(() => new STSClient(as(role)).send(new GetSessionTokenCommand({}))),
  )
  await expect(again).rejects.toMatchObject({ name: 'AccessDenied' })
})
