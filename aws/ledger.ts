import { ledgerEntry, type LedgerEntry } from '../core/contracts/records.ts'
import type { Ledger } from '../core/ports.ts'
import type { Item, Key, Table } from './table.ts'

const keyOf = ({ run, item }: Pick<LedgerEntry, 'run' | 'item'>): Key => ({ pk: `RUN#${run}`, sk: `LEDGER#${item}` })

function parse(stored: Item): LedgerEntry {
  const { pk: _, sk: __, openKind: ___, openSince: ____, ...entry } = stored
  return ledgerEntry.parse(entry)
}

export const dynamodbLedger = (table: Table): Ledger => ({
  async open(entry) {
    // An entry that is there already may name its resource: a repeated call must not forget it.
    await table.put(
      keyOf(entry),
      { ...entry, openKind: 'LEDGER', openSince: entry.openedAt },
      { expression: 'attribute_not_exists(pk)' },
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
