import { randomUUID } from 'node:crypto'
import type {
  GetFunctionConfigurationRequest,
  GetFunctionRequest,
  GetFunctionResponse,
  InvocationRequest,
  InvocationResponse,
  ListFunctionsRequest,
  ListFunctionsResponse,
} from '@aws-sdk/client-lambda'
import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { tooLarge } from './errors.ts'
import { described } from './functions.ts'
import type { RegisteredFunction } from './functions.ts'
import type { InvocationResult, LambdaRuntime } from './runtime.ts'

/** An asynchronous invocation takes 1 MiB (256 KiB until October 2025). */
const EVENT_BYTES = 1024 * 1024
/** Lambda hands an event to its function a moment later, and again after one and two minutes if the function fails. */
const EVENT_DELAYS_MS = [50, 60_000, 120_000]
const LOG_TAIL_BYTES = 4096
const PAGE_SIZE = 50

function refuse(parameters: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) throw new AwsError('NotImplemented', `This account does not know ${name}`, { status: 501 })
}

function parsePayload(payload: Uint8Array | undefined): unknown {
  if (!payload || payload.length === 0) return {}
  try {
    return JSON.parse(Buffer.from(payload).toString())
  } catch (error) {
    throw new AwsError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${error instanceof Error ? error.message : String(error)}`,
      { fields: { Type: 'User' } },
    )
  }
}

/** Delivers an asynchronous invocation, twice more if it fails; then it is dropped, as without a destination. */
function invokeLater(
  runtime: LambdaRuntime,
  clock: Clock,
  fn: RegisteredFunction,
  payload: unknown,
  attempt = 0,
): void {
  const delayMs = EVENT_DELAYS_MS[attempt]
  if (delayMs === undefined) return
  const again = (): void => invokeLater(runtime, clock, fn, payload, attempt + 1)
  clock.after(delayMs, () => {
    runtime
      .invoke(fn.arn, payload)
      .then((result) => (result.ok ? undefined : again()))
      .catch(again)
  })
}

function answerOf(result: InvocationResult): InvocationResponse {
  return {
    StatusCode: 200,
    ExecutedVersion: '$LATEST',
    ...(result.ok ? {} : { FunctionError: 'Unhandled' }),
    Payload: Buffer.from(JSON.stringify(result.payload)),
  }
}

async function invoke(runtime: LambdaRuntime, clock: Clock, input: InvocationRequest): Promise<InvocationResponse> {
  const { ClientContext, DurableExecutionName, TenantId } = input
  refuse({ ClientContext, DurableExecutionName, TenantId })
  const fn = runtime.find(input.FunctionName ?? '', input.Qualifier)
  if (input.InvocationType === 'DryRun') return { StatusCode: 204 }
  if (input.InvocationType === 'Event') {
    if ((input.Payload?.length ?? 0) > EVENT_BYTES) throw tooLarge(EVENT_BYTES)
    invokeLater(runtime, clock, fn, parsePayload(input.Payload))
    return { StatusCode: 202 }
  }
  const requestId = randomUUID()
  const answer = answerOf(await runtime.invoke(fn.arn, parsePayload(input.Payload), requestId))
  if (input.LogType !== 'Tail') return answer
  const lines = runtime.logs(fn.name).filter((line) => line.includes(requestId))
  const tail = Buffer.from(lines.join('\n')).subarray(-LOG_TAIL_BYTES)
  return { ...answer, LogResult: tail.toString('base64') }
}

function listFunctions(runtime: LambdaRuntime, input: ListFunctionsRequest): ListFunctionsResponse {
  refuse({ MasterRegion: input.MasterRegion })
  const all = [...runtime.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  // The marker is the name of the last function shown.
  const marker = input.Marker === undefined ? undefined : Buffer.from(input.Marker, 'base64url').toString()
  const left = all.filter((fn) => marker === undefined || fn.name > marker)
  const page = left.slice(0, Math.min(input.MaxItems ?? PAGE_SIZE, PAGE_SIZE))
  const last = page.at(-1)
  return {
    Functions: page.map(described),
    ...(last && page.length < left.length ? { NextMarker: Buffer.from(last.name).toString('base64url') } : {}),
  }
}

function getFunction(runtime: LambdaRuntime, input: GetFunctionRequest): GetFunctionResponse {
  const fn = runtime.find(input.FunctionName ?? '', input.Qualifier)
  return { Configuration: described(fn), Code: { RepositoryType: 'S3' } }
}

export function lambdaOperations(runtime: LambdaRuntime, clock: Clock): Operations {
  return {
    Invoke: (input: InvocationRequest) => invoke(runtime, clock, input),
    GetFunction: (input: GetFunctionRequest) => getFunction(runtime, input),
    GetFunctionConfiguration: (input: GetFunctionConfigurationRequest) =>
      described(runtime.find(input.FunctionName ?? '', input.Qualifier)),
    ListFunctions: (input: ListFunctionsRequest) => listFunctions(runtime, input),
  }
}
