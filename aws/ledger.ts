import { ledgerEntry, type LedgerEntry } from '../core/contracts/records.ts'
import type { Ledger } from '../core/ports.ts'
import { recordIn } from './records.ts'
import type { Item, Key, Table } from './table.ts'

const keyOf = ({ run, item }: Pick<LedgerEntry, 'run' | 'item'>): Key => ({ pk: `RUN#${run}`, sk: `LEDGER#${item}` })

const parse = (item: Item): LedgerEntry => recordIn(ledgerEntry, item)

export const dynamodbLedger = (table: Table): Ledger => ({
  async open(entry) {
    // A repeated call must not forget the resource that the entry names. While it names none, its instant is that of the
    // last try: until well after it, what the try made may still appear.
    await table.put(
      keyOf(entry),
      { ...entry, openKind: 'LEDGER', openSince: entry.openedAt },
      { expression: 'attribute_not_exists(#resource)', names: { '#resource': 'resource' } },
    )
  },
  async made(entry, resource) {
    await table.update(keyOf(entry), 'SET #resource = :resource', {
      expression: 'attribute_exists(pk)',
      names: { '#resource': 'resource' },
      values: { ':resource': resource },
    })
  },
  async close(entry) {
    await table.delete(keyOf(entry))
  },
  async ofRun(run) {
    const { items } = await table.query(`RUN#${run}`, { prefix: 'LEDGER#' })
    return items.map(parse)
  },
  async *all() {
    for await (const page of table.queryIndex('open', 'LEDGER')) yield page.map(parse)
  },
})
