import { lockRecord } from '../core/contracts/records.ts'
import { TandemError } from '../core/errors.ts'
import type { Executions, Locks } from '../core/ports.ts'
import { recordIn } from './records.ts'
import type { Key, Table, Write } from './table.ts'

const keyOf = (machine: string): Key => ({ pk: `MACHINE#${machine}`, sk: 'LOCK' })

/** Part of a transaction that is given up unless the run still has the lock: it may be dead, and another may have taken over. */
export const whileHeld = (machine: string, owner: string): Write => ({
  update: keyOf(machine),
  expression: 'SET #owner = :owner',
  condition: { expression: '#owner = :owner', names: { '#owner': 'owner' }, values: { ':owner': owner } },
})

export function dynamodbLocks(table: Table, executions: Pick<Executions, 'isRunning'>): Locks {
  const owner = async (machine: string): Promise<string | undefined> => {
    const item = await table.get(keyOf(machine))
    return item && recordIn(lockRecord, item).owner
  }
  return {
    async acquire(lock) {
      const key = keyOf(lock.machine)
      const free = { expression: 'attribute_not_exists(pk) OR #owner = :owner', names: { '#owner': 'owner' } }
      const taken = await table.put(key, lock, { ...free, values: { ':owner': lock.owner } })
      if (taken) return
      const holder = await owner(lock.machine)
      if (holder && !(await executions.isRunning(holder))) {
        // Only from the owner that was found dead: another may have taken it over meanwhile, and lives.
        const takenOver = await table.put(key, lock, {
          expression: '#owner = :dead',
          names: { '#owner': 'owner' },
          values: { ':dead': holder },
        })
        if (takenOver) return
      }
      throw new TandemError(
        'MachineBusy',
        `${lock.machine} is being worked on by ${holder ?? 'another run'}. Wait for it to end.`,
      )
    },
    async release(machine, holder) {
      await table.delete(keyOf(machine), {
        expression: '#owner = :owner',
        names: { '#owner': 'owner' },
        values: { ':owner': holder },
      })
    },
    async owner(machine) {
      const holder = await owner(machine)
      return holder && (await executions.isRunning(holder)) ? holder : undefined
    },
  }
}
