import type { CopyIn, CopyRecord } from '../../core/contracts/copy-records.ts'
import type { DiskToCopy } from '../../core/contracts/jobs.ts'
import type { DeployedVaults } from '../../core/contracts/policies.ts'
import type { Copies, CopyVault, ListedBlock, SnapshotBlocks } from '../../core/copy-ports.ts'
import { TandemError } from '../../core/errors.ts'
import { judge } from './memory.ts'
import { MACHINE, NOW, POINT, RUN, snapshotOf, volumeOf } from './samples.ts'

/** One copy of a point, and the ports of copying as plain objects over maps. */
export const GIB = 1024 ** 3

export const places: DeployedVaults = {
  main: { bucket: 'vaults', prefix: 'main/', key: 'arn:aws:kms:eu-west-1:111122223333:key/k', isOwn: true },
}

/** Disk n is volume n with snapshot n. */
export const diskToCopy = (number: number, changes: Partial<DiskToCopy> = {}): DiskToCopy => ({
  volume: volumeOf(number),
  snapshot: snapshotOf(number),
  sizeBytes: 8 * GIB,
  diskCopyId: String(number).padStart(32, '0'),
  blockCount: 100,
  lineageBroken: false,
  ...changes,
})

export const copying = (changes: Partial<CopyIn<'copying'>> = {}): CopyIn<'copying'> => ({
  version: 1,
  state: 'copying',
  machine: MACHINE,
  point: POINT,
  capturedAt: NOW,
  vault: 'main',
  url: 's3://vaults/main/',
  run: RUN,
  startedAt: NOW,
  path: 'direct',
  reason: '200 blocks to read: asked for',
  disks: [diskToCopy(1), diskToCopy(2)],
  proxies: [],
  ...changes,
})

export const committed = (changes: Partial<CopyIn<'committed'>> = {}): CopyIn<'committed'> => ({
  ...copying(),
  state: 'committed',
  committedAt: NOW,
  manifest: 'points/one',
  readBytes: 2,
  newBytes: 2,
  storedBytes: 1,
  ...changes,
})

export const failed = (changes: Partial<CopyIn<'failed'>> = {}): CopyIn<'failed'> => ({
  ...copying(),
  state: 'failed',
  failedAt: NOW,
  failure: { error: 'AccessDenied', cause: 'no' },
  ...changes,
})

const keyOf = ({ point, vault }: Pick<CopyRecord, 'point' | 'vault'>): string => `${point} ${vault}`

/** @param records what is in the table; tests read it and may put records there with `put` */
export function memoryCopies(records = new Map<string, CopyRecord>()) {
  const copies: Pick<Copies, 'copy' | 'copies' | 'startCopy' | 'advanceCopy'> = {
    copy: async (_machine, id) => records.get(keyOf(id)),
    copies: async () => [...records.values()].toReversed(),
    async startCopy(record, replaced) {
      const stored = records.get(keyOf(record))
      const isAsSeen = stored?.state === replaced?.state && stored?.run === replaced?.run
      const advance = isAsSeen ? 'moved' : judge(stored, [], record)
      if (advance === 'moved') records.set(keyOf(record), record)
      return advance
    },
    async advanceCopy(from, to) {
      const advance = judge(records.get(keyOf(to)), from, to)
      if (advance === 'moved') records.set(keyOf(to), to)
      return advance
    },
  }
  return {
    ...copies,
    put: (record: CopyRecord) => void records.set(keyOf(record), record),
    /** The only one. */
    one: () => [...records.values()][0],
  }
}

/** Contents of the blocks that were written. Snapshots of one `lineage` can be compared. */
export interface MemorySnapshot {
  readonly lineage: string
  readonly blocks: Readonly<Record<number, string>>
}

export const memorySnapshot = (lineage: string, blocks: MemorySnapshot['blocks']): MemorySnapshot => ({
  lineage,
  blocks,
})

/** As the EBS direct APIs answer, with pages of two blocks; `asked` has what was compared with what. */
export function memoryBlocks(snapshots: ReadonlyMap<string, MemorySnapshot>) {
  const asked: string[] = []
  const found = (id: string): MemorySnapshot => {
    const snapshot = snapshots.get(id)
    if (snapshot) return snapshot
    throw new TandemError('SnapshotMissing', `${id} is gone`)
  }
  const list: SnapshotBlocks['list'] = async function* list(id, { since, fromBlock }) {
    asked.push(since === undefined ? id : `${id} since ${since}`)
    const second = found(id)
    const first = since === undefined ? undefined : found(since)
    if (first && first.lineage !== second.lineage) throw new TandemError('LineageBroken', `${id} is not of ${since}`)
    const blocks: ListedBlock[] = Object.entries(second.blocks)
      .map(([block, content]) => ({ block: Number(block), content }))
      .filter(({ block, content }) => block >= fromBlock && first?.blocks[block] !== content)
      .map(({ block, content }) => ({ block, token: content }))
    for (let from = 0; from < blocks.length; from += 2)
      yield { blocks: blocks.slice(from, from + 2), isLast: from + 2 >= blocks.length }
  }
  return { list, asked }
}

/** A copy of a disk in a vault, of the snapshot. */
export interface CopiedDisk {
  readonly volume: string
  readonly takenAt: string
  /** Absent: it was not made from one. */
  readonly snapshot?: string
}

/** `newest` of a vault that holds these copies, whose names are their instants. */
export const newestOf =
  (copied: readonly CopiedDisk[]): CopyVault['newest'] =>
  async (disk, notAfter) => {
    const newest = copied
      .filter(({ volume, takenAt }) => volume === disk && takenAt <= notAfter)
      .toSorted((one, other) => one.takenAt.localeCompare(other.takenAt))
      .at(-1)
    return newest && { copy: newest.takenAt, ...(newest.snapshot === undefined ? {} : { snapshot: newest.snapshot }) }
  }

/** A vault with nothing in it, but for what a test says. */
export const emptyVault = (changes: Partial<CopyVault> = {}): CopyVault => ({
  newest: async () => undefined,
  committed: async () => undefined,
  faults: async () => [],
  commit: async () => 'points/one',
  points: async () => [],
  point: async (manifest) => {
    throw new TandemError('VaultDamaged', `There is no ${manifest}.`)
  },
  ...changes,
})
