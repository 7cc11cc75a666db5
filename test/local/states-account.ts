import type { HistoryEvent } from '@aws-sdk/client-sfn'
import { autoClock, type Clock } from '../../local/clock.ts'
import type { InvocationAnswer } from '../../local/states/engine.ts'
import { createStates } from '../../local/states/states.ts'
import type { EmittedEvent, Permit } from '../../local/wire/service.ts'

export const START_MS = Date.parse('2026-01-05T08:00:00.000Z')
export const ROLE = 'arn:aws:iam::111122223333:role/machine'

/** What a function does: an answer, or something thrown. */
export type Behaviour = (payload: never, call: number) => unknown

export const ok = (payload: unknown): InvocationAnswer => ({ ok: true, payload })

export const functionError = (errorType: string, errorMessage = 'no'): InvocationAnswer => ({
  ok: false,
  payload: { errorType, errorMessage },
  errorType,
  errorMessage,
  trace: [],
})

/** Step Functions on an auto clock, with functions by name and S3 in a Map. A behaviour's plain result is an answer. */
export function statesAccount(
  functions: Record<string, Behaviour> = {},
  { permit, clock = autoClock(START_MS) }: { permit?: Permit; clock?: Clock } = {},
) {
  const events: EmittedEvent[] = []
  const stored = new Map<string, Uint8Array>()
  const calls: { name: string; payload: unknown; roleArn: string; atMs: number }[] = []
  const states = createStates({
    clock,
    accountId: '111122223333',
    region: 'eu-west-1',
    ...(permit ? { permit } : {}),
    invokeFunction: async (functionArn, payload, roleArn) => {
      const name = functionArn.split(':').at(-1) ?? ''
      calls.push({ name, payload, roleArn, atMs: clock.now() - START_MS })
      const behaviour = functions[name]
      if (!behaviour) throw new Error(`The test has no function ${functionArn}`)
      const result = await clock.holding(async () =>
        behaviour(payload as never, calls.filter((call) => call.name === name).length),
      )
      const answered = typeof result === 'object' && result !== null && 'ok' in result && 'payload' in result
      return answered ? (result as InvocationAnswer) : ok(result)
    },
    objects: {
      read: (bucket, key) => stored.get(`${bucket}/${key}`),
      write: (bucket, key, body) => void stored.set(`${bucket}/${key}`, body),
    },
    emit: (event) => events.push(event),
  })
  /** Calls an API operation, as the wire server does. */
  const api = async <Output = Record<string, unknown>>(operation: string, input: object = {}): Promise<Output> => {
    const run = states.service.operations[operation]
    if (!run) throw new Error(`not implemented: ${operation}`)
    return run(input as never, {} as never) as Output
  }
  const create = async (name: string, definition: object, more: object = {}): Promise<string> => {
    const text = JSON.stringify({ QueryLanguage: 'JSONata', ...definition })
    const made = await api<{ stateMachineArn: string }>('CreateStateMachine', {
      name,
      roleArn: ROLE,
      definition: text,
      ...more,
    })
    return made.stateMachineArn
  }
  const run = async (definition: object, input: unknown = {}) => {
    const arn = states.start(await create('machine', definition), input, 'run')
    return { arn, ...(await states.waitFor(arn)) }
  }
  const history = async (executionArn: string): Promise<HistoryEvent[]> =>
    (await api<{ events: HistoryEvent[] }>('GetExecutionHistory', { executionArn, maxResults: 1000 })).events
  const objectOf = (path: string): unknown => {
    const body = stored.get(path)
    return body && (JSON.parse(Buffer.from(body).toString()) as unknown)
  }
  const elapsedMs = (): number => clock.now() - START_MS
  return { clock, states, events, stored, calls, api, create, run, history, objectOf, elapsedMs }
}

/** A machine of the given states, which starts with the first. */
export const machine = (states: Record<string, object>, more: object = {}) => ({
  StartAt: Object.keys(states)[0],
  States: states,
  ...more,
})

export const invoke = (name: string, payload: unknown = '{% $states.input %}', more: object = {}) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Arguments: { FunctionName: `arn:aws:lambda:eu-west-1:111122223333:function:${name}`, Payload: payload },
  Output: '{% $states.result.Payload %}',
  ...more,
})

export const invokeWithToken = (name: string, more: object = {}) => ({
  ...invoke(name, { token: '{% $states.context.Task.Token %}' }),
  Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
  Output: '{% $states.result %}',
  ...more,
})
