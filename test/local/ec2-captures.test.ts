/** The one instant of a set of snapshots. */
import { expect, test } from 'vitest'
import type { GuestSpec } from '../../local/ec2/instances/guest.ts'
import { autoClock } from '../../local/clock.ts'
import { MINUTE_MS, NotingGuest, START_MS, ZONE, testAccount } from './ec2-account.ts'
import { createSet, read, write } from './ec2-disks.ts'

/** Writes a growing number to its root and then to its data disk, in every turn of the event loop that it is not paused. */
class BusyGuest extends NotingGuest {
  written = 0

  constructor(spec: GuestSpec) {
    super(spec)
    this.#step()
  }

  #step(): void {
    if (this.stopped) return
    if (!this.paused) {
      this.written += 1
      for (const { path } of this.disks) write(path, String(this.written).padStart(8, '0'))
    }
    setImmediate(() => this.#step())
  }
}

test('all disks of one CreateSnapshots are of one instant, though the guest writes all the time (AWS facts A.1)', async () => {
  const account = testAccount({ guest: (spec) => new BusyGuest(spec) })
  const { id, guest } = await account.runningInstance()
  const busy = guest as BusyGuest
  const ids = await createSet(account, id)
  const frozen = ids.map((snapshotId) => read(account.host.snapshotPath(snapshotId), 8))
  expect(Number(frozen[0])).toBeGreaterThan(0)
  expect(frozen[1]).toBe(frozen[0])
  // The guest goes on afterwards, and the snapshot does not change with it.
  const atCapture = busy.written
  while (busy.written < atCapture + 3) await new Promise((turn) => setImmediate(turn))
  expect(read(account.host.snapshotPath(ids[0]!), 8)).toBe(frozen[0])
})

test('observers see the frozen bytes while the guest is paused', async () => {
  const account = testAccount()
  const { id, guest } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  write(account.host.volumePath(data), 'before')
  const seen: object[] = []
  account.host.observeCapture((capture) => {
    const member = capture.snapshots.find(({ volumeId }) => volumeId === data)
    seen.push({ instanceId: capture.instanceId, paused: guest.paused, bytes: read(member!.path, 6) })
  })
  await createSet(account, id)
  expect(seen).toEqual([{ instanceId: id, paused: true, bytes: 'before' }])
  expect(guest.notes).toEqual(['pause', 'resume'])
})

test('an instance that stops during a capture stops after it', async () => {
  const account = testAccount()
  const { id, guest } = await account.runningInstance()
  const capturing = createSet(account, id)
  await account.call('StopInstances', { InstanceIds: [id] })
  await capturing
  await account.clock.advance(MINUTE_MS)
  expect(guest.notes).toEqual(['pause', 'resume', 'stop'])
})

test('an automatic clock does not jump over the copying of bytes', async () => {
  const account = testAccount({ clock: autoClock(START_MS) })
  const { id } = await account.runningInstance()
  const root = await account.volumeAt(id, '/dev/xvda')
  write(account.host.volumePath(root), 'kept')
  const startMs = account.clock.now()
  // Its timer is what the clock would jump to.
  const creating = account.call('CreateVolume', { AvailabilityZone: ZONE, Size: 1 })
  const ids = await createSet(account, id)
  expect(account.clock.now()).toBe(startMs)
  expect(read(account.host.snapshotPath(ids[0]!), 4)).toBe('kept')
  await creating
})
