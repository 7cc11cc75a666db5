/**
 * AWS Lambda of the embedded account: runs the very bundles that would be deployed, each in worker threads of its own with
 * the environment that AWS gives and nothing else. An invocation holds the clock while it works, and lets it go while it waits.
 */
import type { Durable } from '../durability.ts'
import type { MayAssume, Service } from '../wire/service.ts'
import { lambdaAccess } from './access.ts'
import { invalidParameter } from './errors.ts'
import type { FunctionConfiguration } from './functions.ts'
import { lambdaOperations } from './operations.ts'
import { LambdaRuntime } from './runtime.ts'
import type { InvocationResult, LambdaOptions } from './runtime.ts'

export type { FunctionConfiguration } from './functions.ts'

export interface Lambda {
  /** `client-lambda`: Invoke, GetFunction, GetFunctionConfiguration, ListFunctions. */
  readonly service: Service
  /**
   * Adds a function, or replaces the one of that name (its warm sandboxes end). Returns its ARN.
   * @throws AwsError InvalidParameterValueException, also for a role that Lambda cannot have
   */
  register(configuration: FunctionConfiguration): string
  /**
   * Runs a function to its end. Throws AwsError: `ResourceNotFoundException`, `TooManyRequestsException`,
   * `RequestTooLargeException`, and `SdkClientException` for an answer that was lost on purpose.
   */
  invoke(functionArn: string, payload: unknown): Promise<InvocationResult>
  /** Log lines of a function, newest last; the oldest are dropped beyond 1,000. */
  logs(functionName: string): readonly string[]
  close(): Promise<void>
  /** Functions with their configurations; their bundles stay where they were registered from. */
  readonly durable: Durable
}

interface LambdaServiceOptions extends LambdaOptions {
  /** Asked about the role of a function; without it every role is good. */
  readonly mayAssume?: MayAssume
}

export function createLambda(options: LambdaServiceOptions): Lambda {
  const runtime = new LambdaRuntime(options)
  return {
    service: {
      sdk: () => import('@aws-sdk/client-lambda'),
      clientName: 'LambdaClient',
      signingName: 'lambda',
      operations: lambdaOperations(runtime, options.clock),
      access: lambdaAccess,
    },
    register(configuration) {
      if (!(options.mayAssume?.(configuration.roleArn) ?? true))
        throw invalidParameter('The role defined for the function cannot be assumed by Lambda.')
      return runtime.register(configuration)
    },
    invoke: (functionArn, payload) => runtime.invoke(functionArn, payload),
    logs: (functionName) => runtime.logs(functionName),
    close: () => runtime.close(),
    durable: {
      name: 'lambda',
      save: () => runtime.functions,
      restore(saved) {
        for (const [name, registered] of saved as typeof runtime.functions) runtime.functions.set(name, registered)
      },
    },
  }
}
