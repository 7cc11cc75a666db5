/**
 * IAM of the embedded account, one for all accounts of the process: users, roles, policies, and the decision about every
 * call. Policies are read strictly (see `parsePolicy`): one that the evaluator does not understand is refused when it is written.
 */
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import { ADMINISTRATOR, type Identities } from '../identities.ts'
import { AwsError } from '../wire/service.ts'
import type { AccessRequest, Caller, MayAssume, Permit, Service } from '../wire/service.ts'
import { iamAccess } from './access.ts'
import { Authority, type IsGranted, type ObservedDecision } from './authority.ts'
import { findRole, findUser, type IamContext } from './context.ts'
import { decodeDenial } from './denials.ts'
import { holderOperations } from './holder-operations.ts'
import { parsePolicy } from './policy.ts'
import { policyOperations } from './policy-operations.ts'
import { emptyState, type IamState, type RoleRecord } from './records.ts'
import { noSuchEntity } from './request.ts'
import { profileOperations, roleOperations } from './role-operations.ts'
import { ServiceSessions, type ServiceCredentials, type SessionTimes } from './service-sessions.ts'
import { userOperations } from './user-operations.ts'

export type { ObservedDecision } from './authority.ts'

export interface IamOptions {
  readonly clock: Clock
  readonly identities: Identities
  /** Policy of a resource whose service keeps it itself (KMS keys, queues), by ARN. */
  readonly resourcePolicy?: (arn: string) => string | undefined
  /** Account of a bucket. */
  readonly bucketOwner?: (bucket: string) => string | undefined
  readonly isGranted?: IsGranted
}

/** Roles and policies as STS sees them. */
interface StsSide {
  /** @throws AwsError AccessDenied, also for a role that does not exist */
  readonly assumable: (
    roleArn: string,
    caller: Caller,
    context: AccessRequest['context'],
  ) => RoleRecord & {
    readonly accountId: string
  }
  readonly sessionPolicies: (inline: string | undefined, arns: readonly string[]) => readonly string[]
  readonly decodeDenial: (message: string) => string
  readonly idOf: (caller: Caller) => string | undefined
}

export interface Iam {
  readonly service: Service
  readonly authority: Authority
  readonly durable: Durable
  /** @throws AwsError in the service's own words, at the first request that is not allowed */
  readonly authorize: (service: string, caller: Caller, requests: readonly AccessRequest[]) => void
  /** What a service of this place does in a role's name, or in its own. */
  readonly permitFor: (servicePrincipal: string, region: string) => Permit
  readonly mayAssumeFor: (servicePrincipal: string, region: string) => MayAssume
  /** A session of a role for a service. @throws AwsError AccessDenied when the trust policy does not let the service have it */
  readonly assumeFor: (
    servicePrincipal: string,
    region: string,
    times: SessionTimes,
  ) => (roleArn: string, session: string, sourceArn?: string) => ServiceCredentials
  /** Sets the policy of a resource; undefined takes it away. @throws AwsError MalformedPolicyDocument */
  readonly putResourcePolicy: (arn: string, document: string | undefined) => void
  /** Adds a statement to the policy of a resource; one with the same Sid is replaced. */
  readonly addStatement: (arn: string, statement: object) => void
  /** What encrypts a bucket or table, for who needs that key too. */
  readonly putDataKey: (arn: string, keyArn: string) => void
  readonly keyOf: (arn: string) => string | undefined
  /** What STS needs to make sessions of roles. */
  readonly forSts: StsSide
  /** ARN of the role in an instance profile. */
  readonly roleOfProfile: (profileArn: string) => string | undefined
  /** The instance profile of this name or ARN in an account. */
  readonly profileOf: (
    accountId: string,
    nameOrArn: string,
  ) => { readonly arn: string; readonly id: string } | undefined
  observe(observer: (decision: ObservedDecision) => void): void
}

function restoreInto(state: IamState, saved: IamState): void {
  state.accounts.clear()
  state.resourcePolicies.clear()
  state.dataKeys.clear()
  for (const [id, records] of saved.accounts) state.accounts.set(id, records)
  for (const [arn, document] of saved.resourcePolicies) state.resourcePolicies.set(arn, document)
  for (const [arn, key] of saved.dataKeys) state.dataKeys.set(arn, key)
}

function durableOf(state: IamState, authority: Authority): Durable {
  return {
    name: 'iam',
    save: () => state,
    restore(saved) {
      restoreInto(state, saved as IamState)
      authority.policies.forget()
    },
  }
}

function serviceOf(context: IamContext): Service {
  const operations = {
    ...roleOperations(context),
    ...profileOperations(context),
    ...policyOperations(context),
    ...userOperations(context),
    ...holderOperations(context, 'Role', findRole),
    ...holderOperations(context, 'User', findUser),
  }
  const access = iamAccess(Object.keys(operations), (accountId, kind, name) => {
    const { roles, users, profiles } = context.recordsOf(accountId)
    return { role: roles, user: users, 'instance-profile': profiles }[kind].get(name)?.arn
  })
  return { sdk: () => import('@aws-sdk/client-iam'), clientName: 'IAMClient', signingName: 'iam', operations, access }
}

/** Where the service acts from, as trust policies and resource policies see it (AWS facts H). */
function sourceContext(sourceArn: string | undefined): AccessRequest['context'] {
  if (sourceArn === undefined) return {}
  return { 'aws:SourceArn': sourceArn, 'aws:SourceAccount': sourceArn.split(':')[4] ?? '' }
}

const mayAssumeBy =
  (authority: Authority, servicePrincipal: string, region: string): MayAssume =>
  (roleArn, sourceArn) => {
    const principal = authority.directory.principalOf(servicePrincipal, '')
    return authority.trust(roleArn, principal, sourceContext(sourceArn), region)?.allowed ?? false
  }

function checkTrust(
  authority: Authority,
  servicePrincipal: string,
  region: string,
  roleArn: string,
  sourceArn?: string,
): void {
  if (mayAssumeBy(authority, servicePrincipal, region)(roleArn, sourceArn)) return
  throw new AwsError(
    'AccessDenied',
    `${servicePrincipal} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    {
      status: 403,
    },
  )
}

function stsSideOf(authority: Authority): StsSide {
  return {
    decodeDenial,
    idOf: ({ arn, accountId }) => authority.directory.holderOf(authority.directory.principalOf(arn, accountId))?.id,
    assumable(roleArn, caller, context) {
      const principal = authority.directory.principalOf(caller.arn, caller.accountId)
      const role = authority.directory.roleOf(roleArn)
      const decision = authority.trust(roleArn, principal, context, caller.region)
      if (role && decision?.allowed) return { ...role, accountId: roleArn.split(':')[4] ?? '' }
      throw new AwsError(
        'AccessDenied',
        `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
        { status: 403 },
      )
    },
    sessionPolicies(inline, arns) {
      if (inline !== undefined) parsePolicy(inline, 'identity', 'session')
      const managed = arns.map((arn) => {
        const document = authority.policies.managedDocument(arn)
        if (document === undefined) throw noSuchEntity(`Policy ${arn}`)
        return document
      })
      return [...(inline === undefined ? [] : [inline]), ...managed]
    },
  }
}

export function createIam(options: IamOptions): Iam {
  const { clock, identities } = options
  const state = emptyState()
  const authority = new Authority({ ...options, state, administrator: ADMINISTRATOR, identify: identities.identify })
  const context: IamContext = {
    clock,
    recordsOf: (accountId) => authority.directory.accountOf(accountId),
    changed: () => authority.policies.forget(),
    createKey: (userArn, number) => identities.accessKey(userArn, number),
    deleteKey: (accessKeyId) => identities.revoke(accessKeyId),
  }
  return {
    service: serviceOf(context),
    authority,
    durable: durableOf(state, authority),
    authorize: (service, caller, requests) => authority.authorize(service, caller, requests),
    permitFor: (servicePrincipal, region) => (principalArn, requests, sourceArn) => {
      const isOfRole = principalArn.includes(':role/')
      if (isOfRole) checkTrust(authority, servicePrincipal, region, principalArn, sourceArn)
      const around = isOfRole ? {} : sourceContext(sourceArn)
      authority.demand(
        authority.directory.principalOf(principalArn, ''),
        requests.map((one) => ({ ...one, context: { ...around, ...one.context } })),
        region,
      )
    },
    mayAssumeFor: (servicePrincipal, region) => mayAssumeBy(authority, servicePrincipal, region),
    assumeFor(servicePrincipal, region, times) {
      const sessions = new ServiceSessions(clock, identities, times)
      return (roleArn, session, sourceArn) => {
        checkTrust(authority, servicePrincipal, region, roleArn, sourceArn)
        return sessions.get(roleArn, session)
      }
    },
    putResourcePolicy(arn, document) {
      if (document === undefined) {
        state.resourcePolicies.delete(arn)
        return
      }
      parsePolicy(document, 'resource', arn)
      state.resourcePolicies.set(arn, document)
    },
    addStatement(arn, statement) {
      const document = withStatement(state.resourcePolicies.get(arn), statement)
      parsePolicy(document, 'resource', arn)
      state.resourcePolicies.set(arn, document)
    },
    putDataKey: (arn, keyArn) => void state.dataKeys.set(arn, keyArn),
    keyOf: (arn) => state.dataKeys.get(arn),
    forSts: stsSideOf(authority),
    roleOfProfile(profileArn) {
      const [, accountId = '', name = ''] =
        /^arn:aws:iam::(\d{12}):instance-profile\/(?:.+\/)?([^/]+)$/.exec(profileArn) ?? []
      const records = state.accounts.get(accountId)
      return records?.roles.get(records.profiles.get(name)?.roleName ?? '')?.arn
    },
    profileOf(accountId, nameOrArn) {
      const profile = state.accounts.get(accountId)?.profiles.get(nameOrArn.split('/').at(-1) ?? '')
      return profile && (nameOrArn === profile.name || nameOrArn === profile.arn) ? profile : undefined
    },
    observe: (observer) => void authority.observers.push(observer),
  }
}

interface Statements {
  readonly Statement: readonly { readonly Sid?: string }[]
}

function withStatement(document: string | undefined, statement: { readonly Sid?: string }): string {
  const present = document === undefined ? [] : (JSON.parse(document) as Statements).Statement
  const others = present.filter(({ Sid }) => Sid === undefined || Sid !== statement.Sid)
  return JSON.stringify({ Version: '2012-10-17', Statement: [...others, statement] })
}
