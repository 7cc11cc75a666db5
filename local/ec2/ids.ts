/** EC2 ids: a prefix and 17 hexadecimal digits (AWS facts A.23). */
import { createHash } from 'node:crypto'
import { AwsError } from '../wire/service.ts'

type IdPrefix = 'i' | 'vol' | 'snap' | 'ami' | 'eni' | 'eni-attach' | 'subnet' | 'vpc' | 'sg' | 'r'

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

interface ResourceKind {
  readonly prefix: IdPrefix
  readonly type: 'instance' | 'volume' | 'snapshot' | 'image'
  readonly malformedCode: string
  readonly notFoundCode: string
  readonly malformed: (id: string) => string
  readonly notFound: (id: string) => string
}

/** Codes and texts as EC2 gives them (AWS facts A.4, A.14, A.17, A.21). */
export const INSTANCE: ResourceKind = {
  prefix: 'i',
  type: 'instance',
  malformedCode: 'InvalidInstanceID.Malformed',
  notFoundCode: 'InvalidInstanceID.NotFound',
  malformed: (id) => `Invalid id: "${id}"`,
  notFound: (id) => `The instance ID '${id}' does not exist`,
}
export const VOLUME: ResourceKind = {
  prefix: 'vol',
  type: 'volume',
  malformedCode: 'InvalidVolumeID.Malformed',
  notFoundCode: 'InvalidVolume.NotFound',
  malformed: (id) => `Value (${id}) for parameter volumeId is invalid. Expected: 'vol-...'.`,
  notFound: (id) => `The volume '${id}' does not exist.`,
}
export const SNAPSHOT: ResourceKind = {
  prefix: 'snap',
  type: 'snapshot',
  malformedCode: 'InvalidSnapshotID.Malformed',
  notFoundCode: 'InvalidSnapshot.NotFound',
  malformed: (id) => `Value (${id}) for parameter snapshotId is invalid. Expected: 'snap-...'.`,
  notFound: (id) => `The snapshot '${id}' does not exist.`,
}
export const IMAGE: ResourceKind = {
  prefix: 'ami',
  type: 'image',
  malformedCode: 'InvalidAMIID.Malformed',
  notFoundCode: 'InvalidAMIID.NotFound',
  malformed: (id) => `Invalid id: "${id}" (expecting "ami-...")`,
  notFound: (id) => `The image id '[${id}]' does not exist`,
}

/** The resource of this id. @throws AwsError the kind's Malformed code, or its NotFound code. */
export function find<Resource>(kind: ResourceKind, among: ReadonlyMap<string, Resource>, id: string): Resource {
  const found = among.get(id)
  if (found) return found
  // 8 digits are the ids of old; AMI ids of demos come in that length too.
  if (!new RegExp(`^${kind.prefix}-[0-9a-f]{8}([0-9a-f]{9})?$`).test(id))
    throw new AwsError(kind.malformedCode, kind.malformed(id))
  throw new AwsError(kind.notFoundCode, kind.notFound(id))
}
