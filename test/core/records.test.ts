import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type * as z from 'zod'
import {
  ledgerEntry,
  lockRecord,
  machineRecord,
  pointRecord,
  revertRecord,
  waitRecord,
} from '../../core/contracts/records.ts'
import {
  capturing,
  captured,
  complete,
  disksOf,
  machineRecordOf,
  MACHINE,
  NOW,
  planned,
  POINT,
  reserved,
  reverted,
  REVERT,
  RUN,
  snapshotOf,
  specification,
  swapping,
  swapsOf,
  volumeOf,
} from './samples.ts'

const failure = { error: 'SnapshotFailed', cause: 'key disabled' }
const failedPoint = { ...reserved(), state: 'failed', failedAt: NOW, failure }
const failedRevert = { ...planned(), state: 'failed', failedAt: NOW, failure }
const lock = { version: 1, machine: MACHINE, owner: RUN, takenAt: NOW }
const wait = {
  version: 1,
  resource: snapshotOf(1),
  token: 't',
  kind: 'snapshots-completed',
  resources: [snapshotOf(1)],
  registeredAt: NOW,
}
const entry = {
  version: 1,
  run: RUN,
  machine: MACHINE,
  item: 'volume:/dev/sdf',
  purpose: 'x',
  openedAt: NOW,
  deadline: NOW,
}

const RECORDS: [string, z.ZodType, object][] = [
  ['machine', machineRecord, machineRecordOf()],
  [
    'machine with a last point',
    machineRecord,
    { ...machineRecordOf(), lastCompletePoint: { point: POINT, capturedAt: NOW } },
  ],
  ['reserved point', pointRecord, reserved()],
  ['capturing point', pointRecord, capturing()],
  ['captured point', pointRecord, captured()],
  ['complete point', pointRecord, complete()],
  ['failed point', pointRecord, failedPoint],
  ['planned revert', revertRecord, planned(swapsOf(2, false))],
  ['swapping revert', revertRecord, swapping()],
  ['reverted revert', revertRecord, reverted()],
  ['undone revert', revertRecord, reverted(swapsOf(2), { undoneBy: REVERT })],
  ['failed revert', revertRecord, failedRevert],
  ['lock', lockRecord, lock],
  ['wait', waitRecord, wait],
  ['ledger entry', ledgerEntry, entry],
]

test.each(RECORDS)('a %s parses, and is the same after JSON', (_, schema, record) => {
  expect(schema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record)
})

test.each(RECORDS)(
  'a %s of another schema version, or with a field that nobody knows, does not parse',
  (_, schema, record) => {
    expect(schema.safeParse({ ...record, version: 2 }).success).toBe(false)
    expect(schema.safeParse({ ...record, surprise: true }).success).toBe(false)
  },
)

const without = (record: object, field: string): object =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== field))

describe('an illegal state does not parse', () => {
  test.each<[string, z.ZodType, object]>([
    ['a complete point without the instant of its completion', pointRecord, without(complete(), 'completedAt')],
    ['a complete point with a member without snapshot', pointRecord, { ...complete(), members: disksOf(2) }],
    ['a complete point without members', pointRecord, { ...complete(), members: [] }],
    ['a captured point that says it is complete', pointRecord, { ...captured(), completedAt: NOW }],
    ['a captured point without its instant', pointRecord, without(captured(), 'capturedAt')],
    ['a reserved point whose members have snapshots', pointRecord, { ...reserved(), members: captured().members }],
    ['a capturing point that does not say when it asked', pointRecord, without(capturing(), 'askedAt')],
    ['a failed point without a reason', pointRecord, without(failedPoint, 'failure')],
    ['a point in no known state', pointRecord, { ...reserved(), state: 'done' }],
    ['a point with an instant in local time', pointRecord, { ...reserved(), reservedAt: '2026-03-01T02:00:00+01:00' }],
    ['a swapping revert that does not say since when', revertRecord, without(swapping(), 'swapStartedAt')],
    ['a planned revert that swaps', revertRecord, { ...planned(), swapStartedAt: NOW }],
    ['a reverted revert without the end of its undo', revertRecord, without(reverted(), 'undoUntil')],
    ['a revert to nowhere', revertRecord, without(planned(), 'target')],
    ['a revert of no disk', revertRecord, planned([])],
    ['a wait for nothing', waitRecord, { ...wait, resources: [] }],
    ['a wait of no known kind', waitRecord, { ...wait, kind: 'sleep' }],
    ['a lock whose owner is no run', lockRecord, { ...lock, owner: 'me' }],
  ])('%s', (_, schema, record) => {
    expect(schema.safeParse(record).success).toBe(false)
  })
})

describe('whatever the machine is like', () => {
  // A tag of the name __proto__ is dropped by zod, which guards against it.
  const key = fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name !== '__proto__')
  const tags = fc.dictionary(key, fc.string({ maxLength: 20 }), { maxKeys: 4 })
  const disk = fc.record({
    type: fc.constantFrom('gp2', 'gp3', 'io2', 'st1'),
    sizeGiB: fc.integer({ min: 1, max: 65_536 }),
    iops: fc.option(fc.integer({ min: 100, max: 256_000 }), { nil: undefined }),
    encrypted: fc.boolean(),
    tags,
    flag: fc.boolean(),
    mountPoints: fc.option(fc.array(fc.string()), { nil: undefined }),
  })
  const members = fc.array(disk, { minLength: 1, maxLength: 11 }).map((list) =>
    disksOf(list.length).map((base, index) => {
      const { type, sizeGiB, iops, encrypted, tags: own, flag, mountPoints } = list[index]!
      return {
        ...base,
        deleteOnTermination: flag,
        specification: specification({ type, sizeGiB, encrypted, tags: own, ...(iops === undefined ? {} : { iops }) }),
        ...(mountPoints === undefined ? {} : { mountPoints }),
      }
    }),
  )
  const time = fc
    .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString())

  test('a point in any state comes back from JSON as it was', () => {
    fc.assert(
      fc.property(members, time, fc.nat(4), (disks, at, which) => {
        const states = [
          reserved(disks),
          capturing(disks, at),
          captured(disks, at),
          complete(disks, at),
          { ...reserved(disks), state: 'failed', failedAt: at, failure },
        ]
        const point = states[which]!
        expect(pointRecord.parse(JSON.parse(JSON.stringify(point)))).toEqual(point)
      }),
    )
  })

  test('a revert comes back from JSON as it was', () => {
    fc.assert(
      fc.property(members, time, fc.boolean(), (disks, at, made) => {
        const swaps = disks.map(({ device, role, volume, deleteOnTermination, specification: wanted }, index) => ({
          device,
          role,
          outgoing: { volume, deleteOnTermination },
          incoming: {
            ...(made ? { volume: volumeOf(index + 200) } : {}),
            deleteOnTermination,
            from: { snapshot: snapshotOf(index), specification: wanted },
          },
        }))
        const revert = { ...swapping(swaps), swapStartedAt: at }
        expect(revertRecord.parse(JSON.parse(JSON.stringify(revert)))).toEqual(revert)
      }),
    )
  })
})
