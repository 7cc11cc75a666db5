import type { LedgerEntry, MachineRecord, PointRecord, RevertRecord, WaitRecord } from '../../core/contracts/records.ts'
import { TandemError } from '../../core/errors.ts'
import { plusMs } from '../../core/instants.ts'
import type {
  Advance,
  Attachment,
  Catalog,
  Clock,
  Ledger,
  ObservedSnapshot,
  ObservedVolume,
  Waits,
} from '../../core/ports.ts'
import { NOW } from './samples.ts'

/** The ports as plain objects over arrays and maps, as small as their obligations allow. */

export interface MemoryClock extends Clock {
  pass(ms: number): void
}

export function memoryClock(start = NOW): MemoryClock {
  let now = start
  return {
    now: () => now,
    pass(ms) {
      now = plusMs(now, ms)
    },
  }
}

/** Runs before a call, by the call's name; what it throws is the answer. `lost` in the name: after the call has done its work. */
export type Faults = Map<string, () => void | Promise<void>>

/** Fails the call once with this error. */
export function failOnce(faults: Faults, call: string, error: TandemError): void {
  faults.set(call, () => {
    faults.delete(call)
    throw error
  })
}

export const noAnswer = (): TandemError => new TandemError('AwsUnavailable', 'no answer')
export const throttled = (): TandemError => new TandemError('AwsThrottled', 'slow down')

interface Stored {
  readonly state: string
  readonly run: string
}

/** As the port says: `already` when an earlier try of the same run did it, LostRace for anybody else. */
export function judge(stored: Stored | undefined, from: readonly string[], to: Stored): Advance {
  if (stored && from.includes(stored.state) && stored.run === to.run) return 'moved'
  if (stored?.state === to.state && stored.run === to.run) return 'already'
  throw new TandemError('LostRace', `stored is ${stored?.state ?? 'nothing'}`)
}

type MemoryCatalog = Pick<
  Catalog,
  | 'machine'
  | 'putMachine'
  | 'reservePoint'
  | 'point'
  | 'points'
  | 'advancePoint'
  | 'revert'
  | 'reverts'
  | 'startRevert'
  | 'advanceRevert'
  | 'adoptRevert'
  | 'markUndone'
  | 'pointById'
  | 'latestCompletePoint'
>

/** @param state what is in the table; tests read it and may put records there */
export function memoryCatalog(
  state: { machine?: MachineRecord; points: Map<string, PointRecord>; reverts: Map<string, RevertRecord> },
  faults: Faults = new Map(),
): MemoryCatalog {
  const at = (call: string) => faults.get(call)?.()
  const point = async (_machine: string, id: string) => state.points.get(id)
  return {
    point,
    pointById: (id) => point('', id),
    machine: async () => state.machine,
    async putMachine(record) {
      state.machine = record
    },
    async reservePoint(to) {
      const stored = state.points.get(to.point)
      const advance = stored ? judge(stored, [], to) : 'moved'
      if (advance === 'moved') state.points.set(to.point, to)
      return advance
    },
    points: async () => ({ points: [...state.points.values()].toReversed() }),
    latestCompletePoint: async () => [...state.points.values()].findLast((found) => found.state === 'complete'),
    async advancePoint(from, to) {
      await at('advancePoint')
      await at(`advancePoint ${to.state}`)
      const advance = judge(state.points.get(to.point), from, to)
      if (advance === 'moved') state.points.set(to.point, to)
      await at(`advancePoint ${to.state} lost`)
      return advance
    },
    revert: async (_machine, id) => state.reverts.get(id),
    reverts: async () => [...state.reverts.values()].toReversed(),
    async startRevert(to) {
      const stored = state.reverts.get(to.revert)
      const advance = stored ? judge(stored, [], to) : 'moved'
      if (advance === 'moved') state.reverts.set(to.revert, to)
      await at('startRevert lost')
      return advance
    },
    async advanceRevert(from, to) {
      await at('advanceRevert')
      const advance = judge(state.reverts.get(to.revert), from, to)
      if (advance === 'moved') state.reverts.set(to.revert, to)
      return advance
    },
    async adoptRevert(record, run) {
      const adopted = { ...record, run }
      state.reverts.set(record.revert, adopted)
      return adopted
    },
    async markUndone(_machine, id, by) {
      const record = state.reverts.get(id)
      if (record?.state === 'reverted') state.reverts.set(id, { ...record, undoneBy: by })
    },
  }
}

const keyOf = ({ run, item }: Pick<LedgerEntry, 'run' | 'item'>): string => `${run} ${item}`

export function memoryLedger(entries: Map<string, LedgerEntry>): Ledger {
  return {
    async open(entry) {
      if (!entries.get(keyOf(entry))?.resource) entries.set(keyOf(entry), entry)
    },
    async made(entry, resource) {
      const found = entries.get(keyOf(entry))
      if (found) entries.set(keyOf(entry), { ...found, resource })
    },
    async close(entry) {
      entries.delete(keyOf(entry))
    },
    ofRun: async (run) => [...entries.values()].filter((entry) => entry.run === run),
    async *all() {
      yield [...entries.values()]
    },
  }
}

export const hasTags = (carried: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => carried[key] === value)

/** What EC2 holds: tests read it, hide things in it and change it between two calls. */
export interface MemoryEbs {
  readonly snapshots: Map<string, ObservedSnapshot>
  readonly volumes: Map<string, ObservedVolume>
  /** Exist, and are not shown yet: neither described nor found by a delete (AWS facts A.19). */
  readonly hidden: Set<string>
  attachments: Attachment[]
}

export const memoryEbs = (): MemoryEbs => ({
  snapshots: new Map(),
  volumes: new Map(),
  hidden: new Set(),
  attachments: [],
})

const waitKeyOf = ({ resource, token }: WaitRecord): string => `${resource} ${token}`

/** @param onRegister what happens between registering and looking */
export function memoryWaits(
  records: Map<string, WaitRecord>,
  onRegister: () => Promise<unknown> = async () => {},
): Waits {
  return {
    async register(waits) {
      for (const wait of waits) records.set(waitKeyOf(wait), wait)
      await onRegister()
    },
    waitingFor: async (resource) => [...records.values()].filter((wait) => wait.resource === resource),
    async forget(waits) {
      for (const wait of waits) records.delete(waitKeyOf(wait))
    },
  }
}
