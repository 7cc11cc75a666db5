import * as sdk from '@aws-sdk/client-sts'
import type { GetCallerIdentityRequest, GetCallerIdentityResponse } from '@aws-sdk/client-sts'
import { createHash } from 'node:crypto'

import { nothing } from '../wire/access.ts'
import type { Caller, Service } from '../wire/service.ts'

/** STS with GetCallerIdentity, which needs no permission. Roles are assumed by the account's own services, not by calls. */
export function createSts(): Service {
  return {
    sdk,
    clientName: 'STSClient',
    access: { GetCallerIdentity: nothing },
    operations: {
      GetCallerIdentity: (_input: GetCallerIdentityRequest, caller: Caller): GetCallerIdentityResponse => ({
        Account: caller.accountId,
        Arn: caller.arn,
        UserId: userIdOf(caller),
      }),
    },
  }
}

/** `AROA…:<session>` of a role's session, `AIDA…` of a user, the account's id of its root. */
function userIdOf({ arn, accountId }: Caller): string {
  const [, role, session] = /:assumed-role\/([^/]+)\/(.+)$/.exec(arn) ?? []
  if (role && session) return `AROA${uniqueId(role)}:${session}`
  return arn.endsWith(':root') ? accountId : `AIDA${uniqueId(arn)}`
}

const uniqueId = (subject: string): string =>
  createHash('sha256').update(subject).digest('hex').toUpperCase().slice(0, 17)
