import { copyRecord, type CopyRecord } from '../core/contracts/copy-records.ts'
import type { Copies, CopyId } from '../core/copy-ports.ts'
import { msBetween } from '../core/instants.ts'
import { isFinalCopy } from '../core/record-states.ts'
import { already, inStates, NEW, openSince } from './record-writes.ts'
import { recordIn } from './records.ts'
import type { Item, Key, Table } from './table.ts'

const keyOf = ({ machine, point, vault }: Pick<CopyRecord, 'machine' | 'point' | 'vault'>): Key => ({
  pk: `MACHINE#${machine}`,
  sk: `COPY#${point}#${vault}`,
})

const itemOf = (copy: CopyRecord): Item => ({ ...copy, ...openSince('COPY', copy.startedAt, !isFinalCopy(copy)) })

const nameOf = ({ point, vault }: CopyId): string => `The copy of point ${point} to vault ${vault}`

/** The catalog's records of copies (docs/architecture.md, The catalog). */
export function dynamodbCopies(table: Table): Copies {
  const copy = async (machine: string, { point, vault }: CopyId): Promise<CopyRecord | undefined> => {
    const item = await table.get(keyOf({ machine, point, vault }))
    return item && recordIn(copyRecord, item)
  }
  return {
    copy,
    async copies(machine) {
      const { items } = await table.query(`MACHINE#${machine}`, { prefix: 'COPY#' })
      const found = items.map((item) => recordIn(copyRecord, item))
      return found.toSorted((one, other) => msBetween(one.capturedAt, other.capturedAt))
    },
    async *openCopies() {
      for await (const page of table.queryIndex('open', 'COPY')) yield page.map((item) => recordIn(copyRecord, item))
    },
    async startCopy(record, replaced) {
      const condition = replaced ? inStates([replaced.state], replaced.run) : NEW
      const written = await table.put(keyOf(record), itemOf(record), condition)
      return written ? 'moved' : already(await copy(record.machine, record), record, nameOf(record))
    },
    async advanceCopy(from, to) {
      const moved = await table.put(keyOf(to), itemOf(to), inStates(from, to.run))
      return moved ? 'moved' : already(await copy(to.machine, to), to, nameOf(to))
    },
  }
}
