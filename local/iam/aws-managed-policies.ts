/** AWS's own managed policies, those that machines and functions of such an account commonly have. */
import { ADMINISTRATOR_ACCESS } from './records.ts'

const allow = (Action: readonly string[], Resource = '*'): object => ({ Effect: 'Allow', Action, Resource })

const documents: Readonly<Record<string, readonly object[]>> = {
  [ADMINISTRATOR_ACCESS]: [allow(['*'])],
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [
    allow(['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents']),
  ],
  'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore': [
    allow([
      'ssm:DescribeAssociation',
      'ssm:GetDeployablePatchSnapshotForInstance',
      'ssm:GetDocument',
      'ssm:DescribeDocument',
      'ssm:GetManifest',
      'ssm:GetParameter',
      'ssm:GetParameters',
      'ssm:ListAssociations',
      'ssm:ListInstanceAssociations',
      'ssm:PutInventory',
      'ssm:PutComplianceItems',
      'ssm:PutConfigurePackageResult',
      'ssm:UpdateAssociationStatus',
      'ssm:UpdateInstanceAssociationStatus',
      'ssm:UpdateInstanceInformation',
    ]),
    allow(['ssmmessages:CreateControlChannel', 'ssmmessages:CreateDataChannel']),
    allow(['ssmmessages:OpenControlChannel', 'ssmmessages:OpenDataChannel']),
    allow(['ec2messages:AcknowledgeMessage', 'ec2messages:DeleteMessage', 'ec2messages:FailMessage']),
    allow(['ec2messages:GetEndpoint', 'ec2messages:GetMessages', 'ec2messages:SendReply']),
  ],
}

/** ARN → document. A policy of AWS that is not here cannot be attached: its permissions would be a guess. */
export const AWS_MANAGED_POLICIES: ReadonlyMap<string, string> = new Map(
  Object.entries(documents).map(([arn, Statement]) => [arn, JSON.stringify({ Version: '2012-10-17', Statement })]),
)
