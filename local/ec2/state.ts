/** The state of EC2 as a whole: empty at first, saved and restored as plain data. */
import type { Durable } from '../durability.ts'
import { resumeAttachments } from './volumes/attachments.ts'
import { Collection } from './collection.ts'
import { resumeInstances } from './instances/instance-states.ts'
import type { Account, CollectionName, Ec2State } from './model.ts'
import type { Resource } from './resource.ts'
import { resumeInterfaces } from './network/interface-states.ts'
import { resumeRootTasks } from './instances/replace-root.ts'
import { resumeSnapshots } from './snapshots/snapshot-states.ts'
import { resumeVolumes } from './volumes/volume-states.ts'

/** `shows` says whether a resource can be seen by callers yet. */
export function newState(shows: (resource: Resource) => boolean): Ec2State {
  const collection = <Item extends Resource>(): Collection<Item> => new Collection(shows)
  return {
    instances: collection(),
    volumes: collection(),
    snapshots: collection(),
    images: collection(),
    vpcs: collection(),
    subnets: collection(),
    securityGroups: collection(),
    interfaces: collection(),
    addresses: collection(),
    keyPairs: collection(),
    rootTasks: collection(),
    spotRequests: collection(),
    pendingSnapshots: new Set(),
    ebs: { encryptsByDefault: false, blockPublicAccess: 'unblocked' },
    launchTokens: new Map(),
    volumeTokens: new Map(),
    imageTokens: new Map(),
    interfaceTokens: new Map(),
    rootTaskTokens: new Map(),
    privateAddresses: new Set(),
    troubles: {
      failingSnapshots: new Set(),
      failingCreations: new Set(),
      missingVolumeTypes: new Set(),
      exhaustedZones: new Set(),
      stuckDetaches: new Set(),
      refusedStarts: new Map(),
      capacity: new Set(),
      failingLaunches: [],
      failingKeys: new Map(),
      lateness: {},
      failingRootReplacements: new Map(),
    },
    counters: { order: 0, ids: 0, publicAddresses: 0 },
  }
}

/** The collections alone. */
export const collectionsOf = (state: Ec2State): Pick<Ec2State, CollectionName> => {
  const { addresses, images, instances, interfaces, keyPairs, rootTasks } = state
  const { securityGroups, snapshots, spotRequests, subnets, volumes, vpcs } = state
  return {
    addresses,
    images,
    instances,
    interfaces,
    keyPairs,
    rootTasks,
    securityGroups,
    snapshots,
    spotRequests,
    subnets,
    volumes,
    vpcs,
  }
}

/** Fills `into`, which others hold references to, with the content of `saved`: collections stay the objects that they are. */
function refill(into: object, saved: object): void {
  for (const [name, value] of Object.entries(saved)) {
    const present: unknown = Reflect.get(into, name)
    if (present instanceof Map && value instanceof Map) {
      present.clear()
      for (const [key, entry] of value) present.set(key, entry)
    } else if (present instanceof Set && value instanceof Set) {
      present.clear()
      for (const entry of value) present.add(entry)
    } else if (isRecord(present) && isRecord(value) && !Array.isArray(present)) refill(present, value)
    else Reflect.set(into, name, value)
  }
}

const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null

export const durableOf = (account: Account): Durable => ({
  name: 'ec2',
  save: () => account.state,
  restore(saved) {
    if (!isRecord(saved)) throw new TypeError('The saved state of EC2 is not a record.')
    refill(account.state, saved)
    account.consistency = { ...account.consistency, ...account.troubles.lateness }
  },
  resume() {
    resumeVolumes(account)
    resumeAttachments(account)
    resumeSnapshots(account)
    resumeInstances(account)
    resumeInterfaces(account)
    resumeRootTasks(account)
  },
})
