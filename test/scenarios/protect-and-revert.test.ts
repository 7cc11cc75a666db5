import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentOf } from './disk-content.ts'
import { readWorkload } from '../../local/guests/workload.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

test('puts a machine of three disks back byte for byte after its disks were overwritten, and undoes it', async () => {
  const { account, fleet } = world
  const machine = await world.machine()
  const frozen = new Map<string, string>()
  account.ec2.observeCapture(({ snapshots }) => {
    for (const { volumeId, path } of snapshots) frozen.set(volumeId, path)
  })
  const before = fleet.disksOf(await fleet.describe(machine))
  const { result } = await world.run('protect-machine', { machine })
  expect(result).toMatchObject({ status: 'SUCCEEDED', output: { machine, snapshotCount: 3 } })
  expect([...frozen.keys()].toSorted()).toEqual([...before.values()].toSorted())

  const guest = account.guests.ofInstance(machine)
  await guest?.run('for disk in sda1 sdf sdg; do dd if=/dev/urandom of=dev/$disk bs=1M count=4 conv=notrunc; done', {
    timeoutMs: 30_000,
  })
  const hashes: [string, string, string][] = []
  account.states.observe(({ state, event }) => {
    if (state !== 'StartMachine' || event !== 'entered' || hashes.length > 0) return
    void account.clock.holding(async () => {
      for (const [device, volume] of fleet.disksOf(await fleet.describe(machine)))
        hashes.push([
          device,
          await contentOf(account.ec2.volumePath(volume)),
          await contentOf(frozen.get(before.get(device) ?? '') ?? ''),
        ])
    })
  })
  expect((await world.run('revert-machine', { machine })).result.status).toBe('SUCCEEDED')
  expect(hashes.map(([device]) => device)).toEqual(['/dev/sda1', '/dev/sdf', '/dev/sdg'])
  for (const [, restored, captured] of hashes) expect(restored).toBe(captured)
  const after = fleet.disksOf(await fleet.describe(machine))
  for (const [device, volume] of after) expect(volume).not.toBe(before.get(device))

  expect((await world.run('revert-machine', { machine, undo: true })).result.status).toBe('SUCCEEDED')
  expect(fleet.disksOf(await fleet.describe(machine))).toEqual(before)
  expect(() => readWorkload(account.ec2.volumePath(before.get('/dev/sdf') ?? ''))).toThrow()
})
