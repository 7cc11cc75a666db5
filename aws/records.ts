import type * as z from 'zod'
import { TABLE } from '../core/contracts/table.ts'
import { TandemError } from '../core/errors.ts'
import { faultsOf } from '../core/parse-request.ts'
import type { Item } from './table.ts'

/** Attributes of the table, not of the record; `machine` sorts an index and is the record's own. */
const TABLE_ATTRIBUTES: readonly string[] = [
  TABLE.partitionKey,
  TABLE.sortKey,
  TABLE.indexes.machines.partitionKey,
  TABLE.indexes.open.partitionKey,
  TABLE.indexes.open.sortKey,
]

/** The record in an item of the catalog. Throws ContractBroken, which names the item and every wrong field. */
export function recordIn<Schema extends z.ZodType>(schema: Schema, item: Item): z.output<Schema> {
  const record = Object.fromEntries(Object.entries(item).filter(([name]) => !TABLE_ATTRIBUTES.includes(name)))
  const parsed = schema.safeParse(record)
  if (parsed.success) return parsed.data
  throw new TandemError(
    'ContractBroken',
    `Catalog item ${String(item['pk'])}/${String(item['sk'])} does not parse: ${faultsOf(parsed.error).join('; ')}`,
  )
}
