import { DescribeSnapshotsCommand, DescribeVolumesCommand } from '@aws-sdk/client-ec2'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { STACK } from '../../demo/synthesize.ts'
import type { EventTarget } from '../../local/faults.ts'
import type { Step } from '../../local/states/engine.ts'
import { catalogItems } from './catalog-items.ts'
import { tracesOf } from './traces.ts'
import { startWorld, type Run, type World } from './world.ts'

/**
 * Events are best effort: they get lost, come twice, late and in any order, and anybody who may invoke a Lambda can forge one.
 * None of this may end a wait early, keep it from ending, or end it twice.
 */
interface Arrival {
  readonly id: string
  readonly detailType: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly atMs: number
}

let world: World
/** A machine that has been protected, and so can be reverted. */
let machine: string
let arrivals: Arrival[] = []
let waitsBefore: readonly string[] = []
/** What a test does when a state is entered. */
let onEntered: (step: Step) => void = () => {}

beforeAll(async () => {
  world = await startWorld()
  const { account } = world
  account.events.observe(({ id, detail, 'detail-type': detailType }) =>
    arrivals.push({ id, detail, detailType, atMs: account.clock.now() }),
  )
  account.states.observe((step) => {
    if (step.event === 'entered') onEntered(step)
  })
  machine = await world.machine({ userData: '' })
  await protect()
})
afterAll(() => world.close())
beforeEach(async () => {
  world.account.faults.clear()
  // What the test before left on its way is to arrive before this one counts.
  await world.account.clock.sleep(MINUTE_MS)
  waitsBefore = await waitsInCatalog()
  onEntered = () => {}
  arrivals = []
})

const protect = (): Promise<Run> => expectSucceeds('protect-machine')
const revert = (): Promise<Run> => expectSucceeds('revert-machine')

async function expectSucceeds(workflow: 'protect-machine' | 'revert-machine'): Promise<Run> {
  const run = await world.run(workflow, { machine })
  expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED' })
  return run
}

/** Nobody waits for this any more: no token is left of it in the catalog. Waits that an earlier test left are not counted. */
async function expectNobodyWaits(): Promise<void> {
  // The last events are on their way yet.
  await world.account.clock.sleep(MINUTE_MS)
  const waits = await waitsInCatalog()
  expect(waits.filter((key) => !waitsBefore.includes(key))).toEqual([])
}

const waitsInCatalog = async (): Promise<string[]> =>
  (await catalogItems(world)).flatMap(({ pk, sk }) =>
    String(pk).startsWith('WAIT#') ? `${String(pk)}/${String(sk)}` : [],
  )

interface Wait {
  readonly lookCount: number
  readonly durationMs: number
  readonly exitedAtMs: number
  /** How often the state was left: a wait ends once. */
  readonly endCount: number
}

function waitIn({ steps }: Run, state: string): Wait {
  const of = (event: Step['event']): Step[] => steps.filter((step) => step.state === state && step.event === event)
  const [entered] = of('entered')
  const [exited] = of('exited')
  if (!entered || !exited) throw new Error(`${state} was not passed through.`)
  return {
    lookCount: 1 + of('retried').filter(({ error }) => error === 'States.Timeout').length,
    durationMs: exited.atMs - entered.atMs,
    exitedAtMs: exited.atMs,
    endCount: of('exited').length,
  }
}

const MINUTE_MS = 60_000
const PROTECT_WAITS = ['ReadMounts', 'AwaitSnapshots']
const REVERT_WAITS = ['AwaitVolumes', 'AwaitStopped', 'AwaitRunning']
const ALWAYS = 1_000_000
const ofEc2 = ({ source }: EventTarget): boolean => source === 'aws.ec2'
const ofSsm = ({ source }: EventTarget): boolean => source === 'aws.ssm'

test('events in time: every wait ends by its event, without a second look', async () => {
  const protection = await protect()
  const reversion = await revert()
  for (const state of PROTECT_WAITS) expectEndedByEvent(waitIn(protection, state), state)
  for (const state of REVERT_WAITS) expectEndedByEvent(waitIn(reversion, state), state)
  await expectNobodyWaits()
})

function expectEndedByEvent(wait: Wait, state: string): void {
  expect(wait, state).toMatchObject({ lookCount: 1, endCount: 1 })
  expect(wait.durationMs, state).toBeGreaterThan(0)
  expect(wait.durationMs, state).toBeLessThan(2 * MINUTE_MS)
}

/** Looked a second time, when its time was up, and found what it waited for. */
function expectEndedByLook(wait: Wait, state: string, lookMs: number): void {
  expect(wait, state).toMatchObject({ lookCount: 2, endCount: 1 })
  expect(wait.durationMs, state).toBeGreaterThanOrEqual(lookMs)
  expect(wait.durationMs, state).toBeLessThan(lookMs + MINUTE_MS)
}

describe('all events lost', () => {
  test('AwaitSnapshots looks again after a quarter of an hour', async () => {
    world.account.faults.onEvent(ofEc2, { kind: 'drop' }, ALWAYS)
    expectEndedByLook(waitIn(await protect(), 'AwaitSnapshots'), 'AwaitSnapshots', 15 * MINUTE_MS)
    expect(arrivals.filter(({ detailType }) => detailType.includes('Snapshot'))).toEqual([])
  })

  test('AwaitSnapshots finds a failure when it looks again', async () => {
    const { account, fleet } = world
    account.faults.onEvent(ofEc2, { kind: 'drop' }, ALWAYS)
    account.ec2.failSnapshot(fleet.volumeAt(await fleet.describe(machine), '/dev/sdf'))
    const { result, steps } = await world.run('protect-machine', { machine })
    expect(result).toMatchObject({ status: 'FAILED', error: 'SnapshotFailed' })
    const looks = steps.filter(({ state, event }) => state === 'AwaitSnapshots' && event === 'retried')
    expect(looks.map(({ error }) => error)).toEqual(['States.Timeout'])
  })

  test('AwaitVolumes, AwaitStopped and AwaitRunning look again after a minute', async () => {
    world.account.faults.onEvent(ofEc2, { kind: 'drop' }, ALWAYS)
    const run = await revert()
    for (const state of REVERT_WAITS) expectEndedByLook(waitIn(run, state), state, MINUTE_MS)
  })

  test('ReadMounts ends, and the machine is protected all the same', async () => {
    world.account.faults.onEvent(ofSsm, { kind: 'drop' }, ALWAYS)
    expect(waitIn(await protect(), 'ReadMounts')).toMatchObject({ endCount: 1 })
  })

  test('leaves no wait in the catalog', async () => {
    world.account.faults.onEvent(ofEc2, { kind: 'drop' }, ALWAYS)
    await protect()
    await expectNobodyWaits()
  })

  test('ReadMounts asks once, and does not hold up the point for an answer that does not come', async () => {
    world.account.faults.onEvent(ofSsm, { kind: 'drop' }, ALWAYS)
    expect(waitIn(await protect(), 'ReadMounts').durationMs).toBeLessThan(3 * MINUTE_MS)
  })
})

test('every event twice: every wait ends once', async () => {
  world.account.faults.onEvent(() => true, { kind: 'duplicate' }, ALWAYS)
  const before = await tracesOf(world, machine)
  const protection = await protect()
  for (const state of PROTECT_WAITS) expectEndedByEvent(waitIn(protection, state), state)
  const reversion = await revert()
  for (const state of REVERT_WAITS) expectEndedByEvent(waitIn(reversion, state), state)
  const ids = arrivals.map(({ id }) => id)
  expect(ids).toHaveLength(2 * new Set(ids).size)
  const after = await tracesOf(world, machine)
  await expectNobodyWaits()
  expect(after.snapshots).toHaveLength(before.snapshots.length + 3)
  expect(after.volumes).toHaveLength(before.volumes.length + 3)
})

/** The first event is delayed most: they arrive in the order opposite to that in which they happened. */
function reverse(matches: (event: EventTarget) => boolean, eventCount: number): void {
  for (let left = eventCount; left > 0; left -= 1)
    world.account.faults.onEvent(matches, { kind: 'delay', delayMs: left * 5_000 })
}

const isState =
  (state: string) =>
  ({ detail }: EventTarget): boolean =>
    detail['state'] === state

describe('events that come late', () => {
  test('the end of the set before the ends of its snapshots', async () => {
    const SET = 'EBS Multi-Volume Snapshots Completion Status'
    reverse(({ detailType }) => detailType.includes('Snapshot'), 4)
    expectEndedByEvent(waitIn(await protect(), 'AwaitSnapshots'), 'AwaitSnapshots')
    await expectNobodyWaits()
    const kinds = arrivals.map(({ detailType }) => detailType).filter((kind) => kind.includes('Snapshot'))
    expect(kinds).toEqual([SET, ...Array.from({ length: 3 }, () => 'EBS Snapshot Notification')])
  })

  test('volumes in the opposite order', async () => {
    reverse(({ detailType }) => detailType === 'EBS Volume Notification', 3)
    expectEndedByEvent(waitIn(await revert(), 'AwaitVolumes'), 'AwaitVolumes')
    expect(world.account.faults.unused).toBe(0)
    await expectNobodyWaits()
  })

  test('"stopped" of the stop, while the machine is starting: it is not taken for a start that failed', async () => {
    world.account.faults.onEvent(isState('stopped'), { kind: 'delay', delayMs: 50_000 })
    const run = await revert()
    const stopped = arrivals.find(({ detail }) => detail['state'] === 'stopped')
    const starting = waitIn(run, 'AwaitRunning')
    expect(stopped?.atMs).toBeGreaterThan(starting.exitedAtMs - starting.durationMs)
    expect(stopped?.atMs).toBeLessThan(starting.exitedAtMs)
  })
})

/** Invokes the Lambda behind the rules, as whoever may do so can, a moment after a state has begun to wait. */
function forgeIn(state: string, detailType: string, detailOf: () => Promise<Record<string, unknown>>): unknown[] {
  const answers: unknown[] = []
  const { account, fleet } = world
  const { accountId, clock, lambda, region } = account
  const forge = async (): Promise<void> => {
    await clock.sleep(1_000)
    const { resources = [], ...detail } = await detailOf()
    const event = { source: 'aws.ec2', 'detail-type': detailType, resources, detail }
    const functionArn = `arn:aws:lambda:${region}:${accountId}:function:${STACK}-wake-waits`
    answers.push(await fleet.call(() => lambda.invoke(functionArn, event)))
  }
  const others = onEntered
  onEntered = (step) => {
    others(step)
    if (step.state === state) void forge()
  }
  return answers
}

/** When the event that tells the truth came. */
const cameAt = (matches: (arrival: Arrival) => boolean): number => arrivals.find(matches)?.atMs ?? Infinity

describe('events that tell of what has not happened', () => {
  const UNMOVED = [{ ok: true, payload: { endedWaitCount: 0 } }]

  test('"the set is complete" while it is pending', async () => {
    const { fleet } = world
    const answers = forgeIn('AwaitSnapshots', 'EBS Multi-Volume Snapshots Completion Status', async () => {
      const pending = new DescribeSnapshotsCommand({ Filters: [{ Name: 'status', Values: ['pending'] }] })
      const { Snapshots = [] } = await fleet.call(() => fleet.ec2.send(pending))
      const ids = Snapshots.map(({ SnapshotId = '' }) => SnapshotId)
      expect(ids).toHaveLength(3)
      const snapshots = ids.map((id) => ({
        snapshot_id: `arn:aws:ec2::eu-central-1:snapshot/${id}`,
        status: 'completed',
      }))
      return { resources: snapshots.map(({ snapshot_id }) => snapshot_id), result: 'succeeded', snapshots }
    })
    const run = await protect()
    expect(answers).toMatchObject(UNMOVED)
    const completed = cameAt(({ detailType }) => detailType.includes('Snapshot'))
    expect(waitIn(run, 'AwaitSnapshots').exitedAtMs).toBeGreaterThanOrEqual(completed)
  })

  test('"available", "stopped" and "running" before it is so', async () => {
    const { fleet } = world
    const STATE = 'EC2 Instance State-change Notification'
    const answers = [
      forgeIn('AwaitVolumes', 'EBS Volume Notification', async () => {
        const creating = new DescribeVolumesCommand({ Filters: [{ Name: 'status', Values: ['creating'] }] })
        const { Volumes = [] } = await fleet.call(() => fleet.ec2.send(creating))
        expect(Volumes).toHaveLength(3)
        return { resources: Volumes.map(({ VolumeId }) => `arn:aws:ec2:::volume/${VolumeId}`), result: 'available' }
      }),
      forgeIn('AwaitStopped', STATE, async () => ({ 'instance-id': machine, state: 'stopped' })),
      forgeIn('AwaitRunning', STATE, async () => ({ 'instance-id': machine, state: 'running' })),
    ]
    const run = await revert()
    for (const answer of answers) expect(answer).toMatchObject(UNMOVED)
    const truths: [string, (arrival: Arrival) => boolean][] = [
      ['AwaitVolumes', ({ detailType }) => detailType === 'EBS Volume Notification'],
      ['AwaitStopped', ({ detail }) => detail['state'] === 'stopped'],
      ['AwaitRunning', ({ detail }) => detail['state'] === 'running'],
    ]
    for (const [state, isTrue] of truths)
      expect(waitIn(run, state).exitedAtMs, state).toBeGreaterThanOrEqual(cameAt(isTrue))
  })

  test('on the bus: in the name of AWS they are refused, in any other they reach nobody', async () => {
    const { account, fleet } = world
    const { endpoint, region, credentials } = account
    const bus = new EventBridgeClient({ endpoint, region, credentials })
    const DetailType = 'EC2 Instance State-change Notification'
    const Detail = JSON.stringify({ 'instance-id': machine, state: 'stopped' })
    const logged = () => account.lambda.logs(`${STACK}-wake-waits`).length
    const before = logged()
    const { FailedEntryCount, Entries } = await fleet.call(() =>
      bus.send(
        new PutEventsCommand({ Entries: ['aws.ec2', 'com.example'].map((Source) => ({ Source, DetailType, Detail })) }),
      ),
    )
    bus.destroy()
    expect(FailedEntryCount).toBe(1)
    expect(Entries?.[0]?.ErrorCode).toBe('NotAuthorizedForSourceException')
    await account.clock.sleep(MINUTE_MS)
    expect(arrivals).toMatchObject([{ detailType: DetailType }])
    expect(logged()).toBe(before)
  })
})

test('a set that fails: the run ends at once with SnapshotFailed, and nothing is left of it', async () => {
  const { account, fleet } = world
  const { snapshots } = await tracesOf(world, machine)
  const { snapshots: count } = account.ec2.counts()
  account.ec2.failSnapshot(fleet.volumeAt(await fleet.describe(machine), '/dev/sdg'))
  const { result, steps } = await world.run('protect-machine', { machine })
  expect(result).toMatchObject({ status: 'FAILED', error: 'SnapshotFailed' })
  expect(result.cause).toMatch(/snap-\w+ of vol-\w+ is error: .*No disk of the point is kept\./)
  expect(steps.filter(({ state, event }) => state === 'AwaitSnapshots' && event === 'retried')).toEqual([])
  expect((await tracesOf(world, machine)).snapshots).toEqual(snapshots)
  expect(account.ec2.counts().snapshots).toBe(count)
  await expectNobodyWaits()
})
