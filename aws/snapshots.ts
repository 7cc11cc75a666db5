import {
  CreateSnapshotsCommand,
  DeleteSnapshotCommand,
  paginateDescribeSnapshots,
  type EC2Client,
  type Filter,
  type Snapshot,
  type SnapshotInfo,
} from '@aws-sdk/client-ec2'
import { isTandemError } from '../core/errors.ts'
import type { ObservedSnapshot, Snapshots } from '../core/ports.ts'
import { calling } from './calling.ts'
import { fromTags, toTags } from './machine-configuration.ts'
import { collect, filterChunks, PAGE_SIZE, tagFilters } from './paging.ts'

export function ebsSnapshots({ ec2, ec2Once }: { readonly ec2: EC2Client; readonly ec2Once: EC2Client }): Snapshots {
  const describe = (filters: Filter[], subject: string): Promise<ObservedSnapshot[]> =>
    calling({ operation: 'DescribeSnapshots', subject }, async () => {
      const pages = paginateDescribeSnapshots(
        { client: ec2, pageSize: PAGE_SIZE },
        { OwnerIds: ['self'], Filters: filters },
      )
      return (await collect(pages, (page) => page.Snapshots)).map(toObserved)
    })
  return {
    async observe(snapshots) {
      const found: ObservedSnapshot[] = []
      for (const ids of filterChunks(snapshots))
        found.push(...(await describe([{ Name: 'snapshot-id', Values: ids }], ids.join(', '))))
      return found
    },
    tagged: (tags) => describe(tagFilters(tags), `snapshots tagged ${Object.values(tags).join(', ')}`),
    async createSet(machine, exclude, tags, description) {
      const meaning = { IncorrectState: 'MachineInTransition', IncorrectInstanceState: 'MachineInTransition' } as const
      const { Snapshots: made } = await calling({ operation: 'CreateSnapshots', subject: machine, meaning }, () =>
        ec2Once.send(
          new CreateSnapshotsCommand({
            InstanceSpecification: {
              InstanceId: machine,
              ExcludeBootVolume: exclude.boot,
              ...(exclude.volumes.length > 0 ? { ExcludeDataVolumeIds: [...exclude.volumes] } : {}),
            },
            Description: description,
            TagSpecifications: [{ ResourceType: 'snapshot', Tags: fromTags(tags) }],
          }),
        ),
      )
      return (made ?? []).map(toObserved)
    },
    async ensureDeleted(snapshot) {
      try {
        await calling({ operation: 'DeleteSnapshot', subject: snapshot }, () =>
          ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshot })),
        )
      } catch (error) {
        if (!isTandemError(error, 'SnapshotMissing')) throw error
      }
    },
  }
}

function toObserved(snapshot: Snapshot & SnapshotInfo): ObservedSnapshot {
  return {
    snapshot: snapshot.SnapshotId ?? '',
    volume: snapshot.VolumeId ?? '',
    state: snapshot.State ?? 'pending',
    ...(snapshot.StateMessage ? { stateMessage: snapshot.StateMessage } : {}),
    ...(snapshot.Progress ? { progress: snapshot.Progress } : {}),
    startedAt: snapshot.StartTime?.toISOString() ?? '',
    sizeGiB: snapshot.VolumeSize ?? 0,
    tags: toTags(snapshot.Tags),
  }
}
