/** Snapshots as the EBS direct APIs read and make them, without a volume (AWS facts B). */
import type { Caller } from '../../wire/service.ts'
import type { ChangedBlock } from '../volumes/blocks.ts'
import { changedBlocks } from '../volumes/blocks.ts'
import { encryptionOf, keyOfNew } from '../encryption.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from './model.ts'
import { mayUse } from './shares.ts'
import { end, letComplete } from './snapshot-states.ts'

export interface DirectSnapshot {
  readonly id: string
  readonly ownerId: string
  readonly state: string
  readonly sizeGiB: number
  readonly createdMs: number
  readonly description: string
  readonly parentId?: string
  readonly kmsKeyId?: string
  readonly tags: ReadonlyMap<string, string>
  /** For everybody to use, which keeps the direct APIs from reading it. */
  readonly isPublic: boolean
}

/** What is asked for of a new snapshot's encryption: that of its parent, or as a request says. */
export interface EncryptionWanted {
  readonly parentId?: string
  readonly Encrypted?: boolean
  readonly KmsKeyId?: string
}

interface NewSnapshot extends EncryptionWanted {
  readonly sizeGiB: number
  readonly description: string
  readonly tags: ReadonlyMap<string, string>
}

/** What EC2 offers to the EBS direct APIs of the same place. */
export interface DirectSnapshots {
  /** An own snapshot, or one that is shared with this account. */
  find(id: string): DirectSnapshot | undefined
  /** Whether their blocks can be compared: both of one lineage (AWS facts A.3). */
  areRelated(firstId: string, secondId: string): boolean
  /** Ascending indexes of the blocks that hold anything but zeros. */
  blocks(id: string): Promise<Uint32Array>
  changedBlocks(firstId: string, secondId: string): Promise<Iterable<ChangedBlock>>
  readBlock(id: string, index: number): Promise<Uint8Array>
  readonly encryptsByDefault: boolean
  /** ARN of the key that a new snapshot is encrypted with; undefined: it is not encrypted. */
  keyOfNew(wanted: EncryptionWanted): string | undefined
  /** State of a key, if there is one. */
  keyState(keyId: string): string | undefined
  /** A pending snapshot that holds what its parent holds, to write blocks into. */
  start(wanted: NewSnapshot, caller: Caller): Promise<DirectSnapshot>
  writeBlock(id: string, index: number, block: Uint8Array): Promise<void>
  /** Nothing is written any more: the snapshot completes in its time. */
  complete(id: string): void
  /** Nothing more came: the snapshot ends in error. */
  fail(id: string, why: string): void
}

const toView = (snapshot: Snapshot): DirectSnapshot => ({
  id: snapshot.id,
  ownerId: snapshot.ownerId,
  state: snapshot.state,
  sizeGiB: snapshot.sizeGiB,
  createdMs: snapshot.createdMs,
  description: snapshot.description,
  tags: snapshot.tags,
  isPublic: snapshot.sharedWith.has('all'),
  ...(snapshot.parentId === undefined ? {} : { parentId: snapshot.parentId }),
  ...(snapshot.encryption ? { kmsKeyId: snapshot.encryption.kmsKeyId } : {}),
})

interface Located {
  readonly owner: Account
  readonly snapshot: Snapshot
}

function locate(account: Account, id: string): Located | undefined {
  for (const owner of [account, ...account.accountsIn(account.region)]) {
    const snapshot = owner.snapshots.get(id)
    if (snapshot && !snapshot.deleted && mayUse(owner, snapshot, account.accountId)) return { owner, snapshot }
  }
  return undefined
}

function located(account: Account, id: string): Located {
  const found = locate(account, id)
  if (!found) throw new Error(`The snapshot ${id} is gone.`)
  return found
}

const blocksOf = (account: Account, id: string) => {
  const { owner, snapshot } = located(account, id)
  return owner.disks.blocks(snapshot.path)
}

const parentOf = ({ snapshots }: Account, { parentId }: EncryptionWanted): Snapshot | undefined =>
  parentId === undefined ? undefined : snapshots.get(parentId)

async function start(account: Account, wanted: NewSnapshot, caller: Caller): Promise<DirectSnapshot> {
  const { snapshots, disks, clock, ids } = account
  const parent = parentOf(account, wanted)
  const { encryption } = encryptionOf(account, wanted, parent, caller)
  const id = ids.next('snap')
  const snapshot: Snapshot = {
    id,
    order: account.nextOrder(),
    createdMs: clock.now(),
    tags: new Map(wanted.tags),
    ownerId: account.accountId,
    volumeId: 'vol-ffffffff', // no volume was there
    sizeGiB: wanted.sizeGiB,
    description: wanted.description,
    ...(encryption ? { encryption } : {}),
    ...(parent?.software ? { software: parent.software } : {}),
    path: disks.pathOf(id),
    lineage: parent?.lineage ?? id,
    ...(parent ? { parentId: parent.id } : {}),
    state: 'pending',
    fullBytes: 0,
    deleted: false,
    sharedWith: new Set(),
  }
  if (parent) await disks.copy(parent.path, snapshot.path, wanted.sizeGiB)
  disks.materialise(snapshot.path, wanted.sizeGiB)
  // Not before its bytes are there: an account killed meanwhile would have a snapshot that nobody can go on writing.
  snapshots.set(id, snapshot)
  return toView(snapshot)
}

function fail(account: Account, id: string, why: string): void {
  const snapshot = account.snapshots.get(id)
  if (snapshot?.state === 'pending') end(account, snapshot, 'error', why)
}

export const directSnapshots = (account: Account): DirectSnapshots => ({
  find(id) {
    const found = locate(account, id)
    return found && toView(found.snapshot)
  },
  areRelated: (firstId, secondId) =>
    located(account, firstId).snapshot.lineage === located(account, secondId).snapshot.lineage,
  blocks: async (id) => (await blocksOf(account, id)).indexes,
  changedBlocks: async (firstId, secondId) =>
    changedBlocks(await blocksOf(account, firstId), await blocksOf(account, secondId)),
  readBlock(id, index) {
    const { owner, snapshot } = located(account, id)
    return owner.disks.readBlock(snapshot.path, index)
  },
  get encryptsByDefault() {
    return account.state.ebs.encryptsByDefault
  },
  keyOfNew: (wanted) => keyOfNew(account, wanted, parentOf(account, wanted)),
  keyState: (keyId) => account.keys.find(keyId)?.state,
  start: (wanted, caller) => start(account, wanted, caller),
  writeBlock: (id, index, block) => account.disks.writeBlock(located(account, id).snapshot.path, index, block),
  complete: (id) => letComplete(account, [{ snapshot: located(account, id).snapshot }], false),
  fail: (id, why) => fail(account, id, why),
})
