import type * as z from 'zod'

/**
 * What crosses the border of a Lambda: its input, its output and its environment. The state machine, the handler, the CDK
 * construct and the tests all read the same contract.
 */
export interface Contract<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
  Environment extends z.ZodType = z.ZodType,
> {
  /** The state's name; `lambdas/<kebab-case>.ts` is its file. */
  readonly name: string
  readonly input: Input
  readonly output: Output
  readonly environment: Environment
}

export const contract = <Input extends z.ZodType, Output extends z.ZodType, Environment extends z.ZodType>(
  definition: Contract<Input, Output, Environment>,
): Contract<Input, Output, Environment> => definition
