/** What IAM is asked before an operation of SSM runs (AWS facts F; Service Authorization Reference, AWS Systems Manager). */
import type { SendCommandRequest } from '@aws-sdk/client-ssm'
import { anyResource, request, resourceTags, type AccessMap } from '../wire/access.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'

/** Tags of an instance; none when it does not exist. */
export type InstanceTags = (instanceId: string) => ReadonlyMap<string, string>

/** Documents of AWS belong to no account. */
const documentArn = ({ region, accountId }: Caller, name: string): string =>
  name.startsWith('arn:')
    ? name
    : `arn:aws:ssm:${region}:${/^(AWS|Amazon)/.test(name) ? '' : accountId}:document/${name}`

function sendCommandAsks(input: SendCommandRequest, caller: Caller, tagsOf: InstanceTags): AccessRequest[] {
  const { region, accountId } = caller
  return [
    request('ssm:SendCommand', documentArn(caller, input.DocumentName ?? '*')),
    ...(input.InstanceIds ?? []).map((id) =>
      request(
        'ssm:SendCommand',
        `arn:aws:ec2:${region}:${accountId}:instance/${id}`,
        resourceTags(tagsOf(id), 'ssm:resourceTag/'),
      ),
    ),
  ]
}

export const ssmAccess = (tagsOf: InstanceTags): AccessMap => ({
  ...Object.fromEntries(
    [
      'DescribeInstanceInformation',
      'GetCommandInvocation',
      'ListCommands',
      'ListCommandInvocations',
      'CancelCommand',
    ].map((name) => [name, anyResource(`ssm:${name}`)]),
  ),
  SendCommand: (input: SendCommandRequest, caller) => sendCommandAsks(input, caller, tagsOf),
})
