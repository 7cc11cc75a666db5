import { beforeEach, describe, expect, test } from 'vitest'
import { createVolumes } from '../../../core/use-cases/create-volumes.ts'
import { discard } from '../../../core/use-cases/end-revert.ts'
import { MINUTE_MS } from '../../../core/instants.ts'
import { failOnce, noAnswer, throttled } from '../memory.ts'
import { MACHINE, planned, REVERT, RUN, swapsOf, volumeOf } from '../samples.ts'
import { memoryReverts } from './reverts.ts'

let world: ReturnType<typeof memoryReverts>
beforeEach(() => {
  world = memoryReverts()
  world.reverts.set(REVERT, planned(swapsOf(2, false)))
  world.attach(swapsOf(2).map(({ device, outgoing }) => ({ device, volume: outgoing.volume })))
})

const create = () => createVolumes(world.ports)({ machine: MACHINE, run: RUN, revert: REVERT })
const incoming = () => world.reverts.get(REVERT)?.disks.map((disk) => disk.incoming.volume)
const madeCount = () => world.ebs.volumes.size - 2
const giveUp = async () => {
  const revert = world.reverts.get(REVERT)
  return revert && discard(world.ports, revert, { error: 'X', cause: 'y' })
}

describe('the volumes of a revert', () => {
  test('are made one per disk and written into its record and the ledger', async () => {
    expect(await create()).toEqual({ volumeCount: 2 })
    expect(incoming()).toEqual([volumeOf(101), volumeOf(102)])
    expect([...world.entries.values()].map(({ item, resource }) => [item, resource])).toEqual([
      ['volume:/dev/xvda', volumeOf(101)],
      ['volume:/dev/sdf', volumeOf(102)],
    ])
  })

  test.each([
    ['the answer to a creation is lost', 'ensureCreated lost', noAnswer()],
    ['a creation is refused', 'ensureCreated', throttled()],
    ['the record cannot be written', 'advanceRevert', throttled()],
  ])('are made once when %s and the task is run again', async (_, call, error) => {
    failOnce(world.faults, call, error)
    await expect(create()).rejects.toMatchObject({ name: error.name })
    expect(await create()).toEqual({ volumeCount: 2 })
    expect(madeCount()).toBe(2)
    expect(await create()).toEqual({ volumeCount: 2 })
    expect(madeCount()).toBe(2)
  })

  test('are not made for a revert that was given up', async () => {
    await giveUp()
    await expect(create()).rejects.toMatchObject({ name: 'LostRace' })
    expect(madeCount()).toBe(0)
  })

  test('are in the ledger before they are asked for', async () => {
    let openCount = 0
    world.faults.set('ensureCreated', () => void (openCount = world.entries.size))
    failOnce(world.faults, 'ensureCreated lost', noAnswer())
    await expect(create()).rejects.toThrow()
    expect(openCount).toBe(1)
  })

  test('an undo has none to make', async () => {
    const disks = swapsOf(1).map((disk) => ({ ...disk, incoming: { volume: volumeOf(7), deleteOnTermination: true } }))
    world.reverts.set(REVERT, planned(disks, { target: { kind: 'undo', revert: REVERT } }))
    expect(await create()).toEqual({ volumeCount: 0 })
    expect([madeCount(), world.entries.size, incoming()]).toEqual([0, 0, [volumeOf(7)]])
  })
})

describe('giving up after volumes were asked for', () => {
  test('deletes those whose answers were lost, too', async () => {
    failOnce(world.faults, 'ensureCreated lost', noAnswer())
    await expect(create()).rejects.toThrow()
    expect(await giveUp()).toBe(1)
    expect([madeCount(), world.entries.size, world.reverts.get(REVERT)?.state]).toEqual([0, 0, 'failed'])
  })

  test.each([
    ['whose answer was lost', true],
    ['whose id is known', false],
  ])('waits for a volume %s while EC2 still hides it, and deletes it then', async (_, isLost) => {
    if (isLost) failOnce(world.faults, 'ensureCreated lost', noAnswer())
    await create().catch(() => undefined)
    for (let number = 101; number < world.state.nextVolume; number += 1) world.ebs.hidden.add(volumeOf(number))
    await expect(giveUp()).rejects.toMatchObject({ name: 'NotVisibleYet' })
    world.ebs.hidden.clear()
    await giveUp()
    expect([madeCount(), world.reverts.get(REVERT)?.state]).toEqual([0, 'failed'])
  })

  test('counts the wait from the last try, not from the first', async () => {
    failOnce(world.faults, 'ensureCreated', throttled())
    await expect(create()).rejects.toThrow()
    world.clock.pass(6 * MINUTE_MS)
    failOnce(world.faults, 'ensureCreated lost', noAnswer())
    await expect(create()).rejects.toThrow()
    world.ebs.hidden.add(volumeOf(101))
    await expect(giveUp()).rejects.toMatchObject({ name: 'NotVisibleYet' })
  })

  test('does not wait for ever for a volume that was never made', async () => {
    failOnce(world.faults, 'ensureCreated', noAnswer())
    await expect(create()).rejects.toThrow()
    await expect(giveUp()).rejects.toMatchObject({ name: 'NotVisibleYet' })
    world.clock.pass(5 * MINUTE_MS)
    expect(await giveUp()).toBe(0)
  })
})
