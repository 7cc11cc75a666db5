import type * as z from 'zod'
import { machineId, pointId } from '../core/contracts/identifiers.ts'
import { TandemError } from '../core/errors.ts'
import type { Operator } from '../aws/operator.ts'
import type { Terminal } from './terminal.ts'

/** What a command works with. The operator is asked for when it is needed: `policy check` needs none. */
export interface Context {
  readonly terminal: Terminal
  readonly operator: (deployment: string) => Promise<Operator>
  readonly sleep: (ms: number) => Promise<void>
  readonly readFile: (path: string) => string
}

/** Options of every command. */
export interface CommonOptions {
  readonly deployment: string
  readonly json: boolean
}

/** Prints a value as JSON for programs, or as text for people. */
export function print(context: Context, options: CommonOptions, value: unknown, text: () => string): void {
  context.terminal.out(options.json ? JSON.stringify(value, undefined, 2) : text())
}

function checked(schema: z.ZodType<string>, value: string): string {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new TandemError('InvalidInput', `${value}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`)
}

export const checkedMachine = (value: string): string => checked(machineId, value)
export const checkedPoint = (value: string): string => checked(pointId, value)

/** Everything of a paged answer. */
export async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...page)
  return items
}
