import { CreateTableCommand, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb'
import { PutRuleCommand, PutTargetsCommand, type Target } from '@aws-sdk/client-eventbridge'
import { CreateSecurityGroupCommand } from '@aws-sdk/client-ec2'
import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3'
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  type CreateScheduleCommandInput,
} from '@aws-sdk/client-scheduler'
import { CreateStateMachineCommand } from '@aws-sdk/client-sfn'
import { CreateQueueCommand } from '@aws-sdk/client-sqs'
import type { DeploymentClients } from './clients.ts'
import { PERMISSION_PROVISIONERS } from './permission-provisioners.ts'
import { list, record, text } from './properties.ts'
import type { Provisioned } from './template.ts'

/** Properties of a resource, resolved. */
export type Properties = Readonly<Record<string, unknown>>

export interface Provisioning {
  readonly logicalId: string
  readonly properties: Properties
  readonly accountId: string
  readonly region: string
  readonly stackName: string
  readonly clients: DeploymentClients
  /** Folder of the asset that a Lambda's code is. */
  readonly assetDirectory: (key: string) => string
  readonly registerFunction: (configuration: {
    name: string
    codeDirectory: string
    handler: string
    environment: Record<string, string>
    roleArn: string
    timeoutSeconds: number
    memoryMiB: number
    runtime: string
  }) => string
  /** Adds a statement to the policy of a resource. */
  readonly addStatement: (arn: string, statement: object) => void
  /** Tells which key encrypts a bucket or table. */
  readonly putDataKey: (arn: string, keyArn: string) => void
}

export type Provisioner = (to: Provisioning) => Promise<Provisioned> | Provisioned

const lambdaFunction: Provisioner = ({ properties, assetDirectory, registerFunction, logicalId, stackName }) => {
  const name = text(properties['FunctionName'], `${stackName}-${logicalId}`)
  const environment = record(record(properties['Environment'])['Variables'])
  const arn = registerFunction({
    name,
    codeDirectory: assetDirectory(text(record(properties['Code'])['S3Key'])),
    handler: text(properties['Handler']),
    environment: Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)])),
    roleArn: text(properties['Role']),
    timeoutSeconds: Number(properties['Timeout'] ?? 3),
    memoryMiB: Number(properties['MemorySize'] ?? 128),
    runtime: text(properties['Runtime']),
  })
  return { ref: name, attributes: { Arn: arn } }
}

const stateMachine: Provisioner = async ({ properties, clients, logicalId, stackName }) => {
  const name = text(properties['StateMachineName'], `${stackName}-${logicalId}`)
  const substitutions = Object.entries(record(properties['DefinitionSubstitutions']))
  const definition = substitutions.reduce(
    (result, [key, value]) => result.replaceAll(`\${${key}}`, String(value)),
    text(properties['DefinitionString']),
  )
  const { stateMachineArn = '' } = await clients.sfn.send(
    new CreateStateMachineCommand({ name, definition, roleArn: text(properties['RoleArn']) }),
  )
  return { ref: stateMachineArn, attributes: { Arn: stateMachineArn, Name: name } }
}

const table: Provisioner = async ({ properties, clients, accountId, region, putDataKey }) => {
  const name = text(properties['TableName'])
  // What a table needs to behave the same; encryption and recovery have no effect in memory.
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode, DeletionProtectionEnabled } =
    properties as Properties & CreateTableCommandInput
  await clients.dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      AttributeDefinitions,
      KeySchema,
      GlobalSecondaryIndexes,
      BillingMode,
      DeletionProtectionEnabled,
    }),
  )
  const arn = `arn:aws:dynamodb:${region}:${accountId}:table/${name}`
  const keyArn = record(properties['SSESpecification'])['KMSMasterKeyId']
  if (keyArn !== undefined) putDataKey(arn, text(keyArn))
  return { ref: name, attributes: { Arn: arn } }
}

const bucket: Provisioner = async ({ properties, clients, putDataKey }) => {
  const name = text(properties['BucketName'])
  await clients.s3.send(new CreateBucketCommand({ Bucket: name }))
  const VersioningConfiguration = properties['VersioningConfiguration']
  if (VersioningConfiguration !== undefined)
    await clients.s3.send(
      new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: record(VersioningConfiguration) }),
    )
  const arn = `arn:aws:s3:::${name}`
  const [rule] = list(record(properties['BucketEncryption'])['ServerSideEncryptionConfiguration'])
  const keyArn = record(record(rule)['ServerSideEncryptionByDefault'])['KMSMasterKeyID']
  if (keyArn !== undefined) putDataKey(arn, text(keyArn))
  return { ref: name, attributes: { Arn: arn } }
}

const rule: Provisioner = async ({ properties, clients, logicalId, stackName }) => {
  const name = text(properties['Name'], `${stackName}-${logicalId}`)
  const { RuleArn = '' } = await clients.events.send(
    new PutRuleCommand({
      Name: name,
      Description: text(properties['Description']),
      EventPattern: JSON.stringify(properties['EventPattern']),
      State: 'ENABLED',
    }),
  )
  await clients.events.send(new PutTargetsCommand({ Rule: name, Targets: list(properties['Targets']) as Target[] }))
  return { ref: name, attributes: { Arn: RuleArn } }
}

const queue: Provisioner = async ({ properties, clients, accountId, region, logicalId, stackName }) => {
  const { QueueName, Tags, ...rest } = properties
  const name = text(QueueName, `${stackName}-${logicalId}`)
  const attributes = Object.entries(rest).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  const tags = list(Tags).map((tag) => [text(record(tag)['Key']), text(record(tag)['Value'])])
  const { QueueUrl = '' } = await clients.sqs.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: Object.fromEntries(attributes),
      tags: Object.fromEntries(tags),
    }),
  )
  return { ref: QueueUrl, attributes: { Arn: `arn:aws:sqs:${region}:${accountId}:${name}`, QueueName: name, QueueUrl } }
}

const scheduleGroup: Provisioner = async ({ properties, clients }) => {
  const name = text(properties['Name'])
  const { ScheduleGroupArn = '' } = await clients.scheduler.send(new CreateScheduleGroupCommand({ Name: name }))
  return { ref: name, attributes: { Arn: ScheduleGroupArn } }
}

const schedule: Provisioner = async ({ properties, clients }) => {
  const { ScheduleArn = '' } = await clients.scheduler.send(
    new CreateScheduleCommand(properties as Properties & CreateScheduleCommandInput),
  )
  return { ref: text(properties['Name']), attributes: { Arn: ScheduleArn } }
}

/** With the rule that lets everything out, which every group begins with; rules of its own are not known here. */
const securityGroup: Provisioner = async ({ properties, clients, logicalId, stackName }) => {
  for (const rules of ['SecurityGroupIngress', 'SecurityGroupEgress'])
    if (properties[rules] !== undefined)
      throw new Error(`${logicalId} has a ${rules}, which this account cannot deploy.`)
  const { GroupId = '' } = await clients.ec2.send(
    new CreateSecurityGroupCommand({
      GroupName: text(properties['GroupName'], `${stackName}-${logicalId}`),
      Description: text(properties['GroupDescription']),
      ...(properties['VpcId'] === undefined ? {} : { VpcId: text(properties['VpcId']) }),
    }),
  )
  return { ref: GroupId, attributes: { GroupId } }
}

/** Exists by name only: nothing in this account does anything with it. */
const named =
  (property: string, arn: (name: string, to: Provisioning) => string): Provisioner =>
  (to) => {
    const name = text(to.properties[property], `${to.stackName}-${to.logicalId}`)
    return { ref: name, attributes: { Arn: arn(name, to), QueueName: name, KeyId: name } }
  }

/** What this account can deploy. A type that is not here fails the deployment. */
export const PROVISIONERS: Readonly<Record<string, Provisioner>> = {
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::StepFunctions::StateMachine': stateMachine,
  'AWS::DynamoDB::Table': table,
  'AWS::S3::Bucket': bucket,
  'AWS::EC2::SecurityGroup': securityGroup,
  'AWS::Events::Rule': rule,
  'AWS::Scheduler::ScheduleGroup': scheduleGroup,
  'AWS::Scheduler::Schedule': schedule,
  ...PERMISSION_PROVISIONERS,
  'AWS::SQS::Queue': queue,
  'AWS::Logs::LogGroup': named(
    'LogGroupName',
    (name, { region, accountId }) => `arn:aws:logs:${region}:${accountId}:log-group:${name}:*`,
  ),
}
