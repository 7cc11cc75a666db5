/** What IAM is asked before an operation of SSM runs (AWS facts F; Service Authorization Reference, AWS Systems Manager). */
import type { CreateDocumentRequest, PutParameterRequest, SendCommandRequest, Target } from '@aws-sdk/client-ssm'
import { anyResource, request, requestTags, resourceTags, type AccessMap } from '../wire/access.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'

/** Tags of an instance; none when it does not exist. */
export type InstanceTags = (instanceId: string) => ReadonlyMap<string, string>

/** Documents of AWS belong to no account. */
const documentArn = ({ region, accountId }: Caller, name: string): string =>
  name.startsWith('arn:')
    ? name
    : `arn:aws:ssm:${region}:${/^(AWS|Amazon)/.test(name) ? '' : accountId}:document/${name}`

const parameterArn = ({ region, accountId }: Caller, name: string): string =>
  name.startsWith('arn:')
    ? name
    : // Public parameters are AWS's own: their ARN has no account (from memory).
      `arn:aws:ssm:${region}:${name.startsWith('/aws/') ? '' : accountId}:parameter/${name.replace(/^\//, '').replace(/:.*$/, '')}`

/** The instances that have the targets; what is wrong with the targets is the operation's to say. */
export type TargetedInstances = (targets: readonly Target[]) => readonly string[]

function recipientsOf(
  { InstanceIds = [], Targets = [] }: SendCommandRequest,
  targeted: TargetedInstances,
): readonly string[] {
  if (Targets.length === 0) return InstanceIds
  try {
    return targeted(Targets)
  } catch {
    return []
  }
}

function sendCommandAsks(
  input: SendCommandRequest,
  caller: Caller,
  tagsOf: InstanceTags,
  targeted: TargetedInstances,
): AccessRequest[] {
  const { region, accountId } = caller
  return [
    request('ssm:SendCommand', documentArn(caller, input.DocumentName ?? '*')),
    ...recipientsOf(input, targeted).map((id) =>
      request(
        'ssm:SendCommand',
        `arn:aws:ec2:${region}:${accountId}:instance/${id}`,
        resourceTags(tagsOf(id), 'ssm:resourceTag/'),
      ),
    ),
  ]
}

const onDocument = (name: string): AccessMap => ({
  [name]: (input: { Name?: string }, caller) => [request(`ssm:${name}`, documentArn(caller, input.Name ?? '*'))],
})

const onParameters = (name: string): AccessMap => ({
  [name]: (input: { Name?: string; Names?: string[]; Path?: string }, caller) =>
    (input.Names ?? [input.Name ?? input.Path ?? '*']).map((one) => request(`ssm:${name}`, parameterArn(caller, one))),
})

export const ssmAccess = (tagsOf: InstanceTags, targeted: TargetedInstances): AccessMap => ({
  ...Object.fromEntries(
    [
      'DescribeInstanceInformation',
      'GetCommandInvocation',
      'ListCommands',
      'ListCommandInvocations',
      'CancelCommand',
      'ListDocuments',
    ].map((name) => [name, anyResource(`ssm:${name}`)]),
  ),
  SendCommand: (input: SendCommandRequest, caller) => sendCommandAsks(input, caller, tagsOf, targeted),
  ...onDocument('UpdateDocument'),
  ...onDocument('UpdateDocumentDefaultVersion'),
  ...onDocument('DescribeDocument'),
  ...onDocument('GetDocument'),
  ...onDocument('DeleteDocument'),
  CreateDocument: (input: CreateDocumentRequest, caller) => [
    request('ssm:CreateDocument', documentArn(caller, input.Name ?? '*'), requestTags(input.Tags)),
  ],
  ...onParameters('GetParameter'),
  ...onParameters('GetParameters'),
  ...onParameters('GetParametersByPath'),
  ...onParameters('DeleteParameter'),
  ...onParameters('DeleteParameters'),
  PutParameter: (input: PutParameterRequest, caller) => [
    request('ssm:PutParameter', parameterArn(caller, input.Name ?? '*'), requestTags(input.Tags)),
  ],
})
