import type { InvocationRequest, InvocationResponse, ListFunctionsResponse } from '@aws-sdk/client-lambda'
import { availableParallelism } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { autoClock, manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createLambda } from '../../local/lambda/lambda.ts'
import type { Lambda } from '../../local/lambda/lambda.ts'
import { Connections } from '../../local/wire/connections.ts'
import { FunctionBundles, ROLE } from './function-bundles.ts'

const START = Date.UTC(2031, 0, 1)
const ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:'

let bundles: FunctionBundles
let faults: Faults
let lambda: Lambda
let clock: Clock

function start(options: { clock?: Clock; sandboxLimit?: number } = {}): void {
  clock = options.clock ?? autoClock(START)
  lambda = createLambda({
    clock,
    accountId: '123456789012',
    region: 'eu-west-1',
    faults,
    connections: new Connections(),
    patienceMs: 500,
    endpoint: () => 'http://127.0.0.1:4566',
    credentialsFor: (roleArn) => ({
      accessKeyId: `ASIA-${roleArn.split('/')[1]}`,
      secretAccessKey: 's',
      sessionToken: 't',
    }),
    ...(options.sandboxLimit === undefined ? {} : { sandboxLimit: options.sandboxLimit }),
  })
}

const register = (...order: Parameters<FunctionBundles['configuration']>): string =>
  lambda.register(bundles.configuration(...order))

/** Calls an operation as the wire server would, without the wire. */
async function call<Output>(operation: string, input: object): Promise<Output> {
  const caller = { accountId: '123456789012', region: 'eu-west-1', arn: ROLE, accessKeyId: 'A', requestId: 'R' }
  return (await lambda.service.operations[operation]!(input as never, caller)) as Output
}

beforeEach(() => {
  bundles = new FunctionBundles()
  faults = new Faults()
  start()
})

afterEach(async () => {
  await lambda.close()
  bundles[Symbol.dispose]()
})

test('runs a bundle and gives back its answer', async () => {
  const arn = register('double', 'export const handler = async (event) => ({ twice: event.n * 2 })')
  expect(arn).toBe(`${ARN}double`)
  expect(await lambda.invoke(arn, { n: 21 })).toEqual({ ok: true, payload: { twice: 42 } })
})

test('answers null when the handler returns nothing', async () => {
  expect(await lambda.invoke(register('quiet', 'export const handler = async () => {}'), {})).toEqual({
    ok: true,
    payload: null,
  })
})

test('gives a function the environment of AWS and its own, and nothing of this process', async () => {
  process.env['SECRET_OF_THE_PARENT'] = 'leaked'
  const arn = register('env', 'export const handler = async () => ({ ...process.env })', {
    environment: { TABLE: 'catalog' },
  })
  const { payload } = await lambda.invoke(arn, {})
  delete process.env['SECRET_OF_THE_PARENT']
  expect(payload).toMatchObject({
    TABLE: 'catalog',
    AWS_REGION: 'eu-west-1',
    AWS_LAMBDA_FUNCTION_NAME: 'env',
    AWS_ACCESS_KEY_ID: 'ASIA-worker',
    AWS_SESSION_TOKEN: 't',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
  })
  expect(payload).not.toHaveProperty('SECRET_OF_THE_PARENT')
  expect(payload).not.toHaveProperty('PATH')
})

test('refuses an environment that sets what AWS sets', () => {
  expect(() => register('bad', '', { environment: { AWS_REGION: 'x' } })).toThrow(/reserved keys.*AWS_REGION/)
})

test('keeps a sandbox warm, and starts afresh when the function is registered again', async () => {
  const code = 'let calls = 0; export const handler = async () => (calls += 1)'
  const arn = register('warm', code)
  const before = [await lambda.invoke(arn, {}), await lambda.invoke(arn, {})].map(({ payload }) => payload)
  register('warm', code)
  expect([...before, (await lambda.invoke(arn, {})).payload]).toEqual([1, 2, 1])
})

test('ends an idle sandbox hours after its start, so that its credentials are never about to expire', async () => {
  const manual = manualClock(START)
  await lambda.close()
  start({ clock: manual })
  const count = register('count', 'let calls = 0\nexport const handler = async () => ++calls')
  const calls = async (): Promise<unknown> => (await lambda.invoke(count, {})).payload
  expect([await calls(), await calls()]).toEqual([1, 2])
  await manual.advance(4 * 3_600_000 - 1)
  expect(await calls()).toBe(3)
  await manual.advance(1)
  expect(await calls()).toBe(1)
})

test('runs invocations of one function side by side, each in a sandbox of its own', async () => {
  const arn = register(
    'meet',
    `import { BroadcastChannel } from 'node:worker_threads'
     export const handler = (me) => new Promise((done) => {
       const channel = new BroadcastChannel('meeting-of-two')
       channel.postMessage(me)
       channel.onmessage = ({ data }) => { channel.postMessage(me); channel.close(); done(data) }
     })`,
  )
  const answers = await Promise.all([lambda.invoke(arn, 'a'), lambda.invoke(arn, 'b')])
  expect(answers.map(({ payload }) => payload)).toEqual(['b', 'a'])
})

test('starts no more sandboxes of a function than can work at a time', async () => {
  await lambda.close()
  start({ sandboxLimit: 40 })
  const arn = register(
    'thread',
    "import { threadId } from 'node:worker_threads'; export const handler = async () => threadId",
  )
  const answers = await Promise.all(Array.from({ length: 20 }, () => lambda.invoke(arn, {})))
  expect(new Set(answers.map(({ payload }) => payload)).size).toBeLessThanOrEqual(Math.max(2, availableParallelism()))
})

test('never has more sandboxes than its limit, and still serves every function', async () => {
  await lambda.close()
  start({ sandboxLimit: 2 })
  const code = 'export const handler = async (event) => event'
  const arns = ['a', 'b', 'c', 'd', 'e'].map((name) => register(name, code))
  const answers = await Promise.all([...arns, ...arns].map((arn) => lambda.invoke(arn, arn)))
  expect(answers.map(({ payload }) => payload)).toEqual([...arns, ...arns])
})

test('shows the handler virtual time, and leaves dates otherwise alone', async () => {
  const code = `export const handler = async () => ({
    now: Date.now(), made: new Date().getUTCFullYear(), called: Date().includes('2031'), given: new Date(0).toISOString(),
    kind: new Date() instanceof Date && new Date().constructor === Date, utc: Date.UTC(2000, 0) })`
  const { payload } = await lambda.invoke(register('dates', code), {})
  expect(payload).toMatchObject({
    made: 2031,
    called: true,
    given: '1970-01-01T00:00:00.000Z',
    kind: true,
    utc: 946684800000,
  })
  const { now } = payload as { now: number }
  expect(now).toBeGreaterThanOrEqual(START)
  expect(now).toBeLessThan(START + 10_000)
})

test('reports what a handler throws with its name, message and trace', async () => {
  const code = `class VolumeBusy extends Error { name = 'VolumeBusy' }
    export const handler = async () => { throw new VolumeBusy('vol-1 is attached') }`
  const result = await lambda.invoke(register('throws', code), {})
  expect(result).toMatchObject({ ok: false, errorType: 'VolumeBusy', errorMessage: 'vol-1 is attached' })
  expect(result.trace?.[0]).toContain('vol-1 is attached')
  expect(result.payload).toMatchObject({ errorType: 'VolumeBusy', errorMessage: 'vol-1 is attached' })
})

test.each([
  ['a missing export', 'export const other = 1', 'Runtime.HandlerNotFound'],
  ['a syntax error', 'export const handler = (', 'Runtime.UserCodeSyntaxError'],
  ['a missing module', "import 'nowhere'; export const handler = async () => 1", 'Runtime.ImportModuleError'],
  ['an exit', 'export const handler = async () => process.exit(3)', 'Runtime.ExitError'],
  ['an answer that is not JSON', 'export const handler = async () => 1n', 'Runtime.MarshalError'],
  ['an answer over 6 MiB', "export const handler = async () => 'x'.repeat(7e6)", 'Function.ResponseSizeTooLarge'],
  [
    'a forgotten rejection',
    "export const handler = () => new Promise(() => { Promise.reject('lost') })",
    'Runtime.UnhandledPromiseRejection',
  ],
  [
    'a heap that outgrows its memory',
    'export const handler = async () => { const all = []; for (;;) all.push(new Array(1e5).fill({})) }',
    'Runtime.ExitError',
  ],
])('names %s as AWS does, and works again afterwards', async (_, code, errorType) => {
  const arn = register('breaks', code, { memoryMiB: 128 })
  expect((await lambda.invoke(arn, {})).errorType).toBe(errorType)
  register('breaks', 'export const handler = async () => "fine"')
  expect((await lambda.invoke(arn, {})).payload).toBe('fine')
})

test('ends a handler that never yields after as much real time as its timeout, and says so', async () => {
  const arn = register('endless', 'export const handler = async (go) => { if (go) for (;;); return "rested" }', {
    timeoutSeconds: 1,
  })
  const result = await lambda.invoke(arn, true)
  expect(result.errorType).toBe('Sandbox.Timedout')
  expect(result.errorMessage).toMatch(/^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/)
  expect(lambda.logs('endless')[0]).toMatch(/^\[embedded account\] RequestId: \S+ Ended: for 1 s of real time/)
  expect((await lambda.invoke(arn, false)).payload).toBe('rested')
})

test('keeps the lines that a handler logs, in order', async () => {
  const arn = register(
    'talks',
    "export const handler = async () => { console.log('one %d', 1); console.error('two'); process.stdout.write('three\\n') }",
  )
  await lambda.invoke(arn, {})
  const lines = lambda.logs('talks')
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(/^2031-01-01T00:00:0\d\.\d{3}Z\t[\da-f-]{36}\tINFO\tone 1$/)
  expect(lines[1]).toMatch(/\tERROR\ttwo$/)
  expect(lines[2]).toBe('three')
})

test('refuses a function that does not exist, here or in another Region', async () => {
  const arn = register('here', 'export const handler = async () => 1')
  await expect(lambda.invoke(`${ARN}gone`, {})).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
    status: 404,
  })
  await expect(lambda.invoke(arn.replace('eu-west-1', 'us-east-1'), {})).rejects.toThrow(/Function not found/)
  await expect(lambda.invoke(`${arn}:7`, {})).rejects.toThrow(/Function not found: .*:7/)
})

test('refuses a payload over 6 MiB', async () => {
  const arn = register('small', 'export const handler = async () => 1')
  await expect(lambda.invoke(arn, 'x'.repeat(6 * 1024 * 1024))).rejects.toMatchObject({
    code: 'RequestTooLargeException',
  })
})

test('a planned failure keeps the function from running', async () => {
  const arn = register('counted', 'let calls = 0; export const handler = async () => (calls += 1)')
  faults.onInvocation(({ functionName }) => functionName === 'counted', {
    kind: 'fail',
    error: 'Lambda.ServiceException',
  })
  expect(await lambda.invoke(arn, {})).toMatchObject({ ok: false, errorType: 'Lambda.ServiceException' })
  expect((await lambda.invoke(arn, {})).payload).toBe(1)
})

test('a lost answer lets the function run to its end', async () => {
  const arn = register('counted', 'let calls = 0; export const handler = async () => (calls += 1)')
  faults.onInvocation(() => true, { kind: 'loseAnswer' })
  await expect(lambda.invoke(arn, {})).rejects.toMatchObject({ code: 'SdkClientException' })
  expect((await lambda.invoke(arn, {})).payload).toBe(2)
})

const invoke = (input: Partial<InvocationRequest>): Promise<InvocationResponse> =>
  call('Invoke', { FunctionName: 'api', ...input })

test('answers Invoke with the payload, the error of the function, and the tail of its log', async () => {
  register(
    'api',
    "export const handler = async (e) => { console.log('seen'); if (e.bad) throw new RangeError('bad'); return e }",
  )
  const good = await invoke({ Payload: Buffer.from('{"a":1}'), LogType: 'Tail' })
  expect(good).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' })
  expect(Buffer.from(good.Payload!).toString()).toBe('{"a":1}')
  expect(Buffer.from(good.LogResult!, 'base64').toString()).toMatch(/INFO\tseen$/)
  const bad = await invoke({ Payload: Buffer.from('{"bad":true}') })
  expect(bad.FunctionError).toBe('Unhandled')
  expect(JSON.parse(Buffer.from(bad.Payload!).toString())).toMatchObject({
    errorType: 'RangeError',
    errorMessage: 'bad',
  })
  await expect(invoke({ Payload: Buffer.from('{') })).rejects.toMatchObject({ code: 'InvalidRequestContentException' })
  await expect(invoke({ ClientContext: 'e30=' })).rejects.toMatchObject({ status: 501 })
})

test('an event is answered at once, and tried twice more while the function fails', async () => {
  await lambda.close()
  start({ clock: manualClock(START) })
  register('event', "export const handler = async () => { console.log('tried'); throw new Error('no') }")
  expect(await call('Invoke', { FunctionName: 'event', InvocationType: 'Event' })).toEqual({ StatusCode: 202 })
  const tried = (): number => lambda.logs('event').filter((line) => line.endsWith('tried')).length
  expect(tried()).toBe(0)
  const counts: number[] = []
  for (const ms of [1000, 60_000, 120_000, 3_600_000]) {
    await clock.advance(ms)
    counts.push(tried())
  }
  expect(counts).toEqual([1, 2, 3, 3])
})

test('lists functions in pages and describes each', async () => {
  for (const name of ['c', 'a', 'b']) register(name, 'export const handler = async () => 1')
  const first = await call<ListFunctionsResponse>('ListFunctions', { MaxItems: 2 })
  const second = await call<ListFunctionsResponse>('ListFunctions', { MaxItems: 2, Marker: first.NextMarker })
  expect([...first.Functions!, ...second.Functions!].map((fn) => fn.FunctionName)).toEqual(['a', 'b', 'c'])
  expect(second.NextMarker).toBeUndefined()
  expect(await call('GetFunctionConfiguration', { FunctionName: `${ARN}a` })).toMatchObject({
    FunctionArn: `${ARN}a`,
    Timeout: 20,
    State: 'Active',
    LastModified: '2031-01-01T00:00:00.000+0000',
  })
})
