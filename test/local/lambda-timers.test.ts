import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { autoClock, type Clock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createLambda, type FunctionConfiguration, type Lambda } from '../../local/lambda/lambda.ts'
import { Connections } from '../../local/wire/connections.ts'
import { FunctionBundles } from './function-bundles.ts'

/** Timers of functions run in virtual time: while a function only waits for them, the clock goes on. */
const START_MS = Date.UTC(2031, 0, 1)
const SECOND_MS = 1000
const HOUR_MS = 3600 * SECOND_MS

let bundles: FunctionBundles
let clock: Clock
let lambda: Lambda
const elapsedMs = (): number => clock.now() - START_MS

function start(sandboxLimit = 6, patienceMs = 10_000): void {
  clock = autoClock(START_MS)
  lambda = createLambda({
    clock,
    accountId: '123456789012',
    region: 'eu-west-1',
    faults: new Faults(),
    connections: new Connections(),
    endpoint: () => 'http://127.0.0.1:4566',
    credentialsFor: () => ({ accessKeyId: 'A', secretAccessKey: 's' }),
    sandboxLimit,
    patienceMs,
  })
}

beforeEach(() => {
  bundles = new FunctionBundles()
  start()
})

afterEach(async () => {
  await lambda.close()
  bundles[Symbol.dispose]()
})

/** Runs a handler's body once; `sleep` is there for it. */
const invoke = (body: string, changes?: Partial<FunctionConfiguration>, name = 'body') =>
  lambda.invoke(register(name, body, changes), {})

const register = (name: string, body: string, changes?: Partial<FunctionConfiguration>): string =>
  lambda.register(
    bundles.configuration(
      name,
      `const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
       export const handler = async (event, context) => { ${body} }`,
      { timeoutSeconds: 900, ...changes },
    ),
  )

describe('a function that sleeps', () => {
  test('lets exactly that much virtual time pass, and finds it in its dates and in the time that it has left', async () => {
    const { payload } = await invoke(`
      const before = [Date.now(), performance.now(), context.getRemainingTimeInMillis()]
      await sleep(600_000)
      const after = [Date.now(), performance.now(), context.getRemainingTimeInMillis()]
      return after.map((ms, index) => ms - before[index])`)
    expect(elapsedMs()).toBe(600 * SECOND_MS)
    const [date = 0, performance = 0, remaining = 0] = payload as number[]
    // And the real time that it has run.
    for (const passed of [date, performance, -remaining]) {
      expect(passed).toBeGreaterThanOrEqual(600 * SECOND_MS)
      expect(passed).toBeLessThan(605 * SECOND_MS)
    }
  })

  test.each([
    ['setTimeout', 'await sleep(5000)'],
    ['setTimeout of node:timers', 'await new Promise((done) => timers.setTimeout(done, 5000))'],
    ['a named import', 'await delay(5000)'],
    ['util.promisify', 'await promisify(setTimeout)(5000)'],
    ['scheduler.wait', 'await scheduler.wait(5000)'],
    [
      'setInterval',
      'let left = 5; await new Promise((d) => { const i = setInterval(() => --left || (clearInterval(i), d()), 1000) })',
    ],
    ['an interval of promises', 'let left = 5; for await (const _ of every(1000)) if (--left === 0) break'],
    ['AbortSignal.timeout', "await new Promise((done) => AbortSignal.timeout(5000).addEventListener('abort', done))"],
    ['refresh', 'await new Promise((d) => { const t = setTimeout(d, 4000); setTimeout(() => t.refresh(), 1000) })'],
  ])('may use %s', async (_, body) => {
    const arn = lambda.register(
      bundles.configuration(
        'ways',
        `import timers from 'node:timers'
         import { scheduler, setInterval as every, setTimeout as delay } from 'node:timers/promises'
         import { promisify } from 'node:util'
         const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
         export const handler = async () => { ${body} }`,
      ),
    )
    expect(await lambda.invoke(arn, {})).toMatchObject({ ok: true })
    expect(elapsedMs()).toBe(5 * SECOND_MS)
  })

  test('has its timers in order of time, each with what it promises before the next, and none that was cleared', async () => {
    const { payload } = await invoke(`
      const order = []
      const note = (name) => () => { order.push(name); Promise.resolve().then(() => order.push(name + '.')) }
      setTimeout(note('c'), 3000)
      setTimeout(note('a'), 1000)
      setTimeout(note('b'), 1000)
      clearTimeout(setTimeout(note('cleared'), 500))
      clearTimeout(+setTimeout(note('cleared by its number'), 500))
      await sleep(4000)
      return order`)
    expect(payload).toEqual(['a', 'a.', 'b', 'b.', 'c', 'c.'])
    expect(elapsedMs()).toBe(4 * SECOND_MS)
  })

  test('keeps what it knows across its timers, and a promise of a timer can be aborted', async () => {
    const arn = lambda.register(
      bundles.configuration(
        'context',
        `import { AsyncLocalStorage } from 'node:async_hooks'
         import { setTimeout as delay } from 'node:timers/promises'
         const storage = new AsyncLocalStorage()
         export const handler = () => storage.run('kept', async () => {
           const known = await new Promise((done) => setTimeout(() => done(storage.getStore()), 1000))
           const aborted = await delay(60_000, 'late', { signal: AbortSignal.timeout(2000) }).catch(({ name }) => name)
           return [known, await delay(1000, 'value'), aborted]
         })`,
      ),
    )
    expect((await lambda.invoke(arn, {})).payload).toEqual(['kept', 'value', 'AbortError'])
    expect(elapsedMs()).toBe(4 * SECOND_MS)
  })

  test('goes on in order with everything else that waits', async () => {
    const arn = register('order', 'await sleep(event); return event')
    const order: unknown[] = []
    const note = async (work: Promise<unknown>, name: unknown) => order.push((await work, name))
    await Promise.all([
      note(lambda.invoke(arn, 30 * SECOND_MS), 'a function of 30 seconds'),
      note(lambda.invoke(arn, 10 * SECOND_MS), 'a function of 10 seconds'),
      note(clock.sleep(20 * SECOND_MS), '20 seconds'),
      note(clock.sleep(40 * SECOND_MS), '40 seconds'),
    ])
    expect(order).toEqual(['a function of 10 seconds', '20 seconds', 'a function of 30 seconds', '40 seconds'])
  })

  test('does not keep others from running, however few sandboxes there are', async () => {
    await lambda.close()
    start(1)
    const asleep = invoke("await sleep(60_000); return 'rested'", {}, 'sleeper')
    await clock.sleep(SECOND_MS)
    expect((await invoke("return 'done'", {}, 'other')).payload).toBe('done')
    expect(elapsedMs()).toBe(SECOND_MS)
    expect((await asleep).payload).toBe('rested')
    // The places are counted right afterwards.
    expect((await invoke("return 'again'", {}, 'third')).payload).toBe('again')
  })

  test('is frozen between invocations: what is due by then comes with the next one', async () => {
    const arn = register('frozen', "setTimeout(() => console.log('rang'), 5000); await sleep(event); return Date.now()")
    const rings = (): number => lambda.logs('frozen').filter((line) => line.endsWith('rang')).length
    await lambda.invoke(arn, 1)
    await clock.sleep(HOUR_MS)
    expect(rings()).toBe(0)
    const { payload } = await lambda.invoke(arn, 1)
    expect(rings()).toBe(1)
    expect(Number(payload)).toBeGreaterThanOrEqual(START_MS + HOUR_MS)
  })
})

describe('work that the clock cannot see', () => {
  test.each([
    ['the thread pool', "new Promise((done) => pbkdf2('a', 'b', 100_000, 32, 'sha512', () => done('work')))"],
    ['compression', "new Promise((done) => gzip(Buffer.alloc(5e6), () => done('work')))"],
    ['a file', "readFile(process.execPath).then(() => 'work')"],
    ['immediates', "(async () => { for (let n = 0; n < 1000; n++) await immediate(); return 'work' })()"],
    ['a name to look up', "lookup('localhost').then(() => 'work', () => 'work')"],
    ['a connection', "new Promise((done) => connect(Number(process.env.PORT)).on('data', () => done('work')))"],
  ])('%s keeps the clock standing until it is done', async (_, work) => {
    const { createServer } = await import('node:net')
    const server = createServer((socket) => setTimeout(() => socket.end('late'), 50))
    await new Promise<void>((done) => server.listen(0, done))
    const address = server.address()
    const PORT = String(typeof address === 'object' && address ? address.port : 0)
    const arn = lambda.register(
      bundles.configuration(
        'works',
        `import { pbkdf2 } from 'node:crypto'
         import { lookup } from 'node:dns/promises'
         import { readFile } from 'node:fs/promises'
         import { connect } from 'node:net'
         import { setImmediate as immediate } from 'node:timers/promises'
         import { gzip } from 'node:zlib'
         export const handler = () =>
           Promise.race([${work}, new Promise((done) => setTimeout(() => done('timer'), 60_000))])`,
        { environment: { PORT } },
      ),
    )
    expect((await lambda.invoke(arn, {})).payload).toBe('work')
    expect(elapsedMs()).toBe(0)
    server.close()
  })
})

test('says so when it waits for time that somebody holds', async () => {
  await lambda.close()
  start(1, 50)
  const release = clock.hold()
  const asleep = invoke('await sleep(500)', { timeoutSeconds: 1 })
  await expect
    .poll(() => lambda.logs('body'), { timeout: 10_000 })
    .toContainEqual(expect.stringContaining('the clock is held: by whom'))
  release()
  expect(await asleep).toMatchObject({ ok: true })
})

describe("a function's timeout", () => {
  test.each([
    ['sleeps longer', 'await sleep(HOUR)'],
    ['waits for what never comes', 'await new Promise(() => {})'],
    ['sleeps again and again', 'for (;;) await sleep(400)'],
  ])('strikes one that %s, in virtual time (AWS facts C.5)', async (_, body) => {
    const result = await invoke(body.replace('HOUR', String(HOUR_MS)), { timeoutSeconds: 3 })
    expect(result.errorType).toBe('Sandbox.Timedout')
    expect(result.errorMessage).toMatch(/^RequestId: \S+ Error: Task timed out after 3\.00 seconds$/)
    expect(elapsedMs()).toBe(3 * SECOND_MS)
  })

  test('leaves alone one that sleeps for less, and counts for each invocation anew', async () => {
    const arn = register('short', 'await sleep(2900); return "rested"', { timeoutSeconds: 3 })
    for (const _ of ['first', 'second']) expect((await lambda.invoke(arn, {})).payload).toBe('rested')
    expect(elapsedMs()).toBe(5.8 * SECOND_MS)
  })
})
