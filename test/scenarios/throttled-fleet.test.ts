import { expect, test } from 'vitest'
import { IMAGE } from '../../demo/machines.ts'
import { catalogItems } from './catalog-items.ts'
import { startWorld } from './world.ts'

/**
 * A fleet that asks for more than the account lets through: a bucket so small that few machines empty it. The back-offs of the
 * SDK and the retries of the state machines refill it.
 */
const MACHINE_COUNT = 6
const SMALL = { capacity: 3, refillPerSecond: 0.5 }
const BOOTED_MS = 5 * 60_000

test('a fleet that is throttled is protected whole, only later (AWS facts A.20)', async () => {
  let throttledCount = 0
  await using world = await startWorld({
    limits: { 'ec2:CreateSnapshots': SMALL },
    onCall: ({ errorCode }) => (throttledCount += errorCode === 'RequestLimitExceeded' ? 1 : 0),
  })
  for (let launched = 0; launched < MACHINE_COUNT; launched += 1)
    await world.fleet.launch({ name: 'web', policy: 'hourly', dataDisks: [{ device: '/dev/sdf' }], userData: '' })
  await world.account.clock.sleep(BOOTED_MS)
  throttledCount = 0
  const { result } = await world.run('protect-fleet', { policy: 'hourly' })
  expect(result, result.cause).toMatchObject({
    status: 'SUCCEEDED',
    output: { protectedCount: MACHINE_COUNT, failedCount: 0 },
  })
  // Six at once: three are let through.
  expect(throttledCount).toBeGreaterThanOrEqual(MACHINE_COUNT - SMALL.capacity)
})

const FLEET_COUNT = 60

test('sixty machines are protected by one run under the token buckets that an account has (AWS facts A.20)', async () => {
  let throttledCount = 0
  await using world = await startWorld({
    onCall: ({ errorCode }) => (throttledCount += errorCode === 'RequestLimitExceeded' ? 1 : 0),
  })
  const machines = world.account.ec2.loadFleet({
    count: FLEET_COUNT,
    imageId: IMAGE,
    instanceType: 'm5.large',
    dataDisks: [{ device: '/dev/sdf', sizeGiB: 1 }],
    tags: () => ({ 'tandem:policy': 'hourly' }),
  })
  const { result } = await world.run('protect-fleet', { policy: 'hourly' })
  expect(result, result.cause).toMatchObject({
    status: 'SUCCEEDED',
    output: { protectedCount: FLEET_COUNT, failedCount: 0 },
  })
  expect(throttledCount).toBeGreaterThan(0)
  const complete = (await catalogItems(world)).filter(
    ({ sk, state }) => String(sk).startsWith('POINT#') && state === 'complete',
  )
  expect(complete.map(({ machine }) => String(machine)).toSorted()).toEqual(machines.toSorted())
})
