import { AwsError } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import { accessDenied } from './errors.ts'

const MAX_POLICY_BYTES = 20 * 1024

/**
 * Checks the form of a bucket's policy and returns its text; what it allows and denies is decided where IAM is.
 * @throws AwsError `MalformedPolicy`, `PolicyTooLarge`, and `AccessDenied` for a public one while those are blocked
 */
export function checkPolicy(text: string, bucket: Bucket): string {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw new AwsError('PolicyTooLarge', 'Policy exceeds the maximum allowed document size of 20480 bytes')
  }
  const statements = statementsOf(text)
  for (const statement of statements) checkStatement(statement, bucket.name)
  if (bucket.state.publicAccessBlock?.BlockPublicPolicy && statements.some(isPublic)) throw accessDenied()
  return text
}

type Statement = Readonly<Record<string, unknown>>

function statementsOf(text: string): Statement[] {
  let policy: unknown
  try {
    policy = JSON.parse(text)
  } catch {
    throw malformed("Policies must be valid JSON and the first byte must be '{'")
  }
  if (!isRecord(policy)) throw malformed("Policies must be valid JSON and the first byte must be '{'")
  const { Statement: given } = policy
  const statements = Array.isArray(given) ? given : [given]
  if (statements.length === 0 || !statements.every(isRecord)) throw malformed('Missing required field Statement')
  return statements
}

function checkStatement(statement: Statement, bucketName: string): void {
  if (statement['Effect'] !== 'Allow' && statement['Effect'] !== 'Deny') throw malformed('Invalid effect')
  if (statement['Principal'] === undefined && statement['NotPrincipal'] === undefined) {
    throw malformed('Missing required field Principal')
  }
  if (statement['Action'] === undefined && statement['NotAction'] === undefined) {
    throw malformed('Missing required field Action')
  }
  const arn = `arn:aws:s3:::${bucketName}`
  const resources = [statement['Resource'] ?? statement['NotResource']].flat()
  const isOurs = (resource: unknown): boolean =>
    typeof resource === 'string' && (resource === arn || resource === '*' || resource.startsWith(`${arn}/`))
  if (!resources.every(isOurs)) throw malformed('Policy has invalid resource')
}

/** S3 calls a policy public when it allows everybody and no condition narrows that down. */
function isPublic({ Effect, Principal, Condition }: Statement): boolean {
  const isEverybody = Principal === '*' || (isRecord(Principal) && [Principal['AWS']].flat().includes('*'))
  return Effect === 'Allow' && isEverybody && Condition === undefined
}

const isRecord = (value: unknown): value is Statement =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const malformed = (message: string): AwsError => new AwsError('MalformedPolicy', message)
