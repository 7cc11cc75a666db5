/** Managed policies: the customer's, and those of AWS that this account knows. */
import type {
  CreatePolicyRequest,
  CreatePolicyVersionRequest,
  DeletePolicyRequest,
  DeletePolicyVersionRequest,
  GetPolicyVersionRequest,
  ListPoliciesRequest,
  Policy,
} from '@aws-sdk/client-iam'
import type { Caller, Operations } from '../wire/service.ts'
import { AWS_MANAGED_POLICIES } from './aws-managed-policies.ts'
import { checkPolicyExists, findPolicy, type IamContext } from './context.ts'
import { parsePolicy } from './policy.ts'
import { uniqueId, type AccountRecords, type ManagedPolicyRecord } from './records.ts'
import {
  addTags,
  alreadyExists,
  checkedName,
  checkedPath,
  deleteConflict,
  encodedDocument,
  limitExceeded,
  noSuchEntity,
  operation,
  pageOf,
  toTagList,
} from './request.ts'

const POLICY_CHARACTERS_MAX = 6_144
const VERSIONS_MAX = 5

function checkDocument(document: string, name: string): string {
  parsePolicy(document, 'identity', name)
  if (document.replace(/\s/g, '').length > POLICY_CHARACTERS_MAX)
    throw limitExceeded(`Cannot exceed quota for PolicySize: ${POLICY_CHARACTERS_MAX}`)
  return document
}

const attachments = ({ roles, users }: AccountRecords, arn: string): number =>
  [...roles.values(), ...users.values()].filter(({ attached }) => attached.has(arn)).length

const described = (records: AccountRecords, policy: ManagedPolicyRecord): Policy => ({
  PolicyName: policy.name,
  PolicyId: policy.id,
  Arn: policy.arn,
  Path: policy.path,
  DefaultVersionId: policy.defaultVersionId,
  AttachmentCount: attachments(records, policy.arn),
  IsAttachable: true,
  CreateDate: new Date(policy.createdMs),
  UpdateDate: new Date(policy.createdMs),
  ...(policy.description === undefined ? {} : { Description: policy.description }),
  ...(policy.tags.size > 0 ? { Tags: toTagList(policy.tags) } : {}),
})

/** A policy of AWS as the account sees it. */
const describedOfAws = (records: AccountRecords, arn: string): Policy => ({
  PolicyName: arn.split('/').at(-1) ?? '',
  Arn: arn,
  Path: arn.replace(/^[^/]+(\/(?:.+\/)?)[^/]+$/, '$1'),
  DefaultVersionId: 'v1',
  AttachmentCount: attachments(records, arn),
  IsAttachable: true,
})

function createPolicy(context: IamContext, accountId: string, input: CreatePolicyRequest): ManagedPolicyRecord {
  const { policies } = context.recordsOf(accountId)
  const name = checkedName(input.PolicyName, 'policyName', 128)
  const path = checkedPath(input.Path)
  const document = checkDocument(input.PolicyDocument ?? '', name)
  if (policies.has(name)) throw alreadyExists(`A policy called ${name}`)
  const arn = `arn:aws:iam::${accountId}:policy${path}${name}`
  const createdMs = context.clock.now()
  const tags = new Map<string, string>()
  addTags(tags, input.Tags)
  const policy: ManagedPolicyRecord = {
    arn,
    id: uniqueId('ANPA', arn, createdMs),
    name,
    path,
    createdMs,
    tags,
    versions: new Map([['v1', { id: 'v1', document, createdMs }]]),
    defaultVersionId: 'v1',
    lastVersion: 1,
    ...(input.Description === undefined ? {} : { description: input.Description }),
  }
  policies.set(name, policy)
  return policy
}

function createVersion(context: IamContext, policy: ManagedPolicyRecord, input: CreatePolicyVersionRequest): object {
  const document = checkDocument(input.PolicyDocument ?? '', policy.name)
  if (policy.versions.size >= VERSIONS_MAX)
    throw limitExceeded(
      'A managed policy can have up to 5 versions. Before you create a new version, you must delete one.',
    )
  policy.lastVersion += 1
  const id = `v${policy.lastVersion}`
  const createdMs = context.clock.now()
  policy.versions.set(id, { id, document, createdMs })
  if (input.SetAsDefault) policy.defaultVersionId = id
  context.changed()
  return {
    PolicyVersion: { VersionId: id, IsDefaultVersion: input.SetAsDefault ?? false, CreateDate: new Date(createdMs) },
  }
}

function documentOf(records: AccountRecords, { PolicyArn, VersionId = '' }: GetPolicyVersionRequest): object {
  const arn = checkPolicyExists(records, PolicyArn)
  const ofAws = AWS_MANAGED_POLICIES.get(arn)
  const policy = ofAws === undefined ? findPolicy(records, arn) : undefined
  const document = policy ? policy.versions.get(VersionId)?.document : VersionId === 'v1' ? ofAws : undefined
  if (document === undefined) throw noSuchEntity(`Policy ${arn} version ${VersionId}`)
  return {
    PolicyVersion: {
      Document: encodedDocument(document),
      VersionId,
      IsDefaultVersion: policy === undefined || policy.defaultVersionId === VersionId,
    },
  }
}

function deleteVersion(policy: ManagedPolicyRecord, { VersionId = '' }: DeletePolicyVersionRequest): object {
  if (policy.defaultVersionId === VersionId) throw deleteConflict('Cannot delete the default version of a policy.')
  if (!policy.versions.delete(VersionId)) throw noSuchEntity(`Policy version ${VersionId}`)
  return {}
}

function deletePolicy(records: AccountRecords, { PolicyArn }: DeletePolicyRequest): object {
  const policy = findPolicy(records, PolicyArn)
  if (attachments(records, policy.arn) > 0) throw deleteConflict('Cannot delete a policy attached to entities.')
  if (policy.versions.size > 1) throw deleteConflict('This policy has more than one version.')
  records.policies.delete(policy.name)
  return {}
}

/** AWS's policies first in the list, as `Scope` says. */
function listPolicies(records: AccountRecords, input: ListPoliciesRequest): object {
  const { Scope: scope = 'All', OnlyAttached: onlyAttached = false } = input
  const own = scope === 'AWS' ? [] : [...records.policies.values()].map((policy) => described(records, policy))
  const ofAws = scope === 'Local' ? [] : [...AWS_MANAGED_POLICIES.keys()].map((arn) => describedOfAws(records, arn))
  const all = [...own, ...ofAws]
    .filter(({ AttachmentCount = 0 }) => !onlyAttached || AttachmentCount > 0)
    .map((policy) => ({ policy, name: policy.PolicyName ?? '', path: policy.Path ?? '/' }))
  const { page, more } = pageOf(all, input)
  return { Policies: page.map(({ policy }) => policy), ...more }
}

export function policyOperations(context: IamContext): Operations {
  const of = ({ accountId }: Caller): AccountRecords => context.recordsOf(accountId)
  return {
    CreatePolicy: operation<CreatePolicyRequest>(
      ['PolicyName', 'Path', 'PolicyDocument', 'Description', 'Tags'],
      (input, caller) => ({ Policy: described(of(caller), createPolicy(context, caller.accountId, input)) }),
    ),
    CreatePolicyVersion: operation<CreatePolicyVersionRequest>(
      ['PolicyArn', 'PolicyDocument', 'SetAsDefault'],
      (input, caller) => createVersion(context, findPolicy(of(caller), input.PolicyArn), input),
    ),
    GetPolicy: operation<DeletePolicyRequest>(['PolicyArn'], ({ PolicyArn }, caller) => {
      const arn = checkPolicyExists(of(caller), PolicyArn)
      const isOfAws = AWS_MANAGED_POLICIES.has(arn)
      return { Policy: isOfAws ? describedOfAws(of(caller), arn) : described(of(caller), findPolicy(of(caller), arn)) }
    }),
    GetPolicyVersion: operation<GetPolicyVersionRequest>(['PolicyArn', 'VersionId'], (input, caller) =>
      documentOf(of(caller), input),
    ),
    DeletePolicyVersion: operation<DeletePolicyVersionRequest>(['PolicyArn', 'VersionId'], (input, caller) =>
      deleteVersion(findPolicy(of(caller), input.PolicyArn), input),
    ),
    DeletePolicy: operation<DeletePolicyRequest>(['PolicyArn'], (input, caller) => deletePolicy(of(caller), input)),
    ListPolicies: operation<ListPoliciesRequest>(
      ['Scope', 'OnlyAttached', 'PathPrefix', 'Marker', 'MaxItems'],
      (input, caller) => listPolicies(of(caller), input),
    ),
  }
}
