import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { RevertRecord } from '../../../core/contracts/records.ts'
import { revertIdOf } from '../../../core/derived-ids.ts'
import { isTandemError } from '../../../core/errors.ts'
import { planRevert } from '../../../core/use-cases/plan-revert.ts'
import { failOnce, noAnswer, throttled } from '../memory.ts'
import {
  complete,
  deviceOf,
  disksOf,
  MACHINE,
  NOW,
  planned,
  POINT,
  REVERT,
  reverted,
  runOf,
  swapping,
  volumeOf,
} from '../samples.ts'
import { memoryReverts } from './reverts.ts'

/** A dead run left its revert REVERT open (volumes 1, 2 out, 101, 102 in); the run NEXT plans its own. */
const NEXT = runOf('next')
const old = [1, 2].map((number, index) => ({ device: deviceOf(index), volume: volumeOf(number) }))
const fresh = [101, 102].map((number, index) => ({ device: deviceOf(index), volume: volumeOf(number) }))
let world: ReturnType<typeof memoryReverts>

beforeEach(() => begin(swapping()))

function begin(left: RevertRecord | undefined): void {
  world = memoryReverts()
  world.state.alive.add(NEXT)
  world.points.set(POINT, complete(disksOf(2)))
  world.attach(old)
  if (left) {
    for (const { device, volume } of fresh) world.make(volume, REVERT, device)
    world.reverts.set(REVERT, left)
  }
}

const plan = (wanted: object = {}, run = NEXT) =>
  planRevert(world.ports)({ request: { machine: MACHINE, ...wanted }, run, startedAt: NOW })
const left = () => world.reverts.get(REVERT)
const own = async () => world.reverts.get(await revertIdOf(NEXT))

describe('a plan', () => {
  beforeEach(() => begin(undefined))

  test('is written once when its answer was lost, and nobody gets the machine in between', async () => {
    failOnce(world.faults, 'startRevert lost', noAnswer())
    await expect(plan()).rejects.toMatchObject({ name: 'AwsUnavailable' })
    world.state.alive.add(runOf('other'))
    await expect(plan({}, runOf('other'))).rejects.toMatchObject({ name: 'MachineBusy' })
    expect(await plan()).toMatchObject({ revert: await revertIdOf(NEXT), diskCount: 2, wasRunning: true })
    expect(world.reverts.size).toBe(1)
  })

  test('that is refused lets go of the machine', async () => {
    await expect(plan({ point: `pt-${'f'.repeat(20)}` })).rejects.toMatchObject({ name: 'PointNotFound' })
    expect([world.state.holder, world.reverts.size]).toEqual([undefined, 0])
  })

  test('that is refused because another run works on the machine leaves the lock to it', async () => {
    world.state.holder = runOf('other')
    world.state.alive.add(runOf('other'))
    await expect(plan()).rejects.toMatchObject({ name: 'MachineBusy' })
    expect(world.state.holder).toBe(runOf('other'))
  })
})

describe('what a dead run left', () => {
  test('with the old disks in place is deleted, and a machine that it stopped is to be started', async () => {
    world.state.power = 'stopped'
    expect(await plan()).toMatchObject({ wasRunning: true })
    expect(left()).toMatchObject({ state: 'failed', failure: { error: 'RunEnded' } })
    expect([...world.ebs.volumes.keys()]).toEqual(old.map(({ volume }) => volume))
  })

  test.each([
    ['the disks cannot be looked at', 'observe volumes'],
    ['the answer to the new plan is lost', 'startRevert lost'],
  ])('is not forgotten when %s and the task is run again: the machine is to be started', async (_, call) => {
    world.state.power = 'stopped'
    failOnce(world.faults, call, throttled())
    await expect(plan()).rejects.toMatchObject({ name: 'AwsThrottled' })
    expect(await plan()).toMatchObject({ wasRunning: true })
    expect(await own()).toMatchObject({ state: 'planned', wasRunning: true })
    expect(left()?.state).toBe('failed')
  })

  test('is not forgotten when the next run is refused: the one after it still starts the machine', async () => {
    world.state.power = 'stopped'
    await expect(plan({ point: `pt-${'f'.repeat(20)}` })).rejects.toMatchObject({ name: 'PointNotFound' })
    expect(await plan()).toMatchObject({ wasRunning: true })
  })

  test('before it stopped the machine changes nothing: a machine that its owner stopped stays stopped', async () => {
    begin(planned())
    world.state.power = 'stopped'
    expect(await plan()).toMatchObject({ wasRunning: false })
  })

  test('with the new disks in a machine that runs is recorded as done', async () => {
    world.attach(fresh)
    world.points.set(POINT, complete(disksOf(2, 101)))
    await plan()
    expect(left()).toMatchObject({ state: 'reverted' })
    expect(await own()).toMatchObject({
      state: 'planned',
      disks: [{ outgoing: { volume: volumeOf(101) } }, { outgoing: { volume: volumeOf(102) } }],
    })
  })

  test('with the new disks in a machine that was not started again is gone on with', async () => {
    world.attach(fresh)
    world.state.power = 'stopped'
    expect(await plan()).toEqual({ machine: MACHINE, revert: REVERT, diskCount: 2, wasRunning: true })
    expect(left()).toMatchObject({ state: 'swapping', run: NEXT })
  })

  test('half way is gone on with, together with what its ledger names', async () => {
    world.attach([old[0]!, fresh[1]!])
    world.state.power = 'stopped'
    const entry = {
      version: 1 as const,
      run: swapping().run,
      machine: MACHINE,
      item: 'volume:/dev/sdf',
      purpose: 'x',
      resource: volumeOf(102),
      openedAt: NOW,
      deadline: NOW,
    }
    await world.ports.ledger.open(entry)
    expect(await plan()).toMatchObject({ revert: REVERT })
    expect(await plan()).toMatchObject({ revert: REVERT })
    expect([...world.entries.values()]).toEqual([{ ...entry, run: NEXT }])
    expect(world.reverts.size).toBe(1)
  })

  test('half way to another target has to be finished first, with the command that does', async () => {
    world.attach([old[0]!, fresh[1]!])
    await expect(plan({ undo: true })).rejects.toMatchObject({
      name: 'RevertUnfinished',
      message: expect.stringContaining(`tandem revert ${MACHINE} --point ${POINT}`),
    })
    expect([left()?.state, world.ebs.volumes.size, world.state.holder]).toEqual(['swapping', 4, undefined])
  })

  test('is gone on with when its last Lambda takes disks out behind the plan of the next run, which is given up', async () => {
    world.state.power = 'stopped'
    let lookCount = 0
    world.faults.set('observe', async () => {
      lookCount += 1
      // Everything was in place when the plan was made, and is not when what is left is to be deleted.
      if (lookCount === 4) world.attach([old[0]!])
    })
    await expect(plan()).rejects.toMatchObject({ name: 'DisksStillMoving' })
    expect(await own()).toMatchObject({ state: 'planned' })
    expect(await plan()).toMatchObject({ revert: REVERT, wasRunning: true })
    expect(left()).toMatchObject({ state: 'swapping', run: NEXT })
    expect(await own()).toMatchObject({ state: 'failed' })
    expect(world.ebs.volumes.size).toBe(4)
    // And again, when the answer is lost.
    expect(await plan()).toMatchObject({ revert: REVERT })
  })

  test('is left alone while its run lives', async () => {
    begin(planned())
    world.state.alive.add(planned().run)
    await plan()
    expect([left()?.state, world.ebs.volumes.size]).toEqual(['planned', 4])
  })

  test('is not touched while the machine is between two states', async () => {
    world.state.power = 'stopping'
    await expect(plan()).rejects.toMatchObject({ name: 'MachineInTransition' })
    expect([left()?.state, world.ebs.volumes.size]).toEqual(['swapping', 4])
  })

  test('is settled without ever deleting a disk of the machine, whatever is in place and whatever is asked for', async () => {
    const place = fc.constantFrom('old', 'new', 'none')
    const request = fc.constantFrom<object>({}, { undo: true }, { point: POINT }, { point: `pt-${'f'.repeat(20)}` })
    await fc.assert(
      fc.asyncProperty(
        place,
        place,
        fc.boolean(),
        fc.boolean(),
        request,
        async (root, disk, isSwapping, isRunning, wanted) => {
          begin(isSwapping ? swapping() : planned())
          world.state.power = isRunning ? 'running' : 'stopped'
          world.attach(
            [root, disk].flatMap((what, index) => (what === 'none' ? [] : [(what === 'old' ? old : fresh)[index]!])),
          )
          const isMixed = new Set([root, disk]).size > 1 || root === 'none'
          try {
            await plan(wanted)
          } catch (error) {
            if (!isTandemError(error)) throw error
          }
          for (const { volume } of [...old, ...world.ebs.attachments]) expect(world.ebs.volumes.has(volume)).toBe(true)
          // While some disks are swapped and some are not, the record that tells so stays open.
          if (isMixed) expect(['planned', 'swapping']).toContain(left()?.state)
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('an undo after a revert takes the kept disks back', async () => {
  begin(reverted())
  world.attach(fresh)
  for (const { volume } of old) world.ebs.volumes.set(volume, { ...world.ebs.volumes.get(volume)!, state: 'available' })
  await plan({ undo: true })
  expect(await own()).toMatchObject({
    target: { kind: 'undo', revert: REVERT },
    disks: [{ incoming: { volume: volumeOf(1) } }, { incoming: { volume: volumeOf(2) } }],
  })
})
