/** Who may use a snapshot: its owner, and whom the owner shares it with (AWS facts A.5). */
import type {
  CreateVolumePermission,
  DescribeSnapshotAttributeRequest,
  DescribeSnapshotAttributeResult,
  EnableSnapshotBlockPublicAccessRequest,
  ModifySnapshotAttributeRequest,
  ResetSnapshotAttributeRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { emitSnapshotShared } from '../events.ts'
import { SNAPSHOT, find } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from './model.ts'
import { invalidValue, operation, required } from '../request.ts'

const CHANGES_MAX = 500
const EVERYBODY = 'all'

interface Found {
  readonly snapshot: Snapshot
  readonly owner: Account
}

/** Whether this account may make volumes and copies of a snapshot that is in `owner`. */
export function mayUse(owner: Account, snapshot: Snapshot, accountId: string): boolean {
  if (snapshot.ownerId === accountId || snapshot.sharedWith.has(accountId)) return true
  return snapshot.sharedWith.has(EVERYBODY) && owner.state.ebs.blockPublicAccess !== 'block-all-sharing'
}

/** Snapshots of other accounts in this Region that this account may use, by account. */
export function* sharedSnapshots(account: Account): Generator<Snapshot[]> {
  for (const owner of account.accountsIn(account.region))
    if (owner !== account)
      yield [...owner.snapshots.values()].filter((snapshot) => mayUse(owner, snapshot, account.accountId))
}

/** A snapshot of a Region, own or shared. @throws AwsError InvalidSnapshot.NotFound */
export function usableSnapshot(account: Account, id: string, region = account.region): Found {
  for (const owner of account.accountsIn(region)) {
    const snapshot = owner.snapshots.get(id)
    if (snapshot && owner !== account && mayUse(owner, snapshot, account.accountId)) return { snapshot, owner }
  }
  if (region !== account.region) find(SNAPSHOT, new Map(), id)
  return { snapshot: find(SNAPSHOT, account.snapshots, id), owner: account }
}

const notPermitted = (message: string): AwsError => new AwsError('OperationNotPermitted', message)

/** An own snapshot. @throws AwsError OperationNotPermitted for one that is merely shared */
export function ownSnapshot(account: Account, id: string): Snapshot {
  const { snapshot, owner } = usableSnapshot(account, id)
  if (owner !== account) throw notPermitted(`The snapshot '${id}' is owned by another account.`)
  return snapshot
}

interface Change {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

const namesOf = (permissions: readonly CreateVolumePermission[] | undefined): string[] =>
  (permissions ?? []).map(({ UserId, Group }) => required(UserId ?? Group, 'createVolumePermission'))

function changeOf(request: ModifySnapshotAttributeRequest): Change {
  if (request.Attribute !== undefined && request.Attribute !== 'createVolumePermission')
    throw new AwsError('UnsupportedOperation', `The attribute ${request.Attribute} is not supported by this account.`)
  const { CreateVolumePermission: lists, OperationType: type } = request
  const named = [...(request.UserIds ?? []), ...(request.GroupNames ?? [])]
  if (lists && type !== undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      'CreateVolumePermission cannot be used together with OperationType.',
    )
  const change = lists
    ? { add: namesOf(lists.Add), remove: namesOf(lists.Remove) }
    : { add: type === 'add' ? named : [], remove: type === 'remove' ? named : [] }
  const count = change.add.length + change.remove.length
  if (count === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter userId')
  if (change.add.length > 0 && change.remove.length > 0)
    throw new AwsError('InvalidParameterCombination', 'Permissions cannot be added and removed in one request.')
  if (count > CHANGES_MAX) throw invalidValue(`No more than ${CHANGES_MAX} permissions can be changed in one request.`)
  for (const name of [...change.add, ...change.remove])
    if (name !== EVERYBODY && !/^\d{12}$/.test(name))
      throw new AwsError('InvalidUserID.Malformed', `Invalid user id: "${name}"`)
  return change
}

/** What AWS does not let anybody share (AWS facts A.5). */
function checkMayBeShared(account: Account, snapshot: Snapshot, add: readonly string[]): void {
  if (add.length === 0) return
  const key = snapshot.encryption && account.keys.find(snapshot.encryption.kmsKeyId)
  if (key?.manager === 'AWS') throw notPermitted('Encrypted snapshots with EBS default key cannot be shared')
  if (!add.includes(EVERYBODY)) return
  if (snapshot.encryption) throw notPermitted('Encrypted snapshots cannot be shared publicly')
  if (account.state.ebs.blockPublicAccess !== 'unblocked')
    throw notPermitted('Public sharing of snapshots is blocked by the settings of this account in this Region.')
}

function modifySnapshotAttribute(account: Account, request: ModifySnapshotAttributeRequest): object {
  const snapshot = ownSnapshot(account, required(request.SnapshotId, 'snapshotId'))
  const { add, remove } = changeOf(request)
  checkMayBeShared(account, snapshot, add)
  for (const name of add) snapshot.sharedWith.add(name)
  for (const name of remove) snapshot.sharedWith.delete(name)
  for (const name of add) if (name !== EVERYBODY) emitSnapshotShared(account, snapshot)
  return {}
}

function checkAttribute(attribute: string | undefined): void {
  if (required(attribute, 'attribute') !== 'createVolumePermission')
    throw new AwsError('UnsupportedOperation', `The attribute ${attribute} is not supported by this account.`)
}

function describeSnapshotAttribute(
  account: Account,
  request: DescribeSnapshotAttributeRequest,
): DescribeSnapshotAttributeResult {
  checkAttribute(request.Attribute)
  const snapshot = ownSnapshot(account, required(request.SnapshotId, 'snapshotId'))
  return {
    SnapshotId: snapshot.id,
    CreateVolumePermissions: [...snapshot.sharedWith].map((name) =>
      name === EVERYBODY ? { Group: EVERYBODY } : { UserId: name },
    ),
  }
}

function resetSnapshotAttribute(account: Account, request: ResetSnapshotAttributeRequest): object {
  checkAttribute(request.Attribute)
  ownSnapshot(account, required(request.SnapshotId, 'snapshotId')).sharedWith.clear()
  return {}
}

function enableBlockPublicAccess({ state }: Account, request: EnableSnapshotBlockPublicAccessRequest): object {
  const wanted = required(request.State, 'state')
  if (wanted !== 'block-all-sharing' && wanted !== 'block-new-sharing')
    throw invalidValue(`Invalid value '${wanted}' for state.`)
  state.ebs.blockPublicAccess = wanted
  return { State: wanted }
}

export const shareOperations = (account: Account): Operations => ({
  ModifySnapshotAttribute: operation<ModifySnapshotAttributeRequest>(
    ['Attribute', 'CreateVolumePermission', 'GroupNames', 'OperationType', 'SnapshotId', 'UserIds'],
    (input) => modifySnapshotAttribute(account, input),
  ),
  DescribeSnapshotAttribute: operation<DescribeSnapshotAttributeRequest>(['Attribute', 'SnapshotId'], (input) =>
    describeSnapshotAttribute(account, input),
  ),
  ResetSnapshotAttribute: operation<ResetSnapshotAttributeRequest>(['Attribute', 'SnapshotId'], (input) =>
    resetSnapshotAttribute(account, input),
  ),
  EnableSnapshotBlockPublicAccess: operation<EnableSnapshotBlockPublicAccessRequest>(['State'], (input) =>
    enableBlockPublicAccess(account, input),
  ),
  DisableSnapshotBlockPublicAccess: operation<object>([], () => {
    account.state.ebs.blockPublicAccess = 'unblocked'
    return { State: 'unblocked' }
  }),
  GetSnapshotBlockPublicAccessState: operation<object>([], () => ({
    State: account.state.ebs.blockPublicAccess,
    ManagedBy: 'account',
  })),
})
