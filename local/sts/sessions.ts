/** Temporary credentials: of a role that the caller may assume, or of the caller himself. */
import type {
  AssumeRoleRequest,
  AssumeRoleResponse,
  Credentials,
  GetSessionTokenRequest,
  GetSessionTokenResponse,
} from '@aws-sdk/client-sts'
import type { Clock } from '../clock.ts'
import type { NewSession, RoleCredentials } from '../identities.ts'
import { unsupported } from '../iam/request.ts'
import { takeOnly } from '../refusals.ts'
import { AwsError } from '../wire/service.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'

/** A role whose trust policy lets the caller in. */
export interface AssumableRole {
  readonly arn: string
  readonly id: string
  readonly name: string
  readonly accountId: string
  readonly maxSessionSeconds: number
}

export interface Sessions {
  readonly clock: Clock
  readonly newSession: (session: NewSession) => RoleCredentials
  /** @throws AwsError AccessDenied, also for a role that does not exist */
  readonly assumable: (roleArn: string, caller: Caller, context: AccessRequest['context']) => AssumableRole
  /** Session policies that have been read, those of ARNs included. @throws AwsError MalformedPolicyDocument, NoSuchEntity */
  readonly sessionPolicies: (inline: string | undefined, arns: readonly string[]) => readonly string[]
}

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3600
const SHORTEST_SECONDS = 15 * MINUTE_SECONDS
/** Of a session that was made with a session's keys, whatever the role allows. */
const CHAINED_MAX_SECONDS = HOUR_SECONDS
const USER_DEFAULT_SECONDS = 12 * HOUR_SECONDS
const USER_MAX_SECONDS = 36 * HOUR_SECONDS

const invalid = (message: string): AwsError => new AwsError('ValidationError', message)

function durationOf(seconds: number, longest: number): number {
  if (seconds < SHORTEST_SECONDS)
    throw invalid(
      `1 validation error detected: Value '${seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to ${SHORTEST_SECONDS}`,
    )
  if (seconds > longest)
    throw invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.')
  return seconds
}

function nameOf(name = ''): string {
  if (!/^[\w+=,.@-]{2,64}$/.test(name))
    throw invalid(
      `1 validation error detected: Value '${name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
    )
  return name
}

const toCredentials = (keys: RoleCredentials, expiresMs: number): Credentials => ({
  AccessKeyId: keys.accessKeyId,
  SecretAccessKey: keys.secretAccessKey,
  SessionToken: keys.sessionToken,
  Expiration: new Date(expiresMs),
})

const isSession = ({ arn }: Caller): boolean => arn.includes(':assumed-role/')

export function assumeRole(sessions: Sessions, input: AssumeRoleRequest, caller: Caller): AssumeRoleResponse {
  takeOnly(input, ['RoleArn', 'RoleSessionName', 'DurationSeconds', 'ExternalId', 'Policy', 'PolicyArns'], unsupported)
  const sessionName = nameOf(input.RoleSessionName)
  const role = sessions.assumable(input.RoleArn ?? '', caller, {
    'sts:RoleSessionName': sessionName,
    ...(input.ExternalId === undefined ? {} : { 'sts:ExternalId': input.ExternalId }),
  })
  const { DurationSeconds: wanted = HOUR_SECONDS } = input
  if (isSession(caller) && wanted > CHAINED_MAX_SECONDS)
    throw invalid('The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining')
  const seconds = durationOf(wanted, role.maxSessionSeconds)
  const arns = (input.PolicyArns ?? []).map(({ arn = '' }) => arn)
  const policies = sessions.sessionPolicies(input.Policy, arns)
  const issuedMs = sessions.clock.now()
  const expiresMs = issuedMs + seconds * 1000
  const arn = `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`
  const keys = sessions.newSession({
    arn,
    accountId: role.accountId,
    issuedMs,
    expiresMs,
    ...(policies.length > 0 ? { sessionPolicies: policies } : {}),
  })
  return {
    Credentials: toCredentials(keys, expiresMs),
    AssumedRoleUser: { AssumedRoleId: `${role.id}:${sessionName}`, Arn: arn },
  }
}

export function sessionToken(
  sessions: Sessions,
  input: GetSessionTokenRequest,
  caller: Caller,
): GetSessionTokenResponse {
  takeOnly(input, ['DurationSeconds'], unsupported)
  if (isSession(caller))
    throw new AwsError('AccessDenied', 'Cannot call GetSessionToken with session credentials', { status: 403 })
  const seconds = durationOf(input.DurationSeconds ?? USER_DEFAULT_SECONDS, USER_MAX_SECONDS)
  const issuedMs = sessions.clock.now()
  const expiresMs = issuedMs + seconds * 1000
  const { arn, accountId } = caller
  return { Credentials: toCredentials(sessions.newSession({ arn, accountId, issuedMs, expiresMs }), expiresMs) }
}
