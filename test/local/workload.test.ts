import { copyFileSync, openSync, closeSync, writeSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readWorkload, workloadUserData } from '../../local/guests/workload.ts'
import { machine, sh, whenChanged } from './guest-machine.ts'
import type { Machine } from './guest-machine.ts'

const USER_DATA = workloadUserData({ dataDevice: '/dev/sdf', intervalMs: 1 })
const RING_OFFSET_BYTES = 1024 * 1024

function numbersOf({ root, data }: Machine): { root: number; data: number } {
  return { root: readWorkload(root.path).lastSequence, data: readWorkload(data.path).lastSequence }
}

/** The record of this number as the workload writes it. */
const recordOf = (number: number): string => {
  const digits = String(number).padStart(12, '0')
  return `${digits}${'.'.repeat(487)}${digits}\n`
}

function overwrite(path: string, slot: number, text: string): void {
  const file = openSync(path, 'r+')
  writeSync(file, text, RING_OFFSET_BYTES + slot * 512)
  closeSync(file)
}

/** Runs until the root disk has at least this many records, read while the guest is paused. */
async function runUntil(here: Machine, number: number): Promise<void> {
  const guest = here.guests.ofInstance(here.spec.instanceId) ?? (await here.guests.start(here.spec))
  await whenChanged(here.root.path, () => {
    guest.pause()
    const reached = numbersOf(here).root >= number
    guest.resume()
    return reached
  })
}

test('finds no record on an empty disk', () => {
  const { root } = machine()
  expect(readWorkload(root.path)).toEqual({ lastSequence: 0, records: 0 })
})

test('writes each record to the data disk before the root disk: at any instant the two are at most one apart', async () => {
  const here = machine(USER_DATA)
  const guest = await here.guests.start(here.spec)
  await whenChanged(here.root.path, () => true)
  let last = 0
  for (let round = 0; round < 25; round += 1) {
    await runUntil(here, last + 1)
    guest.pause()
    const { root, data } = numbersOf(here)
    guest.resume()
    expect([root, root + 1]).toContain(data)
    expect(root).toBeGreaterThan(last)
    last = root
  }
})

test('continues after the last record of its root disk when it boots again', async () => {
  const here = machine(USER_DATA)
  await runUntil(here, 20)
  await here.guests.ofInstance(here.spec.instanceId)?.stop()
  const before = numbersOf(here)
  await runUntil(here, before.root + 20)
  const after = numbersOf(here)
  expect(after.data - before.data).toBeGreaterThanOrEqual(19)
})

test('goes on at the start of the ring when it has come to its end', async () => {
  const here = machine(USER_DATA)
  for (const disk of [here.root, here.data])
    for (let number = 1; number <= 4090; number += 1) overwrite(disk.path, number - 1, recordOf(number))
  await runUntil(here, 4110)
  await here.guests.ofInstance(here.spec.instanceId)?.stop()
  expect(readWorkload(here.root.path)).toEqual({ lastSequence: expect.any(Number), records: 4096 })
  expect(numbersOf(here).root).toBeGreaterThanOrEqual(4110)
})

test('mounts its disks', async () => {
  const userData = workloadUserData({ dataDevice: '/dev/sdf', otherDevices: ['/dev/sdg'], intervalMs: 100 })
  const here = machine(userData)
  await runUntil(here, 1)
  const guest = here.guests.ofInstance(here.spec.instanceId)
  const { stdout } = guest ? await sh(guest, 'cut -d" " -f1,2 etc/mtab') : { stdout: '' }
  expect(stdout).toBe('/dev/xvda /\n/dev/sdf /data\n/dev/sdg /data2\n')
})

test('does not make a disk that is not attached', async () => {
  const here = machine(workloadUserData({ dataDevice: '/dev/sdx' }))
  const guest = await here.guests.start(here.spec)
  const { stdout } = await sh(
    guest,
    'until grep -q "not attached" console.log; do read -r -t 0.01 _ <> <(:); done; ls dev',
  )
  expect(stdout).not.toContain('sdx')
})

test('names a record that is torn, in the wrong place, stale or missing', async () => {
  const { root } = machine()
  const broken = `${root.path}.broken`
  const reading = (change: () => void) => (): unknown => {
    copyFileSync(root.path, broken)
    change()
    return readWorkload(broken)
  }
  for (let number = 1; number <= 10; number += 1) overwrite(root.path, number - 1, recordOf(number))
  expect(reading(() => {})()).toEqual({ lastSequence: 10, records: 10 })
  expect(reading(() => overwrite(broken, 3, recordOf(5).slice(0, 256)))).toThrow('slot 3')
  expect(reading(() => overwrite(broken, 3, recordOf(5)))).toThrow('slot 3')
  expect(reading(() => overwrite(broken, 3, '\0'.repeat(512)))).toThrow('9 of the last 10 records')
  expect(reading(() => overwrite(broken, 9, recordOf(4106)))).toThrow('was not overwritten')
})

test('takes only names of devices and intervals that leave the processor to others', () => {
  expect(() => workloadUserData({ dataDevice: '/dev/sdf; reboot' })).toThrow('no device name')
  expect(() => workloadUserData({ dataDevice: '/dev/sdf', intervalMs: 0 })).toThrow('whole processor')
})
