/** DescribeVolumes, and the shape of a volume in answers. */
import type {
  DescribeVolumesRequest,
  DescribeVolumesResult,
  VolumeAttachment,
  Volume as VolumeOutput,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../../wire/service.ts'
import { byId, describe, searchable } from '../describe.ts'
import type { Description } from '../describe.ts'
import type { FilterValues } from '../filters.ts'
import { VOLUME } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Attachment, Volume } from './model.ts'
import { operation } from '../request.ts'
import { toTagList } from '../tags.ts'

export const toAttachmentOutput = (attachment: Attachment): VolumeAttachment => ({
  VolumeId: attachment.volume.id,
  InstanceId: attachment.instance.id,
  Device: attachment.device,
  State: attachment.state,
  AttachTime: new Date(attachment.attachedMs),
  DeleteOnTermination: attachment.deleteOnTermination,
})

export const toVolumeOutput = (volume: Volume): VolumeOutput => ({
  VolumeId: volume.id,
  State: volume.state,
  Size: volume.sizeGiB,
  VolumeType: volume.type,
  Iops: volume.iops,
  Throughput: volume.throughput,
  MultiAttachEnabled: volume.multiAttach,
  SnapshotId: volume.snapshotId ?? '',
  AvailabilityZone: volume.zone.name,
  AvailabilityZoneId: volume.zone.id,
  CreateTime: new Date(volume.createdMs),
  Encrypted: volume.encryption !== undefined,
  KmsKeyId: volume.encryption?.kmsKeyId,
  VolumeInitializationRate: volume.initialization?.rate,
  SseType: volume.encryption ? 'sse-kms' : 'none',
  Attachments: volume.attachments.map(toAttachmentOutput),
  Tags: toTagList(volume.tags),
})

const FILTERS: FilterValues<Volume> = {
  'attachment.attach-time': ({ attachments }) => attachments.map((one) => new Date(one.attachedMs).toISOString()),
  'attachment.delete-on-termination': ({ attachments }) => attachments.map((one) => one.deleteOnTermination),
  'attachment.device': ({ attachments }) => attachments.map((one) => one.device),
  'attachment.instance-id': ({ attachments }) => attachments.map((one) => one.instance.id),
  'attachment.status': ({ attachments }) => attachments.map((one) => one.state),
  'availability-zone': ({ zone }) => zone.name,
  'availability-zone-id': ({ zone }) => zone.id,
  'create-time': ({ createdMs }) => new Date(createdMs).toISOString(),
  encrypted: ({ encryption }) => encryption !== undefined,
  'multi-attach-enabled': ({ multiAttach }) => multiAttach,
  size: ({ sizeGiB }) => sizeGiB,
  'snapshot-id': ({ snapshotId }) => snapshotId,
  status: ({ state }) => state,
  'volume-id': ({ id }) => id,
  'volume-type': ({ type }) => type,
}

const descriptionOf = ({ volumes, instances }: Account): Description<Volume> => ({
  kind: VOLUME,
  among: volumes,
  filters: FILTERS,
  idsParameter: 'volumesSet',
  indexes: {
    'volume-id': byId(volumes),
    'attachment.instance-id': (id) => [...(instances.get(id)?.attachments.values() ?? [])].map(({ volume }) => volume),
  },
})

export function volumeDescriptions(account: Account): Operations {
  const description = descriptionOf(account)
  return {
    DescribeVolumes: operation<DescribeVolumesRequest>(
      ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
      (request): DescribeVolumesResult => {
        const isSearchable = searchable(account, request.Filters)
        const { items, nextToken } = describe(account, description, request, request.VolumeIds, isSearchable)
        return { Volumes: items.map(toVolumeOutput), NextToken: nextToken }
      },
    ),
  }
}
