/**
 * EC2 and EBS of the embedded account: states, delays, limits and error codes as AWS has them, and real bytes. A volume is a
 * sparse file; a snapshot freezes the files of all of an instance's volumes at one instant, its guest paused meanwhile.
 */
import * as sdk from '@aws-sdk/client-ec2'
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { EmittedEvent, Service } from '../wire/service.ts'
import { ec2Access, type RoleOfProfile } from './access/access.ts'
import { attachmentOperations } from './attachments.ts'
import { statusDescriptions } from './describe-instance-status.ts'
import { instanceDescriptions } from './describe-instances.ts'
import { snapshotDescriptions } from './describe-snapshots.ts'
import { volumeDescriptions } from './describe-volumes.ts'
import { Disks } from './disks.ts'
import type { GuestRunner } from './guest.ts'
import { hostOf } from './host.ts'
import type { Ec2Host } from './host.ts'
import { idSource } from './ids.ts'
import { attributeOperations } from './instance-attributes.ts'
import { instanceOperations } from './instances.ts'
import { launchOperations } from './launch.ts'
import type { Account, Neighbours } from './model.ts'
import { durableOf, newState } from './state.ts'
import { defaultNetwork } from './network.ts'
import { snapshotOperations } from './snapshots.ts'
import { instanceTypeDescriptions } from './instance-types.ts'
import { tagOperations } from './tags.ts'
import { volumeOperations } from './volumes.ts'

export type { Ec2Host } from './host.ts'
export type { Neighbours } from './model.ts'

export function createNeighbours(): Neighbours {
  const accounts = new Map<string, Account>()
  return {
    register: (account) => void accounts.set(`${account.accountId}/${account.region}`, account),
    find: (accountId, region) => accounts.get(`${accountId}/${region}`),
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
  /** Alone unless told. */
  readonly neighbours?: Neighbours
}

function newAccount(options: Ec2Options): Account {
  const state = newState()
  const { counters, instances, volumes, snapshots, images, troubles } = state
  const ids = idSource(`${options.accountId}/${options.region}`, counters)
  return {
    state,
    running: { instances: new Map(), volumeCreations: new Map() },
    instances,
    volumes,
    snapshots,
    images,
    troubles,
    clock: options.clock,
    accountId: options.accountId,
    region: options.region,
    ids,
    network: defaultNetwork(options.region, ids, state),
    disks: new Disks(options.clock, options.directory),
    guests: options.guests,
    emit: options.emit,
    visibilityDelayMs: options.visibilityDelayMs ?? 0,
    captureObservers: [],
    elsewhere: (accountId, region) => options.neighbours?.find(accountId, region),
    nextOrder: () => (counters.order += 1),
  }
}

interface Ec2 {
  readonly service: Service
  readonly host: Ec2Host
  readonly durable: Durable
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
    ...tagOperations(account),
  }
  const access = ec2Access(account, Object.keys(operations), options.roleOfProfile ?? (() => undefined))
  return {
    service: { sdk, clientName: 'EC2Client', operations, access },
    host: hostOf(account),
    durable: durableOf(account),
  }
}
