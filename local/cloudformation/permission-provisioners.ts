/** Roles, policies and keys of a template: made through IAM and KMS like anybody else's, so that they decide from then on. */
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { CreateAliasCommand, CreateKeyCommand, EnableKeyRotationCommand } from '@aws-sdk/client-kms'
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { SetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { list, record, text, texts } from './properties.ts'
import type { Provisioner, Provisioning } from './provisioners.ts'

const given = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const inlinePolicy = async (
  { clients }: Provisioning,
  role: string,
  { PolicyName: name, PolicyDocument: document }: Readonly<Record<string, unknown>>,
): Promise<void> => {
  const PolicyDocument = JSON.stringify(document)
  await clients.iam.send(new PutRolePolicyCommand({ RoleName: role, PolicyName: text(name), PolicyDocument }))
}

const tagsOf = (value: unknown): { Key: string; Value: string }[] =>
  list(value).map((tag) => ({ Key: text(record(tag)['Key']), Value: text(record(tag)['Value']) }))

const role: Provisioner = async (to) => {
  const { properties, clients, logicalId, stackName } = to
  const name = text(properties['RoleName'], `${stackName}-${logicalId}`)
  const seconds = properties['MaxSessionDuration']
  const { Role: made } = await clients.iam.send(
    new CreateRoleCommand({
      RoleName: name,
      Path: given(properties['Path']),
      AssumeRolePolicyDocument: JSON.stringify(properties['AssumeRolePolicyDocument']),
      Description: given(properties['Description']),
      MaxSessionDuration: seconds === undefined ? undefined : Number(seconds),
      PermissionsBoundary: given(properties['PermissionsBoundary']),
      Tags: tagsOf(properties['Tags']),
    }),
  )
  for (const policy of list(properties['Policies'])) await inlinePolicy(to, name, record(policy))
  for (const PolicyArn of texts(properties['ManagedPolicyArns']))
    await clients.iam.send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn }))
  return { ref: name, attributes: { Arn: made?.Arn ?? '', RoleId: made?.RoleId ?? '' } }
}

const policy: Provisioner = async (to) => {
  for (const name of texts(to.properties['Roles'])) await inlinePolicy(to, name, to.properties)
  return { ref: text(to.properties['PolicyName']), attributes: {} }
}

const managedPolicy: Provisioner = async ({ properties, clients, logicalId, stackName }) => {
  const { Policy: made } = await clients.iam.send(
    new CreatePolicyCommand({
      PolicyName: text(properties['ManagedPolicyName'], `${stackName}-${logicalId}`),
      Path: given(properties['Path']),
      Description: given(properties['Description']),
      PolicyDocument: JSON.stringify(properties['PolicyDocument']),
    }),
  )
  const PolicyArn = made?.Arn ?? ''
  for (const RoleName of texts(properties['Roles']))
    await clients.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }))
  return { ref: PolicyArn, attributes: { PolicyArn } }
}

const instanceProfile: Provisioner = async ({ properties, clients, logicalId, stackName }) => {
  const name = text(properties['InstanceProfileName'], `${stackName}-${logicalId}`)
  const { InstanceProfile: made } = await clients.iam.send(
    new CreateInstanceProfileCommand({ InstanceProfileName: name, Path: given(properties['Path']) }),
  )
  for (const RoleName of texts(properties['Roles']))
    await clients.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName }))
  return { ref: name, attributes: { Arn: made?.Arn ?? '' } }
}

const key: Provisioner = async ({ properties, clients }) => {
  const { KeyMetadata: made } = await clients.kms.send(
    new CreateKeyCommand({
      Description: given(properties['Description']),
      Policy: JSON.stringify(properties['KeyPolicy']),
      Tags: tagsOf(properties['Tags']).map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value })),
    }),
  )
  const { KeyId: id = '', Arn: arn = '' } = made ?? {}
  if (properties['EnableKeyRotation'] === true) await clients.kms.send(new EnableKeyRotationCommand({ KeyId: id }))
  return { ref: id, attributes: { Arn: arn, KeyId: id } }
}

const alias: Provisioner = async ({ properties, clients }) => {
  const name = text(properties['AliasName'])
  await clients.kms.send(
    // An alias wants the id; templates give the ARN as often.
    new CreateAliasCommand({ AliasName: name, TargetKeyId: text(properties['TargetKeyId']).replace(/^.*:key\//, '') }),
  )
  return { ref: name, attributes: {} }
}

const bucketPolicy: Provisioner = async ({ properties, clients }) => {
  const bucket = text(properties['Bucket'])
  const Policy = JSON.stringify(properties['PolicyDocument'])
  await clients.s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }))
  return { ref: bucket, attributes: {} }
}

const queuePolicy: Provisioner = async ({ properties, clients, logicalId }) => {
  const Policy = JSON.stringify(properties['PolicyDocument'])
  for (const QueueUrl of texts(properties['Queues']))
    await clients.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }))
  return { ref: logicalId, attributes: {} }
}

/** A statement of the function's own policy; CloudFormation makes its id from the resource's. */
const functionPermission: Provisioner = ({ properties, logicalId, stackName, addStatement }) => {
  const functionArn = text(properties['FunctionName'])
  const { SourceArn: sourceArn, SourceAccount: sourceAccount, Principal: named } = properties
  const who = text(named)
  addStatement(functionArn, {
    Sid: `${stackName}-${logicalId}`,
    Effect: 'Allow',
    Principal: who === '*' ? '*' : who.endsWith('.amazonaws.com') ? { Service: who } : { AWS: who },
    Action: text(properties['Action']),
    Resource: functionArn,
    Condition: {
      ...(sourceArn === undefined ? {} : { ArnLike: { 'aws:SourceArn': sourceArn } }),
      ...(sourceAccount === undefined ? {} : { StringEquals: { 'aws:SourceAccount': sourceAccount } }),
    },
  })
  return { ref: `${stackName}-${logicalId}`, attributes: {} }
}

export const PERMISSION_PROVISIONERS: Readonly<Record<string, Provisioner>> = {
  'AWS::IAM::Role': role,
  'AWS::IAM::Policy': policy,
  'AWS::IAM::ManagedPolicy': managedPolicy,
  'AWS::IAM::InstanceProfile': instanceProfile,
  'AWS::KMS::Key': key,
  'AWS::KMS::Alias': alias,
  'AWS::S3::BucketPolicy': bucketPolicy,
  'AWS::SQS::QueuePolicy': queuePolicy,
  'AWS::Lambda::Permission': functionPermission,
}
