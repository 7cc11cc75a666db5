/** EC2 ids: a prefix and 17 hexadecimal digits (AWS facts A.23). */
import { createHash } from 'node:crypto'
import type { ResourceType } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import { Collection } from './collection.ts'

export type IdPrefix =
  | 'ami'
  | 'dopt'
  | 'eipalloc'
  | 'eipassoc'
  | 'eni'
  | 'eni-attach'
  | 'i'
  | 'iip-assoc'
  | 'key'
  | 'r'
  | 'replacevol'
  | 'sg'
  | 'sgr'
  | 'sir'
  | 'snap'
  | 'subnet'
  | 'vol'
  | 'vpc'
  | 'vpc-cidr-assoc'

export interface IdSource {
  next(prefix: IdPrefix): string
  /** A UUID that belongs to `name`, the same one whenever asked. */
  uuidOf(name: string): string
}

/** Ids that look random, never repeat, and are the same in every run that asks in the same order. */
export function idSource(seed: string, counters: { ids: number }): IdSource {
  const digest = (text: string): string => createHash('sha256').update(`${seed}/${text}`).digest('hex')
  return {
    next(prefix) {
      counters.ids += 1
      return `${prefix}-0${digest(`${prefix}/${counters.ids}`).slice(0, 16)}`
    },
    uuidOf(name) {
      return digest(name)
        .slice(0, 32)
        .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5')
    },
  }
}

export interface ResourceKind {
  readonly prefix: IdPrefix
  readonly type: ResourceType
  readonly notFoundCode: string
  readonly notFound: (id: string) => string
  /** How several are missed at once; absent where only the first of them is told. */
  readonly noneFound?: (ids: readonly string[]) => string
}

/** Codes and texts as EC2 gives them (AWS facts A.4, A.14, A.17, A.21). */
export const INSTANCE: ResourceKind = {
  prefix: 'i',
  type: 'instance',
  notFoundCode: 'InvalidInstanceID.NotFound',
  notFound: (id) => `The instance ID '${id}' does not exist`,
  noneFound: (ids) => `The instance IDs '${ids.join(', ')}' do not exist`,
}
export const VOLUME: ResourceKind = {
  prefix: 'vol',
  type: 'volume',
  notFoundCode: 'InvalidVolume.NotFound',
  notFound: (id) => `The volume '${id}' does not exist.`,
}
export const SNAPSHOT: ResourceKind = {
  prefix: 'snap',
  type: 'snapshot',
  notFoundCode: 'InvalidSnapshot.NotFound',
  notFound: (id) => `The snapshot '${id}' does not exist.`,
}
export const IMAGE: ResourceKind = {
  prefix: 'ami',
  type: 'image',
  notFoundCode: 'InvalidAMIID.NotFound',
  notFound: (id) => `The image id '[${id}]' does not exist`,
  noneFound: (ids) => `The image ids '[${ids.join(', ')}]' do not exist`,
}

/** A kind of the network: all speak alike. */
const networkKind = (prefix: IdPrefix, type: ResourceType, notFoundCode: string, called: string): ResourceKind => ({
  prefix,
  type,
  notFoundCode,
  notFound: (id) => `The ${called} '${id}' does not exist`,
})

export const VPC = networkKind('vpc', 'vpc', 'InvalidVpcID.NotFound', 'vpc ID')
export const SUBNET = networkKind('subnet', 'subnet', 'InvalidSubnetID.NotFound', 'subnet ID')
export const SECURITY_GROUP = networkKind('sg', 'security-group', 'InvalidGroup.NotFound', 'security group')
export const SECURITY_GROUP_RULE = networkKind(
  'sgr',
  'security-group-rule',
  'InvalidSecurityGroupRuleId.NotFound',
  'security group rule ID',
)
export const INTERFACE = networkKind(
  'eni',
  'network-interface',
  'InvalidNetworkInterfaceID.NotFound',
  'networkInterface ID',
)
export const ADDRESS = networkKind('eipalloc', 'elastic-ip', 'InvalidAllocationID.NotFound', 'allocation ID')
export const KEY_PAIR = networkKind('key', 'key-pair', 'InvalidKeyPair.NotFound', 'key pair')
export const REPLACE_ROOT_TASK = networkKind(
  'replacevol',
  'replace-root-volume-task',
  'InvalidReplaceRootVolumeTaskId.NotFound',
  'replace root volume task ID',
)
export const SPOT_REQUEST = networkKind(
  'sir',
  'spot-instances-request',
  'InvalidSpotInstanceRequestID.NotFound',
  'spot instance request ID',
)

/** The resource of this id, known to callers or not yet. @throws AwsError the kind's NotFound code */
export function findAny<Resource>(kind: ResourceKind, among: ReadonlyMap<string, Resource>, id: string): Resource {
  const found = among.get(id)
  if (found) return found
  throw absent(kind, [id])
}

/** The resource of this id. @throws AwsError the kind's NotFound code: also while it is too new (AWS facts A.19). */
export function find<Resource>(kind: ResourceKind, among: ReadonlyMap<string, Resource>, id: string): Resource {
  const found = among.get(id)
  if (found && isShown(among, found)) return found
  throw absent(kind, [id])
}

/** The resources of these ids. @throws AwsError as `find`, of all that are missing at once where EC2 tells all of them */
export function findAll<Resource>(
  kind: ResourceKind,
  among: ReadonlyMap<string, Resource>,
  ids: readonly string[],
): Resource[] {
  const found: Resource[] = []
  const missing: string[] = []
  for (const id of ids) {
    const resource = among.get(id)
    if (resource && isShown(among, resource)) found.push(resource)
    else missing.push(id)
  }
  if (missing.length > 0) throw absent(kind, missing)
  return found
}

const isShown = <Resource>(among: ReadonlyMap<string, Resource>, resource: Resource): boolean =>
  !(among instanceof Collection) || among.shows(resource)

function absent(kind: ResourceKind, ids: readonly string[]): AwsError {
  const [first = ''] = ids
  const message = ids.length > 1 ? kind.noneFound?.(ids) : undefined
  return new AwsError(kind.notFoundCode, message ?? kind.notFound(first))
}
