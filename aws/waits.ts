import { createHash } from 'node:crypto'
import { waitRecord, type WaitRecord } from '../core/contracts/records.ts'
import type { Waits } from '../core/ports.ts'
import { recordIn } from './records.ts'
import type { Key, Table } from './table.ts'

/** A token may be 2,048 characters long, a sort key 1,024 bytes. */
const keyOf = ({ resource, token }: Pick<WaitRecord, 'resource' | 'token'>): Key => ({
  pk: `WAIT#${resource}`,
  sk: `TOKEN#${createHash('sha256').update(token).digest('hex')}`,
})

export const dynamodbWaits = (table: Table): Waits => ({
  async register(waits) {
    for (const wait of waits) await table.put(keyOf(wait), wait)
  },
  async waitingFor(resource) {
    const { items } = await table.query(`WAIT#${resource}`, { prefix: 'TOKEN#' })
    return items.map((item) => recordIn(waitRecord, item))
  },
  async forget(waits) {
    for (const wait of waits) await table.delete(keyOf(wait))
  },
})
