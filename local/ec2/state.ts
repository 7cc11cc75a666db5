/** The state of EC2 as a whole: empty at first, saved and restored as plain data. */
import type { Durable } from '../durability.ts'
import { resumeInstances } from './instance-states.ts'
import type { Account, Ec2State } from './model.ts'

export const newState = (): Ec2State => ({
  instances: new Map(),
  volumes: new Map(),
  snapshots: new Map(),
  images: new Map(),
  launchTokens: new Map(),
  volumeTokens: new Map(),
  addressesInUse: new Set(),
  troubles: {
    failingSnapshots: new Set(),
    failingCreations: new Set(),
    stuckDetaches: new Map(),
    refusedStarts: new Map(),
  },
  counters: { order: 0, ids: 0, publicAddresses: 0 },
})

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
    } else if (isRecord(present) && isRecord(value)) refill(present, value)
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
  },
  resume: () => resumeInstances(account),
})
