/** Policies of roles and users: inline ones, and attached managed ones. The operations of both differ in their names alone. */
import type { Operations } from '../wire/service.ts'
import { checkPolicyExists, type IamContext } from './context.ts'
import { parsePolicy } from './policy.ts'
import type { AccountRecords, Holder } from './records.ts'
import { checkedName, encodedDocument, limitExceeded, noSuchEntity, operation, pageOf } from './request.ts'

/** AWS facts do not tell them: quotas of IAM, which cannot be raised for inline policies. */
const INLINE_CHARACTERS_MAX: Readonly<Record<HolderKind, number>> = { Role: 10_240, User: 2_048 }
const ATTACHED_MAX = 10

type HolderKind = 'Role' | 'User'

interface HolderInput {
  readonly RoleName?: string
  readonly UserName?: string
  readonly PolicyName?: string
  readonly PolicyDocument?: string
  readonly PolicyArn?: string
  readonly PathPrefix?: string
  readonly Marker?: string
  readonly MaxItems?: number
}

type Find = (records: AccountRecords, name: string | undefined) => Holder

const characters = (document: string): number => document.replace(/\s/g, '').length

function putInline(holder: Holder, kind: HolderKind, { PolicyName, PolicyDocument = '' }: HolderInput): object {
  const name = checkedName(PolicyName, 'policyName', 128)
  parsePolicy(PolicyDocument, 'identity', name)
  const others = [...holder.inline].filter(([other]) => other !== name)
  const total = [...others.map(([, text]) => text), PolicyDocument].reduce((sum, text) => sum + characters(text), 0)
  if (total > INLINE_CHARACTERS_MAX[kind])
    throw limitExceeded(
      `Maximum policy size of ${INLINE_CHARACTERS_MAX[kind]} bytes exceeded for ${kind.toLowerCase()} ${holder.name}`,
    )
  holder.inline.set(name, PolicyDocument)
  return {}
}

function inlineOf(holder: Holder, kind: HolderKind, name = ''): string {
  const document = holder.inline.get(name)
  if (document === undefined) throw noSuchEntity(`The ${kind.toLowerCase()} policy with name ${name}`)
  return document
}

function attach(records: AccountRecords, holder: Holder, { PolicyArn }: HolderInput): object {
  const arn = checkPolicyExists(records, PolicyArn)
  holder.attached.add(arn)
  if (holder.attached.size <= ATTACHED_MAX) return {}
  holder.attached.delete(arn)
  throw limitExceeded(`Cannot exceed quota for PoliciesPerRole: ${ATTACHED_MAX}`)
}

function detach(holder: Holder, { PolicyArn = '' }: HolderInput): object {
  if (!holder.attached.delete(PolicyArn)) throw noSuchEntity(`Policy ${PolicyArn}`)
  return {}
}

const nameOfPolicy = (arn: string): string => arn.split('/').at(-1) ?? ''

function listAttached(holder: Holder, input: HolderInput): object {
  const policies = [...holder.attached].map((arn) => ({ arn, name: nameOfPolicy(arn), path: '/' }))
  const { page, more } = pageOf(policies, { ...input, PathPrefix: '/' })
  return { AttachedPolicies: page.map(({ arn, name }) => ({ PolicyArn: arn, PolicyName: name })), ...more }
}

function listInline(holder: Holder, input: HolderInput): object {
  const { page, more } = pageOf(
    [...holder.inline.keys()].map((name) => ({ name, path: '/' })),
    { ...input, PathPrefix: '/' },
  )
  return { PolicyNames: page.map(({ name }) => name), ...more }
}

export function holderOperations(context: IamContext, kind: HolderKind, find: Find): Operations {
  const nameMember = `${kind}Name` as const
  const act = (
    parameters: readonly Extract<keyof HolderInput, string>[],
    run: (holder: Holder, input: HolderInput, records: AccountRecords) => unknown,
  ) =>
    operation<HolderInput>([nameMember, ...parameters], (input, { accountId }) => {
      const records = context.recordsOf(accountId)
      const result = run(find(records, input[nameMember]), input, records)
      context.changed()
      return result
    })
  return {
    [`Put${kind}Policy`]: act(['PolicyName', 'PolicyDocument'], (holder, input) => putInline(holder, kind, input)),
    [`Get${kind}Policy`]: act(['PolicyName'], (holder, { PolicyName }) => ({
      [nameMember]: holder.name,
      PolicyName,
      PolicyDocument: encodedDocument(inlineOf(holder, kind, PolicyName)),
    })),
    [`Delete${kind}Policy`]: act(['PolicyName'], (holder, { PolicyName = '' }) => {
      inlineOf(holder, kind, PolicyName)
      holder.inline.delete(PolicyName)
      return {}
    }),
    [`List${kind}Policies`]: act(['Marker', 'MaxItems'], listInline),
    [`Attach${kind}Policy`]: act(['PolicyArn'], (holder, input, records) => attach(records, holder, input)),
    [`Detach${kind}Policy`]: act(['PolicyArn'], detach),
    [`ListAttached${kind}Policies`]: act(['Marker', 'MaxItems'], listAttached),
  }
}
