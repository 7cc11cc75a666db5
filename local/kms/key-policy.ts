/** Key policies: the default ones, and what AWS asks of a policy before it takes it. Who may do what is IAM's to decide. */
import { AwsError } from '../wire/service.ts'
import type { Caller } from '../wire/service.ts'
import type { KmsPlace } from './model.ts'

const POLICY_BYTES_MAX = 32_768

type Place = Pick<KmsPlace, 'accountId' | 'region'>

/** The policy of a key that was made without one: IAM policies of the account decide. */
export const defaultKeyPolicy = ({ accountId }: Place): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  })

/** The policy of a key that AWS manages for a service: whoever of the account may use the service uses it through the service alone. */
export const managedKeyPolicy = ({ accountId, region }: Place, service: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Id: `auto-${service}-1`,
    Statement: [
      {
        Sid: `Allow access through ${service} for all principals in the account that are authorized to use it`,
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: [
          'kms:Encrypt',
          'kms:Decrypt',
          'kms:ReEncrypt*',
          'kms:GenerateDataKey*',
          'kms:CreateGrant',
          'kms:DescribeKey',
        ],
        Resource: '*',
        Condition: {
          StringEquals: {
            'kms:CallerAccount': accountId,
            'kms:ViaService': `${service === 'ebs' ? 'ec2' : service}.${region}.amazonaws.com`,
          },
        },
      },
      {
        Sid: 'Allow direct access to key metadata to the account',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
        Resource: '*',
      },
    ],
  })

const malformed = (message: string): AwsError => new AwsError('MalformedPolicyDocumentException', message)

const textsOf = (value: unknown): string[] =>
  [value].flat(2).flatMap((item) => {
    if (typeof item === 'string') return [item]
    return typeof item === 'object' && item !== null ? textsOf(Object.values(item)) : []
  })

const grants = (action: string, wanted: string): boolean =>
  new RegExp(`^${action.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i').test(wanted)

/** The ARN of the role behind a session's ARN, or the ARN itself. */
const roleOf = (arn: string): string =>
  arn.replace(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\/.*$/, 'arn:aws:iam::$1:role/$2')

/**
 * Takes a policy: JSON, with statements that name principals, actions and resources, and that leave somebody in charge of it.
 * The last is looked for by names alone (no conditions), where AWS evaluates the policy.
 * @throws AwsError MalformedPolicyDocumentException
 */
export function checkKeyPolicy(policy: string, caller: Caller, bypassesLockoutCheck: boolean): string {
  if (Buffer.byteLength(policy) > POLICY_BYTES_MAX)
    throw new AwsError('LimitExceededException', `The policy is longer than ${POLICY_BYTES_MAX} bytes.`)
  let document: unknown
  try {
    document = JSON.parse(policy)
  } catch {
    throw malformed('The policy is not valid JSON.')
  }
  const given = typeof document === 'object' && document !== null && 'Statement' in document ? document.Statement : []
  const statements = [given].flat() as Readonly<Record<string, unknown>>[]
  if (statements.length === 0) throw malformed('The policy has no statement.')
  for (const statement of statements) {
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
      throw malformed('Policy contains a statement without Effect.')
    if (!statement.Principal && !statement.NotPrincipal)
      throw malformed('Policy contains a statement without Principal.')
    if (!statement.Action && !statement.NotAction) throw malformed('Policy contains a statement without Action.')
    if (!statement.Resource && !statement.NotResource) throw malformed('Policy contains a statement without Resource.')
  }
  const inCharge = [`arn:aws:iam::${caller.accountId}:root`, caller.accountId, caller.arn, roleOf(caller.arn), '*']
  const isKept = statements.some(
    ({ Effect, Principal, Action }) =>
      Effect === 'Allow' &&
      textsOf(Principal).some((principal) => inCharge.includes(principal)) &&
      textsOf(Action).some((action) => grants(action, 'kms:PutKeyPolicy')),
  )
  if (!isKept && !bypassesLockoutCheck)
    throw malformed('The new key policy will not allow you to update the key policy in the future.')
  return policy
}
