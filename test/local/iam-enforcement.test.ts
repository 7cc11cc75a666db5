/** Calls of users and roles, over the wire, as their policies decide them. */
import { CreateVolumeCommand, DescribeVolumesCommand, EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2'
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteUserPolicyCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam'
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn'
import { BatchGetItemCommand, DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'

const REGION = 'eu-central-1'
const ACCOUNT = '111122223333'
const USER = `arn:aws:iam::${ACCOUNT}:user/ada`

interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

let account: Account
let iam: IAMClient
let ada: Keys

const settings = (credentials: Keys) => ({ endpoint: account.endpoint, region: REGION, credentials, maxAttempts: 1 })
const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)

type Statement = Readonly<Record<string, unknown>>

/** From now on this is all that Ada may do. */
async function letAda(...statements: Statement[]): Promise<void> {
  const allowed = statements.map((statement) => ({ Effect: 'Allow', Resource: '*', ...statement }))
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: allowed })
  await call(() => iam.send(new PutUserPolicyCommand({ UserName: 'ada', PolicyName: 'now', PolicyDocument })))
}

beforeAll(async () => {
  account = await startAccount({ clock: autoClock(Date.UTC(2026, 10, 23)) })
  iam = new IAMClient(settings({ accessKeyId: 'test', secretAccessKey: 'test' }))
  await call(() => iam.send(new CreateUserCommand({ UserName: 'ada' })))
  const { AccessKey: key } = await call(() => iam.send(new CreateAccessKeyCommand({ UserName: 'ada' })))
  ada = { accessKeyId: key?.AccessKeyId ?? '', secretAccessKey: key?.SecretAccessKey ?? '' }
})
afterAll(() => account.close())

const volume = (tags: Readonly<Record<string, string>>, DryRun = false) =>
  new CreateVolumeCommand({
    AvailabilityZone: `${REGION}a`,
    Size: 1,
    VolumeType: 'gp3',
    DryRun,
    TagSpecifications: [{ ResourceType: 'volume', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }],
  })

describe('a user', () => {
  it('may do nothing without a policy, and is told so in EC2’s words (AWS facts A.21)', async () => {
    const ec2 = new EC2Client(settings(ada))
    const refusal: unknown = await call(() => ec2.send(new DescribeVolumesCommand({}))).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ name: 'UnauthorizedOperation', $metadata: { httpStatusCode: 403 } })
    expect(refusal).toHaveProperty(
      'message',
      expect.stringContaining(
        `You are not authorized to perform this operation. User: ${USER} is not authorized to perform: ` +
          'ec2:DescribeVolumes because no identity-based policy allows the ec2:DescribeVolumes action. ' +
          'Encoded authorization failure message: ',
      ),
    )
  })

  it('is refused by each service in its own way', async () => {
    const machines = call(() => new SFNClient(settings(ada)).send(new ListStateMachinesCommand({})))
    await expect(machines).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message:
        `User: ${USER} is not authorized to perform: states:ListStateMachines on resource: ` +
        `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:* because no identity-based policy allows the ` +
        'states:ListStateMachines action',
      $metadata: { httpStatusCode: 400 },
    })
    const put = call(() => new S3Client(settings(ada)).send(new CreateBucketCommand({ Bucket: 'hers' })))
    await expect(put).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } })
    await expect(
      call(() => new IAMClient(settings(ada)).send(new CreateUserCommand({ UserName: 'eve' }))),
    ).rejects.toMatchObject({
      name: 'AccessDenied',
    })
  })

  it('may make a volume only with the tag, and tag it only at its creation (AWS facts H)', async () => {
    const ec2 = new EC2Client(settings(ada))
    await letAda({
      Action: 'ec2:CreateVolume',
      Condition: { StringEquals: { 'aws:RequestTag/owner': 'ada', 'ec2:VolumeType': 'gp3' } },
    })
    const untaggable = call(() => ec2.send(volume({ owner: 'ada' })))
    await expect(untaggable).rejects.toThrow('is not authorized to perform: ec2:CreateTags')
    await letAda(
      { Action: 'ec2:CreateVolume', Condition: { StringEquals: { 'aws:RequestTag/owner': 'ada' } } },
      { Action: 'ec2:CreateTags', Condition: { StringEquals: { 'ec2:CreateAction': 'CreateVolume' } } },
    )
    await expect(call(() => ec2.send(volume({ owner: 'bob' })))).rejects.toThrow('ec2:CreateVolume')
    await expect(call(() => ec2.send(volume({ owner: 'ada' })))).resolves.toMatchObject({ State: 'creating' })
  })

  it('learns from a dry run whether it would be allowed', async () => {
    const ec2 = new EC2Client(settings(ada))
    await expect(call(() => ec2.send(volume({ owner: 'ada' }, true)))).rejects.toMatchObject({
      name: 'DryRunOperation',
    })
    await expect(call(() => ec2.send(volume({}, true)))).rejects.toMatchObject({ name: 'UnauthorizedOperation' })
  })

  it('does not learn whether what it may not touch exists', async () => {
    await letAda({ Action: 'ec2:StopInstances', Condition: { StringEquals: { 'aws:ResourceTag/owner': 'ada' } } })
    const stop = new StopInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] })
    const refused = call(() => new EC2Client(settings(ada)).send(stop))
    await expect(refused).rejects.toThrow(`on resource: arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-0123456789abcdef0`)
  })

  it('sees that an object is not there only if it may list the bucket', async () => {
    await call(() =>
      new S3Client(settings({ accessKeyId: 'test', secretAccessKey: 'test' })).send(
        new CreateBucketCommand({
          Bucket: 'objects',
          CreateBucketConfiguration: { LocationConstraint: REGION },
        }),
      ),
    )
    const s3 = new S3Client(settings(ada))
    const get = () => call(() => s3.send(new GetObjectCommand({ Bucket: 'objects', Key: 'none' })))
    const objects = { Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::objects/*' }
    await letAda(objects)
    await expect(get()).rejects.toMatchObject({ name: 'AccessDenied' })
    await letAda(objects, { Action: 's3:ListBucket', Resource: 'arn:aws:s3:::objects' })
    await expect(get()).rejects.toMatchObject({ name: 'NoSuchKey' })
    await call(() => s3.send(new PutObjectCommand({ Bucket: 'objects', Key: 'none', Body: 'x' })))
    account.iam.putResourcePolicy(
      'arn:aws:s3:::objects',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::objects/*' },
      }),
    )
    await expect(get()).rejects.toThrow('with an explicit deny in a resource-based policy')
  })

  it('of another account gets into a bucket by its policy alone, and out with it', async () => {
    const [home, other] = [ACCOUNT, '444455556666'].map(
      (accessKeyId) => new S3Client(settings({ accessKeyId, secretAccessKey: 'test' })),
    )
    const CreateBucketConfiguration = { LocationConstraint: REGION } as const
    await call(async () => home?.send(new CreateBucketCommand({ Bucket: 'shared', CreateBucketConfiguration })))
    await call(async () => home?.send(new PutObjectCommand({ Bucket: 'shared', Key: 'k', Body: 'x' })))
    const get = () => call(async () => other?.send(new GetObjectCommand({ Bucket: 'shared', Key: 'k' })))
    const put = () => call(async () => other?.send(new PutObjectCommand({ Bucket: 'shared', Key: 'k', Body: 'y' })))
    await expect(get()).rejects.toMatchObject({ name: 'AccessDenied' })
    const letIn = {
      Effect: 'Allow',
      Principal: { AWS: '444455556666' },
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::shared/*',
    }
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [letIn] })
    await call(async () => home?.send(new PutBucketPolicyCommand({ Bucket: 'shared', Policy })))
    await get()
    await expect(put()).rejects.toMatchObject({ name: 'AccessDenied' })
    await call(async () => home?.send(new DeleteBucketPolicyCommand({ Bucket: 'shared' })))
    await expect(get()).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  it('needs the permission of each item of a transaction, not one for the transaction', async () => {
    const tables = new DynamoDBClient(settings(ada))
    const write = new TransactWriteItemsCommand({
      TransactItems: [
        { Put: { TableName: 't', Item: { pk: { S: 'a' } } } },
        { ConditionCheck: { TableName: 't', Key: { pk: { S: 'b' } }, ConditionExpression: 'attribute_exists(pk)' } },
      ],
    })
    await letAda({ Action: ['dynamodb:PutItem', 'dynamodb:TransactWriteItems'] })
    await expect(call(() => tables.send(write))).rejects.toThrow(
      `dynamodb:ConditionCheckItem on resource: arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/t`,
    )
    await letAda({ Action: 'dynamodb:GetItem' })
    const batch = new BatchGetItemCommand({ RequestItems: { t: { Keys: [{ pk: { S: 'a' } }] } } })
    await expect(call(() => tables.send(batch))).rejects.toThrow('dynamodb:BatchGetItem')
  })

  it('may do all with AdministratorAccess, until a policy denies', async () => {
    const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess'
    await call(() => iam.send(new AttachUserPolicyCommand({ UserName: 'ada', PolicyArn })))
    await call(() => iam.send(new DeleteUserPolicyCommand({ UserName: 'ada', PolicyName: 'now' })))
    const ec2 = new EC2Client(settings(ada))
    await expect(call(() => ec2.send(new DescribeVolumesCommand({})))).resolves.toBeDefined()
    await letAda({ Effect: 'Deny', Action: 'ec2:Describe*' })
    await expect(call(() => ec2.send(new DescribeVolumesCommand({})))).rejects.toThrow(
      'with an explicit deny in an identity-based policy',
    )
  })
})

it('refuses a policy that it could not decide by, when it is written', async () => {
  await expect(letAda({ Action: 's3:*', Condition: { StringEquals: { 's3:nothing': 'x' } } })).rejects.toMatchObject({
    name: 'NotImplemented',
    message: 'The embedded account does not evaluate the condition key s3:nothing.',
  })
  await expect(letAda({ Action: 's3:*', Condition: { StringEqual: { 's3:prefix': 'x' } } })).rejects.toThrow(
    'StringEqual',
  )
})
