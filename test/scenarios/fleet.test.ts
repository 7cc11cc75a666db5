import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dynamodbCatalog } from '../../aws/catalog.ts'
import { PAGE_SIZE } from '../../aws/paging.ts'
import { dynamodbTable } from '../../aws/table.ts'
import type { PointRecord } from '../../core/contracts/records.ts'
import { IMAGE, type MachineOrder } from '../../demo/machines.ts'
import { STACK } from '../../demo/synthesize.ts'
import { implausibleHistories } from './histories.ts'
import { startWorld, type Run, type World } from './world.ts'

/** One run protects every machine of a policy and no other; what is wrong with one machine costs the others nothing. */
let world: World
let dynamodb: DynamoDBClient
const calls: string[] = []
const machines = { running: '', stopped: '', instanceStore: '', rootExcluded: '', untagged: '', nightly: '' }
/** What an hourly run is to protect. */
const hourly = (): string[] => [machines.running, machines.stopped, machines.instanceStore, machines.rootExcluded]

beforeAll(async () => {
  world = await startWorld({ onCall: ({ operation }) => calls.push(operation) })
  const { endpoint, region, credentials } = world.account
  dynamodb = new DynamoDBClient({ endpoint, region, credentials })
})
afterAll(async () => {
  dynamodb.destroy()
  await world.close()
})

const MINUTE_MS = 60_000
const sleepMinutes = (minutes: number): Promise<void> => world.account.clock.sleep(minutes * MINUTE_MS)

/** Newest first. */
async function pointsOf(machine: string): Promise<readonly PointRecord[]> {
  const catalog = dynamodbCatalog(dynamodbTable(dynamodb, `${STACK}-catalog`))
  return (await world.fleet.call(() => catalog.points(machine))).points
}

async function pointCounts(ids: readonly string[]): Promise<number[]> {
  const points = await Promise.all(ids.map(pointsOf))
  for (const { state } of points.flat()) expect(state).toBe('complete')
  return points.map(({ length }) => length)
}

const protectFleet = (policy: string, scheduledAt?: string): Promise<Run> =>
  world.run('protect-fleet', { policy, ...(scheduledAt ? { scheduledAt } : {}) })

const succeeded = (protectedCount: number): object => ({
  status: 'SUCCEEDED',
  output: { protectedCount, failedCount: 0, failures: [] },
})

test('a policy that no machine carries is protected without a single machine', async () => {
  const { result, steps } = await protectFleet('nightly')
  expect(result).toMatchObject({ ...succeeded(0), output: { policy: 'nightly', protectedCount: 0, failedCount: 0 } })
  expect(steps.map(({ state }) => state)).not.toContain('ProtectMachines')
})

describe('a fleet of machines of two policies, and of none', () => {
  beforeAll(launchFleet)

  test('one run of a policy makes one point of each of its machines, running or stopped, and of no other', async () => {
    const { result } = await protectFleet('hourly')
    expect(result, result.cause).toMatchObject(succeeded(4))
    expect(await pointCounts(hourly())).toEqual([1, 1, 1, 1])
    expect(await pointCounts([machines.untagged, machines.nightly])).toEqual([0, 0])
    expect((await world.fleet.describe(machines.stopped)).State?.Name).toBe('stopped')
    for (const machine of hourly()) expect((await pointsOf(machine))[0]).toMatchObject({ machine, policy: 'hourly' })
  })

  test('a point says which disks it does not hold, and why', async () => {
    const rootVolume = world.fleet.volumeAt(await world.fleet.describe(machines.rootExcluded), '/dev/sda1')
    const [withInstanceStore] = await pointsOf(machines.instanceStore)
    expect(withInstanceStore?.unprotected).toEqual([{ device: 'ephemeral0', reason: 'instance-store' }])
    expect(withInstanceStore?.members.map(({ device }) => device)).toEqual(['/dev/sda1', '/dev/sdf'])
    const [withoutRoot] = await pointsOf(machines.rootExcluded)
    expect(withoutRoot?.unprotected).toEqual([{ device: '/dev/sda1', volume: rootVolume, reason: 'excluded-by-tag' }])
    expect(withoutRoot?.members).toMatchObject([{ device: '/dev/sdf', role: 'data' }])
    const [whole] = await pointsOf(machines.running)
    expect(whole?.unprotected).toEqual([])
    expect(whole?.members.map(({ device }) => device)).toEqual(['/dev/sda1', '/dev/sdf', '/dev/sdg'])
  })

  test('a schedule that is delivered twice at once, and again later, makes one point of each machine', async () => {
    const before = await pointCounts(hourly())
    const scheduledAt = '2026-11-23T12:00:00Z'
    const atOnce = await Promise.all([protectFleet('hourly', scheduledAt), protectFleet('hourly', scheduledAt)])
    const later = await protectFleet('hourly', scheduledAt)
    for (const { result } of [...atOnce, later]) expect(result, result.cause).toMatchObject(succeeded(4))
    expect(await pointCounts(hourly())).toEqual(before.map((count) => count + 1))
  })

  test('a machine that is terminated after it was found fails by name; the others have their points', async () => {
    const { account, fleet } = world
    const before = await pointCounts(hourly())
    const lost = machines.instanceStore
    const terminates = { InstanceId: lost, InstanceInitiatedShutdownBehavior: { Value: 'terminate' } }
    await fleet.call(() => fleet.ec2.send(new ModifyInstanceAttributeCommand(terminates)))
    // By its own hand, which is at once: a call to EC2 would race with the first look at the machine.
    account.states.observe(({ state, event }) => {
      if (state === 'ProtectMachines' && event === 'entered') account.ec2.guestPoweredOff(lost)
    })
    const { result } = await protectFleet('hourly')
    expect(result).toMatchObject({ status: 'FAILED', error: 'FleetPartlyProtected' })
    const says = `1 of 4 machines of policy hourly have no new point: ${lost}: MachineTerminated: ${lost} is shutting-down`
    expect(result.cause).toContain(says)
    const others = hourly().map((machine) => (machine === lost ? 0 : 1))
    expect(await pointCounts(hourly())).toEqual(before.map((count, index) => count + (others[index] ?? 0)))
  })
})

test('more machines than fit a page are all found', async () => {
  const { account, fleet } = world
  const { accountId, clock, lambda, region } = account
  const invokeDiscovery = (): ReturnType<typeof lambda.invoke> =>
    lambda.invoke(`arn:aws:lambda:${region}:${accountId}:function:${STACK}-discover-machines`, {
      request: { policy: 'nightly' },
      run: `arn:aws:states:${region}:${accountId}:execution:${STACK}-protect-fleet:paged`,
      startedAt: new Date(clock.now()).toISOString(),
    })
  // Nobody boots: they are asked for, listed and terminated at one instant.
  await clock.holding(async () => {
    const launched = await launchMany(PAGE_SIZE + 1)
    calls.length = 0
    const { payload } = await invokeDiscovery()
    await fleet.ec2.send(new TerminateInstancesCommand({ InstanceIds: launched }))
    const { bucket, key, machineCount } = payload as { bucket: string; key: string; machineCount: number }
    const list = Buffer.from(account.objects.read(bucket, key) ?? []).toString()
    const found = (JSON.parse(list) as { machine: string }[]).map(({ machine }) => machine)
    expect(found.toSorted()).toEqual([machines.nightly, ...launched].toSorted())
    expect(machineCount).toBe(found.length)
    expect(calls.filter((operation) => operation === 'DescribeInstances')).toHaveLength(2)
  })
})

async function launchMany(count: number): Promise<string[]> {
  const { ec2 } = world.fleet
  const Tags = [{ Key: 'tandem:policy', Value: 'nightly' }]
  const order = new RunInstancesCommand({
    ImageId: IMAGE,
    InstanceType: 'm5.large',
    MinCount: count,
    MaxCount: count,
    TagSpecifications: [{ ResourceType: 'instance', Tags }],
  })
  const { Instances = [] } = await ec2.send(order)
  return Instances.map(({ InstanceId = '' }) => InstanceId)
}

/** Machines without a workload; all of them at once, so that they boot in the same minutes. */
async function launchFleet(): Promise<void> {
  const { fleet } = world
  const launch = (order: Partial<MachineOrder>): Promise<string> =>
    fleet.launch({ name: 'web', policy: 'hourly', dataDisks: [{ device: '/dev/sdf' }], userData: '', ...order })
  machines.running = await launch({ dataDisks: [{ device: '/dev/sdf' }, { device: '/dev/sdg' }] })
  machines.stopped = await launch({})
  machines.instanceStore = await launch({ instanceType: 'm5d.large' })
  machines.rootExcluded = await launch({})
  machines.untagged = await fleet.launch({ name: 'cattle', dataDisks: [], userData: '' })
  machines.nightly = await launch({ policy: 'nightly' })
  const rootVolume = fleet.volumeAt(await fleet.describe(machines.rootExcluded), '/dev/sda1')
  await fleet.tag([rootVolume], { 'tandem:exclude': 'true' })
  await sleepMinutes(5)
  await fleet.call(() => fleet.ec2.send(new StopInstancesCommand({ InstanceIds: [machines.stopped] })))
  await sleepMinutes(1)
}

test('all of these executions have histories as Step Functions writes them (AWS facts C.1, C.5)', async () => {
  const { executionCount, problems } = await implausibleHistories(world)
  expect(executionCount).toBeGreaterThan(10)
  expect(problems).toEqual([])
})
