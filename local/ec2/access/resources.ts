/** EC2's resources as IAM sees them: their ARNs and condition keys (Service Authorization Reference, Amazon EC2). */
import type { Tag, TagSpecification } from '@aws-sdk/client-ec2'
import { request, requestTags, resourceTags, type AccessContext } from '../../wire/access.ts'
import type { AccessRequest } from '../../wire/service.ts'
import type { Image } from '../images/model.ts'
import type { Account } from '../model.ts'
import type { Resource } from '../resource.ts'
import type { Instance } from '../instances/model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import type { Volume } from '../volumes/model.ts'

/** A resource that exists, is about to be made (`*`), or is only named by the request: then it has no tags. */
export interface Target {
  readonly arn: string
  readonly context: AccessContext
}

/** Resources of no account: their ARN has an empty account field (AWS facts A.1). */
const ACCOUNTLESS = new Set(['snapshot', 'image'])

export function arnOf({ region, accountId }: Account, type: string, id: string): string {
  return `arn:aws:ec2:${region}:${ACCOUNTLESS.has(type) ? '' : accountId}:${type}/${id}`
}

const EC2_TAGS = 'ec2:ResourceTag/'

/** A value that the resource has. Absent ones are left out: an absent key and an empty one differ. */
export const present = (context: Readonly<Record<string, string | number | boolean | undefined>>): AccessContext =>
  Object.fromEntries(
    Object.entries(context).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  )

export function instanceTarget(account: Account, id = '*'): Target {
  const instance = account.instances.get(id)
  return { arn: arnOf(account, 'instance', id), context: instance ? instanceContext(instance) : {} }
}

function instanceContext(instance: Instance): AccessContext {
  const { metadataOptions, image, profile, zone } = instance
  return {
    ...resourceTags(instance.tags, EC2_TAGS),
    ...present({
      'ec2:InstanceID': instance.id,
      'ec2:InstanceType': instance.type,
      'ec2:AvailabilityZone': zone.name,
      'ec2:AvailabilityZoneId': zone.id,
      'ec2:RootDeviceType': image.rootDeviceType,
      'ec2:Tenancy': 'default',
      'ec2:InstanceProfile': profile?.arn,
      'ec2:MetadataHttpTokens': metadataOptions.HttpTokens,
      'ec2:MetadataHttpEndpoint': metadataOptions.HttpEndpoint,
      'ec2:MetadataHttpPutResponseHopLimit': metadataOptions.HttpPutResponseHopLimit,
    }),
  }
}

export function volumeTarget(account: Account, id = '*'): Target {
  const volume = account.volumes.get(id)
  return { arn: arnOf(account, 'volume', id), context: volume ? volumeContext(account, volume) : {} }
}

function volumeContext(account: Account, volume: Volume): AccessContext {
  return {
    ...resourceTags(volume.tags, EC2_TAGS),
    ...present({
      'ec2:VolumeID': volume.id,
      'ec2:VolumeSize': volume.sizeGiB,
      'ec2:VolumeType': volume.type,
      'ec2:VolumeIops': volume.iops,
      'ec2:VolumeThroughput': volume.throughput,
      'ec2:Encrypted': volume.encryption !== undefined,
      'ec2:KmsKeyId': volume.encryption?.kmsKeyId,
      'ec2:AvailabilityZone': volume.zone.name,
      'ec2:AvailabilityZoneId': volume.zone.id,
      'ec2:ParentSnapshot': volume.snapshotId === undefined ? undefined : arnOf(account, 'snapshot', volume.snapshotId),
    }),
  }
}

export function snapshotTarget(account: Account, id = '*'): Target {
  const snapshot = account.snapshots.get(id)
  return { arn: arnOf(account, 'snapshot', id), context: snapshot ? snapshotContext(account, snapshot) : {} }
}

function snapshotContext(account: Account, snapshot: Snapshot): AccessContext {
  return {
    ...resourceTags(snapshot.tags, EC2_TAGS),
    'ec2:SnapshotID': snapshot.id,
    'ec2:Owner': account.accountId,
    'ec2:VolumeSize': snapshot.sizeGiB,
    'ec2:Encrypted': snapshot.encryption !== undefined,
    'ec2:ParentVolume': arnOf(account, 'volume', snapshot.volumeId),
    'ec2:SnapshotTime': new Date(snapshot.createdMs).toISOString(),
  }
}

export function imageTarget(account: Account, id = '*'): Target {
  const image = account.images.get(id)
  return { arn: arnOf(account, 'image', id), context: image ? imageContext(image) : {} }
}

const imageContext = (image: Image): AccessContext => ({
  ...resourceTags(image.tags, EC2_TAGS),
  'ec2:ImageID': image.id,
  'ec2:Owner': image.ownerAlias ?? image.ownerId,
  'ec2:Public': image.isPublic,
  'ec2:ImageType': 'machine',
  'ec2:RootDeviceType': image.rootDeviceType,
})

/** A resource by the prefix of its id, as CreateTags and DeleteTags take it. */
export function targetOf(account: Account, id: string): Target {
  const prefix = /^([a-z-]+?)-[0-9a-f]+$/.exec(id)?.[1] ?? ''
  switch (prefix) {
    case 'i':
      return instanceTarget(account, id)
    case 'vol':
      return volumeTarget(account, id)
    case 'snap':
      return snapshotTarget(account, id)
    case 'ami':
      return imageTarget(account, id)
    default:
      return networkTarget(account, id)
  }
}

/** A resource of the network, or of another kind that has nothing but tags. */
export function networkTarget(account: Account, id: string, more: AccessContext = {}): Target {
  const prefix = /^([a-z-]+?)-[0-9a-f]+$/.exec(id)?.[1] ?? ''
  const kind = Object.hasOwn(KINDS, prefix) ? KINDS[prefix] : undefined
  const resource = kind?.among(account).get(id)
  const context = { ...(resource ? resourceTags(resource.tags, EC2_TAGS) : {}), ...vpcContext(account, resource) }
  return { arn: arnOf(account, kind?.type ?? '*', id), context: { ...context, ...more } }
}

const vpcContext = (account: Account, resource: object | undefined): AccessContext =>
  resource && 'vpcId' in resource ? { 'ec2:Vpc': arnOf(account, 'vpc', String(resource.vpcId)) } : {}

interface Kind {
  readonly type: string
  readonly among: (account: Account) => ReadonlyMap<string, Resource>
}

/** By the prefix of the id. */
const KINDS: Readonly<Record<string, Kind>> = {
  eni: { type: 'network-interface', among: ({ interfaces }) => interfaces },
  eipalloc: { type: 'elastic-ip', among: ({ addresses }) => addresses },
  subnet: { type: 'subnet', among: ({ subnets }) => subnets },
  vpc: { type: 'vpc', among: ({ vpcs }) => vpcs },
  sg: { type: 'security-group', among: ({ securityGroups }) => securityGroups },
  key: { type: 'key-pair', among: ({ keyPairs }) => keyPairs },
  sir: { type: 'spot-instances-request', among: ({ spotRequests }) => spotRequests },
  replacevol: { type: 'replace-root-volume-task', among: ({ rootTasks }) => rootTasks },
}

/** May the caller do this to each of these? */
export const asks = (action: string, targets: readonly Target[], more: AccessContext = {}): AccessRequest[] =>
  targets.map(({ arn, context }) => request(`ec2:${action}`, arn, { ...context, ...more }))

const specifiedTags = (specifications: readonly TagSpecification[] | undefined, type: string): readonly Tag[] =>
  specifications?.find(({ ResourceType }) => ResourceType === type)?.Tags ?? []

/** What is asked to make a resource of this type: the action itself, and the right to tag it at once. */
export function asksToMake(
  account: Account,
  action: string,
  type: string,
  specifications: readonly TagSpecification[] | undefined,
  context: AccessContext = {},
): AccessRequest[] {
  const tags = specifiedTags(specifications, type)
  const arn = arnOf(account, type, '*')
  const given = requestTags(tags)
  return [
    request(`ec2:${action}`, arn, { ...context, ...given }),
    ...(tags.length > 0 ? [request('ec2:CreateTags', arn, { ...given, 'ec2:CreateAction': action })] : []),
  ]
}
