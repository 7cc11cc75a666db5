import { DescribeSnapshotsCommand, DescribeVolumesCommand, type Snapshot, type Volume } from '@aws-sdk/client-ec2'
import { catalogItems } from './catalog-items.ts'
import type { World } from './world.ts'

/** What is to be seen of one machine in the account and in the catalog, whoever made it. */
export interface Traces {
  readonly power: string
  /** Whether something plays the machine's inside: it really runs. */
  readonly guestRuns: boolean
  /** Volume id by device. */
  readonly disks: Readonly<Record<string, string>>
  /** Every volume of the account that carries the machine in a tag, or is attached to it. */
  readonly volumes: readonly string[]
  /** Completed snapshots of any volume that ever was the machine's, by the machine's tag. */
  readonly snapshots: readonly string[]
  /** As `snapshots`; one that was deleted while it waited for blocks is here until EBS gives it up. */
  readonly pendingSnapshots: readonly string[]
  /** `POINT complete`, `REVERT reverted`, …, in the order of the table. */
  readonly records: readonly string[]
  /** Items that mean that somebody is still at work: locks, waits, ledger entries, points and reverts that are not final. */
  readonly unfinished: readonly string[]
}

/** A snapshot that is deleted while it is pending goes only when it would have been complete (AWS facts A.7). */
const DELETION_MS = 3 * 60_000

export async function tracesOf(world: World, machine: string): Promise<Traces> {
  const { account, fleet } = world
  await account.clock.sleep(DELETION_MS)
  const instance = await fleet.describe(machine)
  const disks = Object.fromEntries(fleet.disksOf(instance))
  const tagged = [{ Name: 'tag:tandem:machine', Values: [machine] }]
  const { Volumes = [] } = await fleet.call(() => fleet.ec2.send(new DescribeVolumesCommand({ Filters: tagged })))
  const { Snapshots = [] } = await fleet.call(() => fleet.ec2.send(new DescribeSnapshotsCommand({ Filters: tagged })))
  const items = (await catalogItems(world)).filter((item) => JSON.stringify(item).includes(machine))
  return {
    power: instance.State?.Name ?? '',
    guestRuns: account.guests.ofInstance(machine) !== undefined,
    disks,
    volumes: [...new Set([...Object.values(disks), ...alive(Volumes)])].toSorted(),
    snapshots: idsOf(Snapshots, 'completed'),
    pendingSnapshots: idsOf(Snapshots, 'pending'),
    records: items.filter(({ state }) => state).map(({ sk, state }) => `${kindOf(sk)} ${String(state)}`),
    unfinished: items.flatMap(({ pk, sk, openKind }) => {
      const isBusy = sk === 'LOCK' || /^(WAIT|RUN)#/.test(String(pk)) || openKind !== undefined
      return isBusy ? [`${String(pk)}/${String(sk)}`] : []
    }),
  }
}

const idsOf = (snapshots: readonly Snapshot[], state: string): string[] =>
  snapshots.flatMap(({ SnapshotId, State }) => (SnapshotId && State === state ? SnapshotId : [])).toSorted()

/** A deleted volume is shown for a while longer. */
const alive = (volumes: readonly Volume[]): string[] =>
  volumes.flatMap(({ VolumeId, State }) => (VolumeId && State !== 'deleting' && State !== 'deleted' ? VolumeId : []))

const kindOf = (sk: unknown): string => String(sk).split('#')[0] ?? ''
