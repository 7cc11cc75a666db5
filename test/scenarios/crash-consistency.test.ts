import { CreateSnapshotCommand } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readWorkload } from '../../local/guests/workload.ts'
import { startWorld, type World } from './world.ts'

/**
 * The workload writes record n to the data disk and then to the root disk. At any single instant the root disk is therefore at
 * most at the data disk's record, and never ahead of it: the order of the captured bytes tells whether they are of one instant.
 */
const POINT_COUNT = 6
const [ROOT, DATA] = ['/dev/sda1', '/dev/sdf']

let world: World
let machine: string
const frozen = new Map<string, string>()

beforeAll(async () => {
  world = await startWorld()
  machine = await world.machine()
  world.account.ec2.observeCapture(({ snapshots }) => {
    for (const { volumeId, path } of snapshots) frozen.set(volumeId, path)
  })
})
afterAll(() => world.close())

async function sequences(): Promise<{ root: number; data: number }> {
  const { fleet } = world
  const instance = await fleet.describe(machine)
  const lastOn = (device: string) => readWorkload(frozen.get(fleet.volumeAt(instance, device)) ?? '').lastSequence
  return { root: lastOn(ROOT), data: lastOn(DATA) }
}

/** Lets the workload get on by some records: it runs in real time, whatever the virtual clock does. */
async function writeMore(): Promise<void> {
  const guest = world.account.guests.ofInstance(machine)
  const { exitCode } = await world.account.clock.holding(async () => {
    if (!guest) throw new Error(`${machine} does not run`)
    return guest.run(
      `before=$(cksum <"$GUEST_ROOT${DATA}.seen" 2>/dev/null)
       for ((round = 0; round < 400; round++)); do
         now=$(dd if="$GUEST_ROOT${DATA}" bs=1M skip=1 count=2 status=none | cksum)
         [[ $now != "$before" ]] && ((++changes >= 10)) && exit 0
         before=$now
       done
       exit 1`,
      { timeoutMs: 30_000 },
    )
  })
  expect(exitCode).toBe(0)
}

test('every point holds the writes in their order, taken while the workload writes', async () => {
  let last = 0
  for (let taken = 0; taken < POINT_COUNT; taken += 1) {
    await writeMore()
    expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
    const { root, data } = await sequences()
    expect(root).toBeGreaterThan(last)
    expect(root).toBeLessThanOrEqual(data)
    expect(data).toBeLessThanOrEqual(root + 1)
    last = root
  }
})

test('snapshots taken one by one do not: the root disk is ahead of the data disk', async () => {
  const { fleet } = world
  const instance = await fleet.describe(machine)
  // The order of the disks in DescribeInstances is no order of capture; whoever goes disk by disk may well take data first.
  for (const device of [DATA, ROOT]) {
    await writeMore()
    const VolumeId = fleet.volumeAt(instance, device)
    await world.account.clock.sleep(30_000)
    await fleet.call(() => fleet.ec2.send(new CreateSnapshotCommand({ VolumeId })))
  }
  const { root, data } = await sequences()
  expect(root).toBeGreaterThan(data)
})
