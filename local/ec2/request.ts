/** What every EC2 request has in common: DryRun, and parameters that this account does not know. */
import { takeOnly, taking } from '../refusals.ts'
import type { Caller, Operation } from '../wire/service.ts'
import { AwsError } from '../wire/service.ts'
import { checkIds } from './id-formats.ts'
import type { TokenUse } from './model.ts'

/**
 * An operation that takes these parameters alone; any other is refused, and so are malformed ids.
 * The refusal of a DryRun is the answer of AWS, "would have succeeded".
 */
export const operation = <Input extends object>(
  parameters: readonly Extract<keyof Input, string>[],
  run: (input: Input, caller: Caller) => unknown,
): Operation =>
  taking([...parameters, 'DryRun'], unsupported, (input: Input, caller) => {
    checkIds(input)
    if ('DryRun' in input && input.DryRun)
      throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', { status: 412 })
    return run(input, caller)
  })

const unsupported = (name: string): AwsError =>
  new AwsError('UnsupportedOperation', `The parameter ${name} is not supported by this account.`)

/** @throws AwsError UnsupportedOperation for a parameter that is set and not among `parameters`. */
export const supportOnly = (input: object, parameters: readonly string[], of = ''): void =>
  takeOnly(input, parameters, (name) => unsupported(of + name))

/** @throws AwsError MissingParameter */
export function required<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined || value === '')
    throw new AwsError('MissingParameter', `The request must contain the parameter ${name}`)
  return value
}

export const invalidValue = (message: string): AwsError => new AwsError('InvalidParameterValue', message)

/** Remembers, in `made`, what a client token made, so that the same request makes nothing new. */
export class ClientTokens<Made> {
  readonly #made: Map<string, TokenUse<Made>>

  constructor(made: Map<string, TokenUse<Made>>) {
    this.#made = made
  }

  /** What this request made before, in the scope in which the token counts. @throws AwsError IdempotentParameterMismatch */
  earlier(token: string | undefined, input: object, scope = ''): Made | undefined {
    if (token === undefined) return undefined
    if (token.length > 64)
      throw invalidValue(`Invalid value '${token}' for clientToken. It must be 64 characters at most.`)
    const earlier = this.#made.get(`${token} ${scope}`)
    if (earlier && earlier.request !== requestText(input))
      throw new AwsError(
        'IdempotentParameterMismatch',
        'The client token you have provided is associated with a request with different parameters.',
      )
    return earlier?.made
  }

  remember(token: string | undefined, input: object, made: Made, scope = ''): void {
    if (token !== undefined) this.#made.set(`${token} ${scope}`, { request: requestText(input), made })
  }
}

/** The parameters in one order, since a client may send them in any. */
const requestText = (input: object): string =>
  JSON.stringify(Object.entries(input).toSorted(([left], [right]) => (left < right ? -1 : 1)))
