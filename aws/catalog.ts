import {
  machineRecord,
  pointRecord,
  revertRecord,
  type PointIn,
  type PointRecord,
  type RevertRecord,
} from '../core/contracts/records.ts'
import type { Catalog } from '../core/ports.ts'
import { isFinalPoint, isFinalRevert } from '../core/record-states.ts'
import { TandemError } from '../core/errors.ts'
import { whileHeld } from './locks.ts'
import { already, inStates, NEW, openSince } from './record-writes.ts'
import { recordIn } from './records.ts'
import type { Item, Key, Table } from './table.ts'

/**
 * The catalog's items (docs/architecture.md, The catalog). Records are stored with their own attributes, so that an operator
 * can read an item in the console; the attributes that only the table needs are taken off again before a record is parsed.
 */
const KEYS = {
  machine: (machine: string): Key => ({ pk: `MACHINE#${machine}`, sk: 'MACHINE' }),
  point: ({ machine, reservedAt, point }: Pick<PointRecord, 'machine' | 'reservedAt' | 'point'>): Key => ({
    pk: `MACHINE#${machine}`,
    sk: `POINT#${reservedAt}#${point}`,
  }),
  /** Where a point is, by its id alone. */
  pointer: (point: string): Key => ({ pk: `POINT#${point}`, sk: 'POINT' }),
  revert: ({ machine, startedAt, revert }: Pick<RevertRecord, 'machine' | 'startedAt' | 'revert'>): Key => ({
    pk: `MACHINE#${machine}`,
    sk: `REVERT#${startedAt}#${revert}`,
  }),
}

const pointItem = (point: PointRecord): Item => ({
  ...point,
  ...openSince('POINT', point.reservedAt, !isFinalPoint(point)),
})
const revertItem = (revert: RevertRecord): Item => ({
  ...revert,
  ...openSince('REVERT', revert.startedAt, !isFinalRevert(revert)),
})

export const dynamodbCatalog = (table: Table): Catalog => ({ ...machines(table), ...points(table), ...reverts(table) })

function machines(table: Table): Pick<Catalog, 'machine' | 'machines' | 'putMachine'> {
  return {
    async machine(machine) {
      const item = await table.get(KEYS.machine(machine))
      return item && recordIn(machineRecord, item)
    },
    async *machines() {
      for await (const page of table.queryIndex('machines', 'MACHINES'))
        yield page.map((item) => recordIn(machineRecord, item))
    },
    async putMachine(record) {
      // An update and not a put: `lastCompletePoint` belongs to whoever completes points.
      const { lastCompletePoint: _, ...seen } = record
      const attributes = Object.entries({ ...seen, machineList: 'MACHINES' })
      await table.update(
        KEYS.machine(record.machine),
        `SET ${attributes.map((__, index) => `#name${index} = :value${index}`).join(', ')}`,
        {
          expression: 'attribute_not_exists(observedAt) OR observedAt <= :observedAt',
          names: Object.fromEntries(attributes.map(([name], index) => [`#name${index}`, name])),
          values: {
            ':observedAt': record.observedAt,
            ...Object.fromEntries(attributes.map(([, value], index) => [`:value${index}`, value])),
          },
        },
      )
    },
  }
}

type PointMethods = Pick<
  Catalog,
  'openPoints' | 'reservePoint' | 'point' | 'pointById' | 'points' | 'latestCompletePoint' | 'advancePoint'
>

function points(table: Table): PointMethods {
  const pointById = async (point: string): Promise<PointRecord | undefined> => {
    const pointer = await table.get(KEYS.pointer(point))
    const item = pointer && (await table.get({ pk: String(pointer['itemPk']), sk: String(pointer['itemSk']) }))
    return item && recordIn(pointRecord, item)
  }
  const ofMachine = async (machine: string, point: string): Promise<PointRecord | undefined> => {
    const found = await pointById(point)
    return found?.machine === machine ? found : undefined
  }
  return {
    async *openPoints() {
      for await (const page of table.queryIndex('open', 'POINT')) yield page.map((item) => recordIn(pointRecord, item))
    },
    point: ofMachine,
    pointById,
    async reservePoint(point) {
      const key = KEYS.point(point)
      const written = await table.transact([
        { put: key, item: pointItem(point), condition: NEW },
        { put: KEYS.pointer(point.point), item: { itemPk: key.pk, itemSk: key.sk }, condition: NEW },
      ])
      return written === 'done' ? 'moved' : already(await pointById(point.point), point, `Point ${point.point}`)
    },
    async points(machine, { limit, after } = {}) {
      const { items, next } = await table.query(`MACHINE#${machine}`, {
        prefix: 'POINT#',
        newestFirst: true,
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after: { pk: `MACHINE#${machine}`, sk: after } }),
      })
      return { points: items.map((item) => recordIn(pointRecord, item)), ...(next ? { next: next.sk } : {}) }
    },
    async latestCompletePoint(machine) {
      const record = await table.get(KEYS.machine(machine))
      const latest = record && recordIn(machineRecord, record).lastCompletePoint
      const point = latest && (await ofMachine(machine, latest.point))
      return point?.state === 'complete' ? point : undefined
    },
    async advancePoint(from, to) {
      const put = { put: KEYS.point(to), item: pointItem(to), condition: inStates(from, to.run) }
      const moved =
        to.state === 'complete'
          ? await completePoint(table, put, to)
          : await table.put(put.put, put.item, put.condition)
      return moved ? 'moved' : already(await pointById(to.point), to, `Point ${to.point}`)
    },
  }
}

/**
 * The point and the machine's pointer to it move together; when the machine has a later point already, only the point does. Of two
 * of one instant the later counts: it was recovered from a vault, and the snapshots of the other may be gone.
 */
async function completePoint(
  table: Table,
  put: { put: Key; item: Item; condition: ReturnType<typeof inStates> },
  { machine, point, capturedAt }: PointIn<'complete'>,
): Promise<boolean> {
  const result = await table.transact([
    put,
    {
      update: KEYS.machine(machine),
      expression: 'SET lastCompletePoint = :latest',
      condition: {
        expression:
          'attribute_exists(pk) AND (attribute_not_exists(lastCompletePoint) OR lastCompletePoint.capturedAt <= :capturedAt)',
        values: { ':latest': { point, capturedAt }, ':capturedAt': capturedAt },
      },
    },
  ])
  if (result === 'done') return true
  return result === 1 ? table.put(put.put, put.item, put.condition) : false
}

function reverts(
  table: Table,
): Pick<
  Catalog,
  'openReverts' | 'startRevert' | 'revert' | 'reverts' | 'advanceRevert' | 'adoptRevert' | 'markUndone'
> {
  const all = async (machine: string): Promise<RevertRecord[]> => {
    const { items } = await table.query(`MACHINE#${machine}`, { prefix: 'REVERT#', newestFirst: true })
    return items.map((item) => recordIn(revertRecord, item))
  }
  const find = async (machine: string, revert: string): Promise<RevertRecord | undefined> =>
    (await all(machine)).find((record) => record.revert === revert)
  return {
    async *openReverts() {
      for await (const page of table.queryIndex('open', 'REVERT'))
        yield page.map((item) => recordIn(revertRecord, item))
    },
    revert: find,
    reverts: all,
    async startRevert(record) {
      const { machine, revert, run } = record
      const written = await table.transact([
        { put: KEYS.revert(record), item: revertItem(record), condition: NEW },
        whileHeld(machine, run),
      ])
      if (written === 'done') return 'moved'
      if (written === 0) return already(await find(machine, revert), record, `Revert ${revert}`)
      throw new TandemError('LostRace', `${run} has lost the lock of ${machine}: it planned a revert for too long.`)
    },
    async advanceRevert(from, to) {
      const moved = await table.put(KEYS.revert(to), revertItem(to), inStates(from, to.run))
      return moved ? 'moved' : already(await find(to.machine, to.revert), to, `Revert ${to.revert}`)
    },
    async adoptRevert(record, run) {
      const adopted: RevertRecord = { ...record, run }
      const moved = await table.put(KEYS.revert(record), revertItem(adopted), inStates([record.state], record.run))
      if (!moved) already(await find(record.machine, record.revert), adopted, `Revert ${record.revert}`)
      return adopted
    },
    async markUndone(machine, revert, by) {
      const record = await find(machine, revert)
      if (!record) return
      await table.update(KEYS.revert(record), 'SET undoneBy = :by', {
        expression: '#state = :reverted',
        names: { '#state': 'state' },
        values: { ':by': by, ':reverted': 'reverted' },
      })
    },
  }
}
