import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dynamodbLedger } from '../../aws/ledger.ts'
import { dynamodbLocks } from '../../aws/locks.ts'
import { dynamodbWaits } from '../../aws/waits.ts'
import { plusMs } from '../../core/instants.ts'
import type { Ledger, Locks, Waits } from '../../core/ports.ts'
import { waitRecords } from '../../core/waits.ts'
import { MACHINE, NOW, runOf, snapshotOf, volumeOf } from '../core/samples.ts'
import { everything, startCatalogTable, type CatalogTable } from './catalog-table.ts'

let dynamodb: CatalogTable
let alive: Set<string>
let onQuestion: () => Promise<void>
let locks: Locks
let ledger: Ledger
let waits: Waits

const isRunning = async (run: string): Promise<boolean> => {
  await onQuestion()
  return alive.has(run)
}

beforeAll(async () => {
  dynamodb = await startCatalogTable()
  locks = dynamodbLocks(dynamodb.table, { isRunning })
  ledger = dynamodbLedger(dynamodb.table)
  waits = dynamodbWaits(dynamodb.table)
})
afterAll(() => dynamodb.close())
beforeEach(() => {
  alive = new Set([runOf('one'), runOf('two'), runOf('three')])
  onQuestion = async () => {}
})

let machineCount = 0
const newMachine = (): string => `i-${(machineCount += 1).toString(16).padStart(17, '0')}`
const acquire = (machine: string, run: string) =>
  locks.acquire({ version: 1, machine, owner: runOf(run), takenAt: NOW })

describe('the lock of a machine', () => {
  test('is held by one run, which may take it again', async () => {
    const machine = newMachine()
    await acquire(machine, 'one')
    await acquire(machine, 'one')
    await expect(acquire(machine, 'two')).rejects.toMatchObject({
      name: 'MachineBusy',
      message: expect.stringContaining(runOf('one')),
    })
    expect(await locks.owner(machine)).toBe(runOf('one'))
  })

  test('is taken over from a dead owner, and then the dead one cannot let it go', async () => {
    const machine = newMachine()
    await acquire(machine, 'one')
    alive.delete(runOf('one'))
    expect(await locks.owner(machine)).toBeUndefined()
    await acquire(machine, 'two')
    await locks.release(machine, runOf('one'))
    expect(await locks.owner(machine)).toBe(runOf('two'))
    await expect(acquire(machine, 'three')).rejects.toMatchObject({ name: 'MachineBusy' })
  })

  test('is taken over from a dead owner by one run only', async () => {
    const machine = newMachine()
    await acquire(machine, 'one')
    alive.delete(runOf('one'))
    // Between the question and the take-over another run is faster.
    onQuestion = async () => {
      onQuestion = async () => {}
      await acquire(machine, 'three')
    }
    await expect(acquire(machine, 'two')).rejects.toMatchObject({ name: 'MachineBusy' })
    expect(await locks.owner(machine)).toBe(runOf('three'))
  })

  test('is free after its owner lets go, and letting go twice is letting go', async () => {
    const machine = newMachine()
    await acquire(machine, 'one')
    await locks.release(machine, runOf('one'))
    await locks.release(machine, runOf('one'))
    await acquire(machine, 'two')
  })

  test('that does not parse is our mistake, not a machine for everybody', async () => {
    const machine = newMachine()
    await dynamodb.write(
      { pk: `MACHINE#${machine}`, sk: 'LOCK' },
      { version: 1, machine, owner: 'somebody', takenAt: NOW },
    )
    await expect(acquire(machine, 'one')).rejects.toMatchObject({
      name: 'ContractBroken',
      message: expect.stringContaining('owner: '),
    })
  })
})

describe('the ledger', () => {
  let runCount = 0
  let run: string
  beforeEach(() => {
    runCount += 1
    run = runOf(`ledger-${runCount}`)
  })
  const entry = (item = 'volume:/dev/sdf', openedAt = NOW) => ({
    version: 1 as const,
    run,
    machine: MACHINE,
    item,
    purpose: 'x',
    openedAt,
    deadline: plusMs(NOW, 86_400_000),
  })

  test('holds what is about to be made, names it once it is made, and forgets it when it is handed over', async () => {
    await ledger.open(entry())
    expect(await ledger.ofRun(run)).toEqual([entry()])
    await ledger.made(entry(), volumeOf(1))
    expect(await ledger.ofRun(run)).toEqual([{ ...entry(), resource: volumeOf(1) }])
    await ledger.close(entry())
    await ledger.close(entry())
    expect(await ledger.ofRun(run)).toEqual([])
  })

  test('does not forget what was made when the item is opened again', async () => {
    await ledger.open(entry())
    await ledger.made(entry(), volumeOf(1))
    await ledger.open(entry('volume:/dev/sdf', plusMs(NOW, 1)))
    expect(await ledger.ofRun(run)).toEqual([{ ...entry(), resource: volumeOf(1) }])
  })

  test('has the instant of the last try while nothing is known to be made', async () => {
    await ledger.open(entry())
    await ledger.open(entry('volume:/dev/sdf', plusMs(NOW, 60_000)))
    expect(await ledger.ofRun(run)).toMatchObject([{ openedAt: plusMs(NOW, 60_000) }])
  })

  test('does not come back to life when a late answer names what is closed', async () => {
    await ledger.made(entry(), volumeOf(1))
    expect(await ledger.ofRun(run)).toEqual([])
  })

  test('lists the entries of all runs', async () => {
    await ledger.open(entry('volume:/dev/sdf'))
    await ledger.open(entry('volume:/dev/sdg'))
    const all = await everything(ledger.all())
    expect(all.filter((found) => found.run === run).map(({ item }) => item)).toEqual([
      'volume:/dev/sdf',
      'volume:/dev/sdg',
    ])
  })

  test('with an entry that does not parse is our mistake', async () => {
    await dynamodb.write({ pk: `RUN#${run}`, sk: 'LEDGER#x' }, { ...entry(), deadline: 'soon' })
    await expect(ledger.ofRun(run)).rejects.toMatchObject({
      name: 'ContractBroken',
      message: expect.stringContaining('deadline: '),
    })
  })
})

describe('the waits', () => {
  const both = [snapshotOf(1), snapshotOf(2)]
  const forBoth = (token: string) =>
    waitRecords({ token, kind: 'snapshots-completed', resources: both, registeredAt: NOW })

  test('are found by each of their resources, and forgotten under all of them', async () => {
    const long = 'x'.repeat(2048)
    await waits.register(forBoth('one'))
    await waits.register(forBoth('one'))
    await waits.register(forBoth(long))
    for (const resource of both)
      expect(new Set((await waits.waitingFor(resource)).map(({ token }) => token))).toEqual(new Set(['one', long]))
    const [found] = (await waits.waitingFor(snapshotOf(2))).filter(({ token }) => token === 'one')
    await waits.forget(waitRecords(found!))
    for (const resource of both) expect((await waits.waitingFor(resource)).map(({ token }) => token)).toEqual([long])
    await waits.forget(forBoth(long))
    expect(await waits.waitingFor(snapshotOf(1))).toEqual([])
  })

  test('that do not parse are our mistake', async () => {
    await dynamodb.write(
      { pk: `WAIT#${snapshotOf(9)}`, sk: 'TOKEN#x' },
      { version: 1, resource: snapshotOf(9), token: 't' },
    )
    await expect(waits.waitingFor(snapshotOf(9))).rejects.toMatchObject({ name: 'ContractBroken' })
  })
})
