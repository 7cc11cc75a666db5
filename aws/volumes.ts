import {
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  paginateDescribeVolumes,
  type EC2Client,
  type Filter,
  type Volume,
  type VolumeType,
} from '@aws-sdk/client-ec2'
import type { VolumeSpecification } from '../core/contracts/records.ts'
import { isTandemError, TandemError } from '../core/errors.ts'
import type { ObservedVolume, Volumes } from '../core/ports.ts'
import { calling } from './calling.ts'
import { fromTags, toTags } from './machine-configuration.ts'
import { collect, filterChunks, PAGE_SIZE, tagFilters } from './paging.ts'

/** Types whose IOPS are asked for; those of the others follow from their size (AWS facts A.12). */
const PROVISIONED_IOPS = ['io1', 'io2', 'gp3']

export function ec2Volumes({ ec2 }: { readonly ec2: EC2Client }): Volumes {
  const describe = (filters: Filter[], subject: string): Promise<ObservedVolume[]> =>
    calling({ operation: 'DescribeVolumes', subject }, async () => {
      const pages = paginateDescribeVolumes({ client: ec2, pageSize: PAGE_SIZE }, { Filters: filters })
      return (await collect(pages, (page) => page.Volumes)).map(toObserved)
    })
  return {
    async observe(volumes) {
      const found: ObservedVolume[] = []
      for (const ids of filterChunks(volumes))
        found.push(...(await describe([{ Name: 'volume-id', Values: ids }], ids.join(', '))))
      return found
    },
    tagged: (tags) => describe(tagFilters(tags), `volumes tagged ${Object.values(tags).join(', ')}`),
    async ensureCreated({ snapshot, availabilityZone, specification, tags, clientToken }) {
      const subject = `a volume from ${snapshot}`
      const { VolumeId } = await calling({ operation: 'CreateVolume', subject }, () =>
        ec2.send(
          new CreateVolumeCommand({
            SnapshotId: snapshot,
            AvailabilityZone: availabilityZone,
            ...toRequest(specification),
            ClientToken: clientToken,
            TagSpecifications: [{ ResourceType: 'volume', Tags: fromTags(tags) }],
          }),
        ),
      )
      if (!VolumeId) throw new TandemError('UnexpectedAwsError', `CreateVolume of ${subject} answered without an id.`)
      return VolumeId
    },
    async ensureDeleted(volume) {
      const meaning = { VolumeInUse: 'DisksStillMoving', IncorrectState: 'DisksStillMoving' } as const
      try {
        await calling({ operation: 'DeleteVolume', subject: volume, meaning }, () =>
          ec2.send(new DeleteVolumeCommand({ VolumeId: volume })),
        )
      } catch (error) {
        if (!isTandemError(error, 'VolumeMissing')) throw error
      }
    },
    async tag(volumes, tags) {
      if (volumes.length === 0) return
      await calling({ operation: 'CreateTags', subject: volumes.join(', ') }, () =>
        ec2.send(new CreateTagsCommand({ Resources: [...volumes], Tags: fromTags(tags) })),
      )
    },
    async untag(volumes, keys) {
      if (volumes.length === 0) return
      await calling({ operation: 'DeleteTags', subject: volumes.join(', ') }, () =>
        ec2.send(new DeleteTagsCommand({ Resources: [...volumes], Tags: keys.map((Key) => ({ Key })) })),
      )
    },
  }
}

function toObserved(volume: Volume): ObservedVolume {
  return {
    volume: volume.VolumeId ?? '',
    state: volume.State ?? 'creating',
    availabilityZone: volume.AvailabilityZone ?? '',
    specification: {
      type: volume.VolumeType ?? 'gp2',
      sizeGiB: volume.Size ?? 0,
      ...(volume.Iops ? { iops: volume.Iops } : {}),
      ...(volume.Throughput ? { throughputMiBps: volume.Throughput } : {}),
      encrypted: volume.Encrypted ?? false,
      ...(volume.KmsKeyId ? { kmsKey: volume.KmsKeyId } : {}),
      multiAttach: volume.MultiAttachEnabled ?? false,
      tags: toTags(volume.Tags),
    },
    attachedTo: (volume.Attachments ?? []).map(({ InstanceId, Device, State }) => ({
      machine: InstanceId ?? '',
      device: Device ?? '',
      state: State ?? 'attached',
    })),
  }
}

const toRequest = ({ type, sizeGiB, iops, throughputMiBps, encrypted, kmsKey }: VolumeSpecification) => ({
  VolumeType: type as VolumeType,
  Size: sizeGiB,
  ...(iops && PROVISIONED_IOPS.includes(type) ? { Iops: iops } : {}),
  ...(throughputMiBps && type === 'gp3' ? { Throughput: throughputMiBps } : {}),
  ...(encrypted ? { Encrypted: true, ...(kmsKey ? { KmsKeyId: kmsKey } : {}) } : {}),
})
