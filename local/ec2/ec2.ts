/**
 * EC2 and EBS of the embedded account: states, delays, limits and error codes as AWS has them, and real bytes. A volume is a
 * sparse file; a snapshot freezes the files of all of an instance's volumes at one instant, its guest paused meanwhile.
 */
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { EmittedEvent, Permit, Service } from '../wire/service.ts'
import { ec2Access, type RoleOfProfile } from './access/access.ts'
import { attachmentOperations } from './volumes/attachments.ts'
import { copyOperations } from './snapshots/copies.ts'
import { statusDescriptions } from './instances/describe-instance-status.ts'
import { instanceDescriptions } from './instances/describe-instances.ts'
import { snapshotDescriptions } from './snapshots/describe-snapshots.ts'
import { volumeDescriptions } from './volumes/describe-volumes.ts'
import { STRONG, isKnown } from './consistency.ts'
import type { Consistency } from './consistency.ts'
import { volumeStatusOperations } from './volumes/describe-volume-status.ts'
import { directSnapshots } from './snapshots/direct-snapshots.ts'
import type { DirectSnapshots } from './snapshots/direct-snapshots.ts'
import { Disks } from './volumes/disks.ts'
import { encryptionOperations } from './encryption-settings.ts'
import type { GuestRunner } from './instances/guest.ts'
import { hostOf } from './host.ts'
import type { Ec2Host } from './host.ts'
import { idSource } from './ids.ts'
import { attributeOperations } from './instances/instance-attributes.ts'
import { instanceOperations } from './instances/instances.ts'
import { launchOperations } from './instances/launch.ts'
import type { Keys } from './keys.ts'
import type { Account, Neighbours } from './model.ts'
import { collectionsOf, durableOf, newState } from './state.ts'
import { lockOperations } from './snapshots/locks.ts'
import { modificationOperations } from './volumes/modifications.ts'
import { shareOperations } from './snapshots/shares.ts'
import { DEFAULT_QUOTAS } from './quotas.ts'
import type { EbsQuotas } from './quotas.ts'
import { snapshotOperations } from './snapshots/snapshots.ts'
import { instanceTypeDescriptions } from './instances/describe-instance-types.ts'
import { imageCopyOperations } from './images/copy-image.ts'
import { imageOperations } from './images/images.ts'
import { imageDescriptions } from './images/describe-images.ts'
import { DEFAULT_INSTANCE_QUOTAS } from './instances/instance-quotas.ts'
import type { InstanceQuotas } from './instances/instance-quotas.ts'
import { metadataOptionsOperations } from './instances/metadata-options.ts'
import { monitoringOperations } from './instances/monitoring.ts'
import { networkOperations } from './network/operations.ts'
import { addDefaultVpc } from './network/default-vpc.ts'
import { zonesOf } from './network/zones.ts'
import { profileOperations, profilesTakenOnTrust } from './instances/profiles.ts'
import { replaceRootOperations } from './instances/replace-root.ts'
import { spotOperations } from './instances/spot.ts'
import { tagOperations } from './tags.ts'
import { volumeOperations } from './volumes/volumes.ts'

export type { Ec2Host } from './host.ts'
export type { Neighbours } from './model.ts'

export function createNeighbours(): Neighbours {
  const accounts = new Map<string, Account>()
  return {
    register: (account) => void accounts.set(`${account.accountId}/${account.region}`, account),
    find: (accountId, region) => accounts.get(`${accountId}/${region}`),
    inRegion: (region) => [...accounts.values()].filter((account) => account.region === region),
  }
}

export interface Ec2Options {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  /** Where the files of volumes and snapshots are; made if absent. */
  readonly directory: string
  readonly emit: (event: EmittedEvent) => void
  /** A guest is started, with the instance's user data, whenever its instance boots: to start again is its image's own doing. */
  readonly guests: GuestRunner
  /** For how long new volumes and snapshots are not found by their tags (AWS facts A.19); 0 unless told. */
  readonly visibilityDelayMs?: number
  /** ARN of the role in an instance profile; undefined when there is none. */
  readonly roleOfProfile?: RoleOfProfile
  /** How late EC2 is (AWS facts A.19); not at all unless told. */
  readonly consistency?: Partial<Consistency>
  /** What differs from AWS's defaults (AWS facts A.22). */
  readonly quotas?: Partial<InstanceQuotas & EbsQuotas>
  /** The instance profile of this name or ARN, as IAM knows it. Any is taken for existing unless told. */
  readonly profileOf?: Account['profileOf']
  /** Alone unless told. */
  readonly neighbours?: Neighbours
  readonly keys: Keys
  readonly permit?: Permit
}

function newAccount(options: Ec2Options): Account {
  const { clock, accountId, region } = options
  const consistency = { ...STRONG, tagsMs: options.visibilityDelayMs ?? 0, seed: `${accountId}/${region}` }
  const state = newState((resource) => isKnown(account, resource))
  const { counters, troubles } = state
  const account: Account = {
    ...collectionsOf(state),
    state,
    running: { instances: new Map(), volumeCreations: new Map() },
    troubles,
    clock,
    accountId,
    region,
    consistency: { ...consistency, ...options.consistency },
    ids: idSource(`${accountId}/${region}`, counters),
    zones: zonesOf(region),
    quotas: { ...DEFAULT_INSTANCE_QUOTAS, ...DEFAULT_QUOTAS, ...options.quotas },
    disks: new Disks(clock, options.directory),
    guests: options.guests,
    emit: options.emit,
    profileOf: options.profileOf ?? profilesTakenOnTrust(accountId),
    captureObservers: [],
    elsewhere: (ofAccount, ofRegion) => options.neighbours?.find(ofAccount, ofRegion),
    accountsIn: (region) => [...(options.neighbours?.inRegion(region) ?? [])],
    keys: options.keys,
    ...(options.permit ? { permit: options.permit } : {}),
    nextOrder: () => (counters.order += 1),
  }
  addDefaultVpc(account)
  return account
}

interface Ec2 {
  readonly service: Service
  readonly host: Ec2Host
  readonly durable: Durable
  /** For the EBS direct APIs of this place. */
  readonly direct: DirectSnapshots
}

export function createEc2(options: Ec2Options): Ec2 {
  const account = newAccount(options)
  options.neighbours?.register(account)
  const operations = {
    ...launchOperations(account),
    ...instanceOperations(account),
    ...instanceDescriptions(account),
    ...statusDescriptions(account),
    ...instanceTypeDescriptions(),
    ...attributeOperations(account),
    ...volumeOperations(account),
    ...volumeDescriptions(account),
    ...attachmentOperations(account),
    ...snapshotOperations(account),
    ...snapshotDescriptions(account),
    ...copyOperations(account),
    ...shareOperations(account),
    ...lockOperations(account),
    ...modificationOperations(account),
    ...volumeStatusOperations(account),
    ...encryptionOperations(account),
    ...tagOperations(account),
    ...imageOperations(account),
    ...imageCopyOperations(account),
    ...imageDescriptions(account),
    ...metadataOptionsOperations(account),
    ...monitoringOperations(account),
    ...networkOperations(account),
    ...profileOperations(account),
    ...replaceRootOperations(account),
    ...spotOperations(account),
  }
  const access = ec2Access(account, Object.keys(operations), options.roleOfProfile ?? (() => undefined))
  return {
    service: {
      sdk: () => import('@aws-sdk/client-ec2'),
      clientName: 'EC2Client',
      signingName: 'ec2',
      operations,
      access,
    },
    host: hostOf(account),
    durable: durableOf(account),
    direct: directSnapshots(account),
  }
}
