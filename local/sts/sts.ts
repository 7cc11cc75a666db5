import type {
  AssumeRoleRequest,
  DecodeAuthorizationMessageRequest,
  DecodeAuthorizationMessageResponse,
  GetCallerIdentityRequest,
  GetCallerIdentityResponse,
  GetSessionTokenRequest,
} from '@aws-sdk/client-sts'
import { createHash } from 'node:crypto'

import { anyResource, nothing } from '../wire/access.ts'
import type { Caller, Service } from '../wire/service.ts'
import { assumeRole, sessionToken, type Sessions } from './sessions.ts'

export interface StsOptions extends Sessions {
  /** What stands in the encoded part of a denial. @throws AwsError InvalidAuthorizationMessageException */
  readonly decodeDenial: (message: string) => string
  /** Unique id of a user or of a session's role; undefined for one that is not in IAM. */
  readonly idOf: (caller: Caller) => string | undefined
}

/**
 * STS: who calls, and sessions of roles and users. Whether a role may be assumed is decided by its trust policy, so nothing
 * is asked of IAM before. Without options there is only GetCallerIdentity, which needs no permission.
 */
export function createSts(options?: StsOptions): Service {
  const identity = {
    GetCallerIdentity: (_input: GetCallerIdentityRequest, caller: Caller): GetCallerIdentityResponse => ({
      Account: caller.accountId,
      Arn: caller.arn,
      UserId: userIdOf(caller, options?.idOf(caller)),
    }),
  }
  if (!options)
    return {
      sdk: () => import('@aws-sdk/client-sts'),
      clientName: 'STSClient',
      signingName: 'sts',
      operations: identity,
      access: { GetCallerIdentity: nothing },
    }
  return {
    sdk: () => import('@aws-sdk/client-sts'),
    clientName: 'STSClient',
    signingName: 'sts',
    operations: {
      ...identity,
      AssumeRole: (input: AssumeRoleRequest, caller: Caller) => assumeRole(options, input, caller),
      GetSessionToken: (input: GetSessionTokenRequest, caller: Caller) => sessionToken(options, input, caller),
      DecodeAuthorizationMessage: ({
        EncodedMessage = '',
      }: DecodeAuthorizationMessageRequest): DecodeAuthorizationMessageResponse => ({
        DecodedMessage: options.decodeDenial(EncodedMessage),
      }),
    },
    access: {
      GetCallerIdentity: nothing,
      AssumeRole: nothing,
      GetSessionToken: nothing,
      DecodeAuthorizationMessage: anyResource('sts:DecodeAuthorizationMessage'),
    },
  }
}

/** `AROA…:<session>` of a role's session, `AIDA…` of a user, the account's id of its root. */
function userIdOf({ arn, accountId }: Caller, known: string | undefined): string {
  const [, role, session] = /:assumed-role\/([^/]+)\/(.+)$/.exec(arn) ?? []
  if (role && session) return `${known ?? `AROA${uniqueId(role)}`}:${session}`
  return arn.endsWith(':root') ? accountId : (known ?? `AIDA${uniqueId(arn)}`)
}

const uniqueId = (subject: string): string =>
  createHash('sha256').update(subject).digest('hex').toUpperCase().slice(0, 17)
