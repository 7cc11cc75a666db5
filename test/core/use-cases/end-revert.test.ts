import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { RevertRecord } from '../../../core/contracts/records.ts'
import { isTandemError } from '../../../core/errors.ts'
import { discard, finish } from '../../../core/use-cases/end-revert.ts'
import { failOnce, throttled } from '../memory.ts'
import { deviceOf, NOW, OWNER, planned, REVERT, reverted, RUN, swapping, swapsOf, volumeOf } from '../samples.ts'
import { memoryReverts } from './reverts.ts'

/** Volumes 1, 2 are the old disks, 101, 102 the new ones. */
let world: ReturnType<typeof memoryReverts>
const old = [1, 2].map((number, index) => ({ device: deviceOf(index), volume: volumeOf(number) }))
const fresh = [101, 102].map((number, index) => ({ device: deviceOf(index), volume: volumeOf(number) }))

beforeEach(() => {
  world = memoryReverts()
  for (const { device, volume } of fresh) world.make(volume, REVERT, device)
  world.attach(old)
  world.attach(fresh)
  world.reverts.set(REVERT, swapping())
})

const stored = (id = REVERT): RevertRecord => world.reverts.get(id)!
const end = () => finish(world.ports, stored())
const giveUp = () => discard(world.ports, stored(), { error: 'X', cause: 'y' })

describe('a revert whose disks are in place', () => {
  test("makes the new disks the machine's own and keeps the old ones, with an expiry, as ours", async () => {
    const { undoUntil } = await end()
    expect(undoUntil).toBe('2026-03-04T02:00:00.000Z')
    for (const { volume } of fresh)
      expect(Object.keys(world.tagsOf(volume)).filter((key) => key.startsWith('tandem:'))).toEqual([])
    for (const { volume } of old)
      expect(world.tagsOf(volume)).toMatchObject({
        'tandem:owner': OWNER,
        'tandem:role': 'replaced',
        'tandem:expires': undoUntil,
        'tandem:revert': REVERT,
      })
    expect(stored()).toMatchObject({ state: 'reverted', undoUntil })
  })

  test('ends the same when its last write fails and it is run again', async () => {
    failOnce(world.faults, 'advanceRevert', throttled())
    await expect(end()).rejects.toMatchObject({ name: 'AwsThrottled' })
    world.clock.pass(60_000)
    const second = await end()
    expect(world.tagsOf(volumeOf(1))).toMatchObject({ 'tandem:expires': second.undoUntil })
    expect(await end()).toEqual(second)
  })

  test('of an undo marks the revert that it undid', async () => {
    const earlier = `rv-${'0'.repeat(19)}9`
    world.reverts.set(earlier, reverted(swapsOf(2), { revert: earlier }))
    world.reverts.set(REVERT, swapping(swapsOf(2), { target: { kind: 'undo', revert: earlier } }))
    await end()
    expect(stored(earlier)).toMatchObject({ undoneBy: REVERT })
  })

  test('is kept for a week when the policy is not deployed any more', async () => {
    const { undoUntil } = await finish({ ...world.ports, policies: {} }, stored())
    expect(undoUntil).toBe('2026-03-08T02:00:00.000Z')
  })

  test('that was given up before is refused, and no disk of the machine gets the tags by which we delete', async () => {
    world.attach(old)
    world.reverts.set(REVERT, { ...planned(), state: 'failed', failedAt: NOW, failure: { error: 'X', cause: 'y' } })
    await expect(end()).rejects.toMatchObject({ name: 'LostRace' })
    for (const { volume } of old) expect(world.tagsOf(volume)).toEqual({})
  })
})

describe('a revert that is given up', () => {
  test('deletes the volumes made for it when the old disks are in place, and can be repeated', async () => {
    world.attach(old)
    expect(await giveUp()).toBe(2)
    expect([...world.ebs.volumes.keys()]).toEqual(old.map(({ volume }) => volume))
    expect(await giveUp()).toBe(0)
    expect(stored()).toMatchObject({ state: 'failed', failure: { error: 'X' } })
  })

  test('deletes nothing while a disk is out: its record is all that leads back', async () => {
    world.attach(old.slice(0, 1))
    await expect(giveUp()).rejects.toMatchObject({ name: 'DisksStillMoving' })
    expect([world.ebs.volumes.size, stored().state]).toEqual([4, 'swapping'])
  })

  test('of an undo deletes no disk: it has made none', async () => {
    const disks = swapsOf(2).map((disk) => ({
      ...disk,
      incoming: { volume: disk.incoming.volume, deleteOnTermination: true },
    }))
    world.reverts.set(REVERT, planned(disks, { target: { kind: 'undo', revert: `rv-${'0'.repeat(19)}9` } }))
    for (const { volume } of fresh) await world.ports.volumes.untag([volume], ['tandem:revert'])
    world.attach(old)
    expect(await giveUp()).toBe(0)
    expect(world.ebs.volumes.size).toBe(4)
  })

  test('deletes nothing once the revert is carried out', async () => {
    world.reverts.set(REVERT, reverted())
    expect(await giveUp()).toBe(0)
    expect(world.ebs.volumes.size).toBe(4)
  })

  test('never deletes a volume that is attached, nor an old disk, whatever is in place', async () => {
    const place = fc.constantFrom('old', 'new', 'moving', 'none')
    let discardedCount = 0
    await fc.assert(
      fc.asyncProperty(
        place,
        place,
        fc.constantFrom('planned', 'swapping'),
        fc.boolean(),
        async (root, disk, state, inLedger) => {
          world = memoryReverts()
          for (const { device, volume } of fresh) world.make(volume, REVERT, device)
          world.attach(old)
          world.attach(
            [root, disk].flatMap((what, index) =>
              what === 'none'
                ? []
                : [
                    {
                      ...(what === 'old' ? old : fresh)[index]!,
                      state: what === 'moving' ? ('detaching' as const) : ('attached' as const),
                    },
                  ],
            ),
          )
          world.reverts.set(REVERT, state === 'planned' ? planned() : swapping())
          if (inLedger)
            await world.ports.ledger.open({
              version: 1,
              run: RUN,
              machine: world.machine,
              item: 'volume:/dev/sdf',
              purpose: 'x',
              resource: volumeOf(102),
              openedAt: NOW,
              deadline: NOW,
            })
          try {
            await giveUp()
            discardedCount += 1
          } catch (error) {
            if (!isTandemError(error, 'DisksStillMoving')) throw error
            expect(stored().state).toBe(state)
          }
          for (const { volume } of [...old, ...world.ebs.attachments]) expect(world.ebs.volumes.has(volume)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
    expect(discardedCount).toBeGreaterThan(0)
  })
})
