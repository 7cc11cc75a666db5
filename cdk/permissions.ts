import { Stack } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { Construct, IConstruct } from 'constructs'
import type { Workflow } from '../core/ports.ts'
import { TAGS } from '../core/tags.ts'
import { executionArns, nameOf, stateMachineArn } from './names.ts'

/**
 * What a role may do, named by intent, each statement with its condition. No statement has a wildcard resource without one,
 * but for calls that AWS cannot restrict to a resource (`Describe…`); deletions are allowed only on what carries our tag.
 */
export interface Permissions {
  readonly scope: Construct
  readonly deployment: string
}

type Conditions = Record<string, Record<string, string | string[]>>

export const allow = (actions: string[], resources: string[], conditions: Conditions = {}): PolicyStatement =>
  new PolicyStatement({ actions, resources, conditions })

export const ec2Arn = ({ scope }: Permissions, resource: string): string =>
  Stack.of(scope).formatArn({ service: 'ec2', resource, resourceName: '*' })

/** Snapshots have no account in their ARN (AWS facts A.1). */
export const snapshotArn = ({ scope }: Permissions): string =>
  Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'snapshot', resourceName: '*' })

const optedIn: Conditions = { StringLike: { [`aws:ResourceTag/${TAGS.policy}`]: '*' } }
/** True as well for a volume that has no such tag. */
const notExcluded: Conditions = { StringNotEquals: { [`aws:ResourceTag/${TAGS.exclude}`]: 'true' } }
export const ours = ({ deployment }: Permissions): Conditions => ({
  StringEquals: { [`aws:ResourceTag/${TAGS.owner}`]: deployment },
})
export const taggedOurs = ({ deployment }: Permissions): Conditions => ({
  StringEquals: { [`aws:RequestTag/${TAGS.owner}`]: deployment },
})
export const throughEc2 = ({ scope }: Permissions): Record<string, string> => ({
  'kms:ViaService': `ec2.${Stack.of(scope).region}.amazonaws.com`,
})

// EC2

// The next four are calls that EC2 cannot restrict to a resource. They read no user data.

export const readMachines = (): PolicyStatement[] => [allow(['ec2:DescribeInstances'], ['*'])]

export const readHealth = (): PolicyStatement[] => [allow(['ec2:DescribeInstanceStatus'], ['*'])]

export const readVolumes = (): PolicyStatement[] => [allow(['ec2:DescribeVolumes'], ['*'])]

export const readSnapshots = (): PolicyStatement[] => [allow(['ec2:DescribeSnapshots'], ['*'])]

export const readInstanceTypes = (): PolicyStatement[] => [allow(['ec2:DescribeInstanceTypes'], ['*'])]

/** User data and stop protection, of machines that opted in. */
export const readAttributesOfOptedIn = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:DescribeInstanceAttribute'], [ec2Arn(to, 'instance')], optedIn),
]

export const snapshotOptedIn = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:CreateSnapshots'], [ec2Arn(to, 'instance')], optedIn),
  allow(['ec2:CreateSnapshots'], [ec2Arn(to, 'volume')], notExcluded),
  allow(['ec2:CreateSnapshots'], [snapshotArn(to)], taggedOurs(to)),
  allow(['ec2:CreateTags'], [snapshotArn(to)], { StringEquals: { 'ec2:CreateAction': 'CreateSnapshots' } }),
]

export const deleteOurSnapshots = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:DeleteSnapshot'], [snapshotArn(to)], ours(to)),
]

/** Only from our snapshots, and only with our tag on them from the first moment. */
export const createOurVolumes = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:CreateVolume'], [ec2Arn(to, 'volume')], taggedOurs(to)),
  allow(['ec2:CreateVolume'], [snapshotArn(to)], ours(to)),
  allow(['ec2:CreateTags'], [ec2Arn(to, 'volume')], { StringEquals: { 'ec2:CreateAction': 'CreateVolume' } }),
  ...useDiskKeys(to),
]

export const deleteOurVolumes = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:DeleteVolume'], [ec2Arn(to, 'volume')], ours(to)),
]

/** Marks replaced volumes as ours with their expiry, and takes our tags off what is the machine's again. No other tag. */
export const tagSwappedVolumes = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:CreateTags', 'ec2:DeleteTags'], [ec2Arn(to, 'volume')], {
    ...notExcluded,
    'ForAllValues:StringLike': { 'aws:TagKeys': 'tandem:*' },
  }),
]

export const stopOptedIn = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:StopInstances'], [ec2Arn(to, 'instance')], optedIn),
]

/** Starting a machine with encrypted disks needs their keys, through EC2 only. */
export const startOptedIn = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:StartInstances'], [ec2Arn(to, 'instance')], optedIn),
  ...useDiskKeys(to),
]

export const swapDisksOfOptedIn = (
  to: Permissions,
  action: 'ec2:AttachVolume' | 'ec2:DetachVolume',
): PolicyStatement[] => [
  allow([action], [ec2Arn(to, 'instance')], optedIn),
  allow([action], [ec2Arn(to, 'volume')], notExcluded),
  // Attaching an encrypted disk needs its key (AWS facts G); detaching does not.
  ...(action === 'ec2:AttachVolume' ? useDiskKeys(to) : []),
]

export const setDeleteOnTerminationOfOptedIn = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:ModifyInstanceAttribute'], [ec2Arn(to, 'instance')], optedIn),
  allow(['ec2:ModifyInstanceAttribute'], [ec2Arn(to, 'volume')], notExcluded),
]

/** The keys that disks are encrypted with are the customer's and not known at deployment: any key, but only through EC2. */
export function useDiskKeys(to: Permissions): PolicyStatement[] {
  return [
    allow(
      ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
      ['*'],
      {
        StringEquals: throughEc2(to),
      },
    ),
    allow(['kms:CreateGrant'], ['*'], { StringEquals: throughEc2(to), Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
  ]
}

// SSM

/** `lsblk` through AWS-RunShellScript, on machines that opted in. */
export const runCommandsOnOptedIn = (to: Permissions): PolicyStatement[] => [
  allow(['ssm:DescribeInstanceInformation', 'ssm:GetCommandInvocation'], ['*']),
  allow(
    ['ssm:SendCommand'],
    [
      Stack.of(to.scope).formatArn({
        service: 'ssm',
        account: '',
        resource: 'document',
        resourceName: 'AWS-RunShellScript',
      }),
    ],
  ),
  allow(['ssm:SendCommand'], [ec2Arn(to, 'instance')], { StringLike: { [`ssm:resourceTag/${TAGS.policy}`]: '*' } }),
]

export const readCommands = (): PolicyStatement[] => [allow(['ssm:GetCommandInvocation'], ['*'])]

// Step Functions

/** Ends waits of these workflows. */
export const endTaskWaits = (to: Permissions, ...workflows: Workflow[]): PolicyStatement[] => [
  allow(
    ['states:SendTaskSuccess', 'states:SendTaskFailure'],
    workflows.map((name) => stateMachineArn(to.scope, nameOf(to.deployment, name))),
  ),
]

/** Whether a run of these workflows, which holds a lock or a record, is still alive. */
export const readExecutions = (to: Permissions, ...workflows: Workflow[]): PolicyStatement[] => [
  allow(
    ['states:DescribeExecution'],
    workflows.map((name) => executionArns(to.scope, nameOf(to.deployment, name))),
  ),
]

// Catalog and reports

const indexes = (table: ITable): string => `${table.tableArn}/index/*`

const throughService = (scope: IConstruct, service: string): Conditions => ({
  StringEquals: { 'kms:ViaService': `${service}.${Stack.of(scope).region}.amazonaws.com` },
})

export const readCatalog = (table: ITable): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:Query'], [table.tableArn, indexes(table)]),
  ...useKey(table, 'dynamodb', ['kms:Decrypt']),
]

/** Reads too. Items are deleted only where they are no history: locks, waits and closed ledger entries. */
export const writeCatalog = (table: ITable): PolicyStatement[] => [
  allow(
    ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    [table.tableArn, indexes(table)],
  ),
  ...useKey(table, 'dynamodb', ['kms:Decrypt', 'kms:GenerateDataKey']),
]

export const writeReports = (bucket: IBucket): PolicyStatement[] => [
  allow(['s3:PutObject'], [bucket.arnForObjects('*')]),
  ...useKey(bucket, 's3', ['kms:Decrypt', 'kms:GenerateDataKey']),
]

export const readReports = (bucket: IBucket): PolicyStatement[] => [
  allow(['s3:GetObject'], [bucket.arnForObjects('*')]),
  ...useKey(bucket, 's3', ['kms:Decrypt']),
]

/** For schedules; rules are let in by the queue's own policy and its key's. */
export const sendDeadLetters = (queue: IQueue): PolicyStatement[] => [
  allow(['sqs:SendMessage'], [queue.queueArn]),
  ...useKeyOf(queue, queue.encryptionMasterKey, 'sqs', ['kms:Decrypt', 'kms:GenerateDataKey']),
]

export function useKey(owner: ITable | IBucket, service: string, actions: string[]): PolicyStatement[] {
  return useKeyOf(owner, owner.encryptionKey, service, actions)
}

function useKeyOf(scope: IConstruct, key: IKey | undefined, service: string, actions: string[]): PolicyStatement[] {
  return key ? [allow(actions, [key.keyArn], throughService(scope, service))] : []
}
