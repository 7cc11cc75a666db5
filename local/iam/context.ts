import type { Clock } from '../clock.ts'
import { AWS_MANAGED_POLICIES } from './aws-managed-policies.ts'
import type { AccountRecords, ManagedPolicyRecord, ProfileRecord, RoleRecord, UserRecord } from './records.ts'
import { noSuchEntity } from './request.ts'

/** What the operations of IAM work with. */
export interface IamContext {
  readonly clock: Clock
  recordsOf(accountId: string): AccountRecords
  /** Policies or holders have changed: what was derived from them is forgotten. */
  changed(): void
  /** Keys of a user, from now on known to everybody. */
  createKey(userArn: string, number: number): { readonly accessKeyId: string; readonly secretAccessKey: string }
  deleteKey(accessKeyId: string): void
}

export function findRole(records: AccountRecords, name = ''): RoleRecord {
  const role = records.roles.get(name)
  if (!role) throw noSuchEntity(`The role with name ${name}`)
  return role
}

export function findUser(records: AccountRecords, name = ''): UserRecord {
  const user = records.users.get(name)
  if (!user) throw noSuchEntity(`The user with name ${name}`)
  return user
}

export function findProfile(records: AccountRecords, name = ''): ProfileRecord {
  const profile = records.profiles.get(name)
  if (!profile) throw noSuchEntity(`Instance Profile ${name}`)
  return profile
}

/** A customer's managed policy. */
export function findPolicy(records: AccountRecords, arn = ''): ManagedPolicyRecord {
  const policy = [...records.policies.values()].find((candidate) => candidate.arn === arn)
  if (!policy) throw noSuchEntity(`Policy ${arn}`)
  return policy
}

/** Whether a policy can be attached. @throws AwsError NoSuchEntity, also for a policy of AWS that this account does not know */
export function checkPolicyExists(records: AccountRecords, arn = ''): string {
  if (!AWS_MANAGED_POLICIES.has(arn)) findPolicy(records, arn)
  return arn
}
