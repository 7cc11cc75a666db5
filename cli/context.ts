import type { Operator } from '../aws/operator.ts'
import { collect } from '../aws/paging.ts'
import { askEach } from '../core/at-once.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** What a command works with. The operator is asked for when it is needed: `policy check` needs none. */
export interface Context {
  readonly terminal: Terminal
  readonly operator: (deployment: string) => Promise<Operator>
  /** ISO 8601. */
  readonly now: () => string
  readonly sleep: (ms: number) => Promise<void>
  /** Throws PolicyFileInvalid. */
  readonly readFile: (path: string) => string
}

/** Options of every command. */
export interface CommonOptions {
  readonly deployment: string
  readonly json: boolean
}

/** Prints a value as JSON for programs, or as text for people. */
export function print({ terminal }: Context, { json }: CommonOptions, value: unknown, text: () => string): void {
  terminal.out(json ? JSON.stringify(value, undefined, 2) : text())
}

/** A table on the output stream. */
export const tableFor = ({ terminal }: Context, columns: readonly string[], rows: readonly string[][]): string =>
  table(columns, rows, terminal.outColors.bold)

/** Everything of a paged answer. */
export const all = <T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> => collect(pages, (page) => page)

/** What `ask` answers for each item; so many calls at a time that hundreds of machines take seconds, and none is throttled. */
export const each = <T, Answer>(items: readonly T[], ask: (item: T) => Promise<Answer>): Promise<Answer[]> =>
  askEach(items, 8, ask)
