import { Stack } from 'aws-cdk-lib'
import type { IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import type { DeployedProxy } from '../core/contracts/jobs.ts'
import { nameOf, stateMachineArn } from './names.ts'
import {
  allow,
  ec2Arn,
  ours,
  snapshotArn,
  taggedOurs,
  throughEc2,
  useDiskKeys,
  useKey,
  type Permissions,
} from './permissions.ts'
import type { VaultAccess } from './vaults.ts'

/** What copying needs, by the same rules as cdk/permissions.ts. */

/** Images have no account in their ARN. */
const imageArn = ({ scope }: Permissions): string =>
  Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: '*' })

// Vaults and the EBS direct APIs

/** Objects below a vault's prefix and nothing else: they are written once, and nobody who writes deletes. */
export const writeVaults = (vaults: readonly VaultAccess[]): PolicyStatement[] => [
  ...readVaults(vaults),
  ...vaults.flatMap(({ bucketArn, prefix, keyArn }) => [
    allow(['s3:PutObject'], [`${bucketArn}/${prefix}*`]),
    allow(['kms:GenerateDataKey'], [keyArn], { StringLike: { 'kms:ViaService': 's3.*' } }),
  ]),
]

/** The key opens the vault itself, and what S3 encrypted with it. */
export const readVaults = (vaults: readonly VaultAccess[]): PolicyStatement[] =>
  vaults.flatMap(({ bucketArn, prefix, keyArn }) => [
    allow(['s3:GetObject'], [`${bucketArn}/${prefix}*`]),
    allow(['s3:ListBucket'], [bucketArn], { StringLike: { 's3:prefix': `${prefix}*` } }),
    allow(['kms:Decrypt'], [keyArn]),
  ])

/** The deployment's own vaults are made when the first copy is planned. */
export const makeOwnVaults = (vaults: readonly VaultAccess[]): PolicyStatement[] =>
  vaults
    .filter(({ isOwn }) => isOwn)
    .flatMap(({ bucketArn, prefix, keyArn }) => [
      allow(['s3:PutObject'], [`${bucketArn}/${prefix}vault.json`]),
      allow(['kms:GenerateDataKey'], [keyArn]),
    ])

/** Blocks of our own snapshots; disks' keys as in `useDiskKeys`. */
export const readOurSnapshotBlocks = (to: Permissions): PolicyStatement[] => [
  ...listOurSnapshotBlocks(to),
  allow(['ebs:GetSnapshotBlock'], [snapshotArn(to)], ours(to)),
  allow(['kms:Decrypt'], ['*'], { StringEquals: throughEc2(to) }),
]

export const listOurSnapshotBlocks = (to: Permissions): PolicyStatement[] => [
  allow(['ebs:ListSnapshotBlocks', 'ebs:ListChangedBlocks'], [snapshotArn(to)], ours(to)),
]

/** New snapshots, with our tag from the first moment; the key of a disk that was encrypted as in `useDiskKeys`. */
export const startOurSnapshots = (to: Permissions): PolicyStatement[] => [
  allow(['ebs:StartSnapshot'], [snapshotArn(to)], taggedOurs(to)),
  allow(['ec2:CreateTags'], [snapshotArn(to)], { StringEquals: { 'ec2:CreateAction': 'StartSnapshot' } }),
  ...useDiskKeys(to),
]

/** Blocks of our own snapshots while they wait for them. */
export const writeOurSnapshotBlocks = (to: Permissions): PolicyStatement[] => [
  allow(['ebs:PutSnapshotBlock', 'ebs:CompleteSnapshot'], [snapshotArn(to)], ours(to)),
  ...useDiskKeys(to),
]

export interface ProxyAccess {
  readonly role: IRole
  readonly deployed: Pick<DeployedProxy, 'imageParameter'>
  /** Of their security group. */
  readonly groupArn: string
}

/** One RunInstances: with our tags on what it makes, only as the proxy role, in its group, on Amazon's images. */
export const launchProxies = (to: Permissions, { role, groupArn, deployed }: ProxyAccess): PolicyStatement[] => [
  allow(['ec2:RunInstances'], [ec2Arn(to, 'instance'), ec2Arn(to, 'volume')], taggedOurs(to)),
  allow(['ec2:RunInstances'], [imageArn(to)], { StringEquals: { 'ec2:Owner': 'amazon' } }),
  allow(
    ['ec2:RunInstances'],
    ['network-interface', 'subnet', 'spot-instances-request'].map((kind) => ec2Arn(to, kind)),
    { StringEquals: { 'ec2:Region': Stack.of(to.scope).region } },
  ),
  allow(['ec2:RunInstances'], [groupArn]),
  allow(['ec2:CreateTags'], [ec2Arn(to, 'instance'), ec2Arn(to, 'volume')], {
    StringEquals: { 'ec2:CreateAction': 'RunInstances' },
  }),
  allow(['iam:PassRole'], [role.roleArn], { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } }),
  allow(
    ['ssm:GetParameter'],
    [
      Stack.of(to.scope).formatArn({
        service: 'ssm',
        account: '',
        resource: 'parameter',
        resourceName: deployed.imageParameter.replace(/^\//, ''),
      }),
    ],
  ),
  ...useDiskKeys(to),
]

/** Disks of a proxy from our snapshots. */
export const attachOurSnapshotsToProxies = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:RunInstances'], [snapshotArn(to)], ours(to)),
]

/** The bundle of the mover, by a URL that the launching role signs. */
export const readMover = (mover: { readonly bucket: IBucket; readonly s3ObjectKey: string }): PolicyStatement[] => [
  allow(['s3:GetObject'], [mover.bucket.arnForObjects(mover.s3ObjectKey)]),
]

/** Reads its job, tells how far it is, and answers its token. */
export const reportOfProxy = (to: Permissions, reports: IBucket): PolicyStatement[] => [
  allow(['s3:GetObject'], [reports.arnForObjects('jobs/*')]),
  ...writeProgress(reports),
  allow(
    ['states:SendTaskSuccess', 'states:SendTaskFailure', 'states:SendTaskHeartbeat'],
    (['copy-point', 'recover-point'] as const).map((name) => stateMachineArn(to.scope, nameOf(to.deployment, name))),
  ),
]

export const writeJobs = (reports: IBucket): PolicyStatement[] => [
  allow(['s3:PutObject'], [reports.arnForObjects('jobs/*')]),
  ...useKey(reports, 's3', ['kms:Decrypt', 'kms:GenerateDataKey']),
]

export const terminateOurProxies = (to: Permissions): PolicyStatement[] => [
  allow(['ec2:TerminateInstances'], [ec2Arn(to, 'instance')], ours(to)),
]

/** How far copies are; nothing else of the bucket. */
export const writeProgress = (bucket: IBucket): PolicyStatement[] => [
  allow(['s3:PutObject'], [bucket.arnForObjects('progress/*')]),
  ...useKey(bucket, 's3', ['kms:Decrypt', 'kms:GenerateDataKey']),
]
