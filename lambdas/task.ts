import type * as z from 'zod'
import { environment } from '../aws/environment.ts'
import { createLog } from '../aws/log.ts'
import type { Contract } from '../core/contracts/contract.ts'
import { isTandemError, TandemError } from '../core/errors.ts'
import { faultsOf } from '../core/parse-request.ts'

/**
 * The one wrapper around every task: parses the input, says in the log what runs for whom, runs it, and parses the output.
 * The ports are made at the first call and kept for as long as the Lambda stays warm. Errors leave with their name, which the
 * state machine matches on; what has no name of ours is a defect and keeps its own.
 *
 * @param factory the use case: ports in, function out
 * @param wire the ports, made from the contract's environment
 */
export function task<Input extends z.ZodType, Output extends z.ZodType, Environment extends z.ZodType, Ports>(
  contract: Contract<Input, Output, Environment>,
  factory: (ports: Ports) => (input: z.output<Input>) => Promise<z.input<Output>>,
  wire: (environment: z.output<Environment>) => Ports,
): (event: unknown) => Promise<z.output<Output>> {
  let run: ((input: z.output<Input>) => Promise<z.input<Output>>) | undefined
  return async (event) => {
    const input = parse(contract.input, event, `The input of ${contract.name}`)
    const log = createLog({ task: contract.name, ...idsOf(input) })
    try {
      run ??= factory(wire(environment(contract.environment)))
      const output = parse(contract.output, await run(input), `The output of ${contract.name}`)
      log.info('done')
      return output
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      log.error('failed', { error: name, message, ...(isTandemError(error) ? { kind: error.kind } : {}) })
      throw error
    }
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new TandemError('ContractBroken', `${what} is not as agreed: ${faultsOf(parsed.error).join('; ')}`)
}

const LOGGED = ['machine', 'point', 'vault', 'disk', 'proxy', 'revert', 'run', 'policy', 'direction']

const idsOf = (input: unknown): Record<string, unknown> =>
  typeof input === 'object' && input !== null
    ? Object.fromEntries(Object.entries(input).filter(([name]) => LOGGED.includes(name)))
    : {}
