import { readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { manualClock } from '../../local/clock.ts'
import type { GuestHealth, GuestProcess } from '../../local/guests/guests.ts'
import { INSTANCE_ID, START_MS, emptyDisk, machine, sh, temporaryFolder } from './guest-machine.ts'

/** What the scripts of boots have noted, once they have ended. */
async function notesOf(guest: GuestProcess): Promise<string[]> {
  // A command waits for nothing; but the shell of the boot is the parent of all that it runs, and ends last.
  await sh(guest, 'while [[ ! -e ended ]]; do read -r -t 0.005 _ <> <(:); done; rm ended')
  return readFileSync(join(guest.root, 'notes'), 'utf8').trim().split('\n')
}
const note = (text: string): string => `echo ${text} >>"$GUEST_ROOT/notes"`
const END = 'touch "$GUEST_ROOT/ended"'

test('runs user data once in the life of an instance, and what it installs at every boot (AWS facts A.17)', async () => {
  const { guests, spec } = machine(`#!/bin/bash
${note('user data')}
service=$GUEST_ROOT/var/lib/cloud/scripts/per-boot/service
printf '#!/bin/bash\\n${note('service').replaceAll('"', '\\"')}\\n${END.replaceAll('"', '\\"')}\\n' >"$service"
sed -i 's/\\\\"/"/g' "$service"
chmod +x "$service"
${END}`)
  const first = await guests.start(spec)
  expect(await notesOf(first)).toEqual(['user data'])
  await first.stop()
  const second = await guests.start(spec)
  expect(await notesOf(second)).toEqual(['user data', 'service'])
  await second.stop()
  const third = await guests.start({ ...spec, instanceId: 'i-0fedcba9876543210' })
  expect(await notesOf(third)).toEqual(['user data'])
})

test('runs the program of an image, and a boothook, at every boot, in an interpreter of their own', async () => {
  const { guests, spec } = machine(`#cloud-boothook\n#!/bin/sh\n${note('hook')}\n${END}`)
  const withProgram = { ...spec, program: `#!/usr/bin/env bash\n${note('program')}` }
  const first = await guests.start(withProgram)
  expect(await notesOf(first)).toEqual(['program', 'hook'])
  await first.stop()
  expect(await notesOf(await guests.start(withProgram))).toEqual(['program', 'hook', 'program', 'hook'])
})

test('leaves the exit code of user data on the console, which outlives the guest', async () => {
  const { guests, spec, clock } = machine('#!/bin/bash\necho working\nexit 7')
  expect(guests.console(INSTANCE_ID)).toBeUndefined()
  const guest = await guests.start(spec)
  await clock.sleep(1) // not before the boot is done
  await guest.stop()
  expect(guests.console(INSTANCE_ID)).toMatch(/boot\nworking\n.*user-data.txt ended with exit code 7\n.*stopped\n$/)
})

test('lets the account’s time pass while a script sleeps, and no more than that', async () => {
  const { guests, spec, clock } = machine()
  const guest = await guests.start(spec)
  const run = (command: string) => guest.run(command, { timeoutMs: 100_000 })
  const slept = await run('sleep 1m 0.5; echo $?; sleep nonsense')
  expect(slept).toMatchObject({ stdout: '0\n', stderr: "sleep: invalid time interval 'nonsense'\n", exitCode: 1 })
  expect(clock.now()).toBe(START_MS + 60_500)
  expect(await run('sleep 10 | sleep 20')).toMatchObject({ exitCode: 0 })
  // Whether the first has woken before the second fell asleep is the scheduler's affair, as on any machine.
  expect(clock.now() - START_MS - 60_500).toBeGreaterThanOrEqual(20_000)
  expect(clock.now() - START_MS - 60_500).toBeLessThanOrEqual(30_000)
})

test('wakes what sleeps in the background when its time has passed for other reasons, and never jumps to it', async () => {
  const { guests, spec, clock } = machine()
  const guest = await guests.start(spec)
  await sh(guest, '(sleep 3600; touch awake) & sleep 5')
  for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done))
  expect(clock.now()).toBe(START_MS + 5000)
  while ((await sh(guest, '[[ -e awake ]]')).exitCode !== 0) await clock.sleep(600_000)
  expect(clock.now() - START_MS).toBeGreaterThanOrEqual(3_600_000)
})

test('reboots from within: everything ends, and boots again while the instance stays as it is', async () => {
  const { guests, spec, clock } = machine(`#cloud-boothook\n#!/bin/bash\n${note('boot')}\n${END}`)
  const guest = await guests.start(spec)
  await notesOf(guest)
  const rebooting = sh(guest, 'reboot; sleep infinity')
  expect(await rebooting).toMatchObject({ endedBy: 'kill' })
  expect(guests.ofInstance(INSTANCE_ID)).toBeUndefined()
  await clock.sleep(60_000)
  expect(guests.ofInstance(INSTANCE_ID)).toBe(guest)
  expect(await notesOf(guest)).toEqual(['boot', 'boot'])
})

test('kills a guest as a panic does: its instance stays on, status checks find it later, and a start brings it back', async () => {
  const clock = manualClock(START_MS)
  const found: GuestHealth[] = []
  const { guests, spec } = machine('#!/bin/bash\n(sleep infinity; true) &', {
    clock,
    onHealth: (_, health) => found.push(health),
  })
  const guest = await guests.start(spec)
  const working = sh(guest, 'sleep infinity')
  await guests.kill(INSTANCE_ID)
  expect(await working).toMatchObject({ endedBy: 'kill' })
  expect(guests.ofInstance(INSTANCE_ID)).toBeUndefined()
  expect(guests.console(INSTANCE_ID)).toContain('Kernel panic')
  await expect(guests.kill(INSTANCE_ID)).rejects.toThrow('No guest')
  await clock.advance(119_999)
  expect(found).toEqual([])
  await clock.advance(1)
  expect(found).toEqual(['instance impaired'])
  await guest.stop()
  await guests.start(spec)
  expect(found).toEqual(['instance impaired', 'ok'])
  await guests.kill(INSTANCE_ID, 'host failure')
  await clock.advance(120_000)
  expect(found.slice(2)).toEqual(['system impaired'])
})

test('lets nobody write past the end of a disk, nor see what was written past the end of a smaller one', async () => {
  const { guests, spec, root, data } = machine()
  const small = { ...emptyDisk(temporaryFolder(), '/dev/sdg', 'vol-0aaaaaaaaaaaaaaa3'), sizeBytes: 4096 }
  truncateSync(small.path, small.sizeBytes)
  const guest = await guests.start({ ...spec, disks: [root, data, small] })
  const fill = (device: string, mib: number) =>
    sh(guest, `dd if=/dev/zero of=dev/${device} bs=1M seek=${mib} count=2 conv=notrunc status=none`)
  expect(await fill('sdf', 63)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('File too large') })
  expect(statSync(data.path).size).toBe(data.sizeBytes)
  expect((await fill('sdg', 0)).exitCode).toBe(0)
  guest.pause()
  expect(statSync(small.path).size).toBe(4096)
  guest.resume()
  expect(guests.console(INSTANCE_ID)).toContain('write past the end of /dev/sdg')
  const large = emptyDisk(temporaryFolder(), '/dev/sdh', 'vol-0aaaaaaaaaaaaaaa4')
  truncateSync(large.path, 2 * large.sizeBytes)
  guest.disksChanged([root, data, small, { ...large, sizeBytes: 2 * large.sizeBytes }])
  expect((await fill('sdh', 100)).exitCode).toBe(0)
})

test('keeps the guests of one account apart', async () => {
  const { guests, spec, root, data } = machine()
  const [one, other] = await Promise.all([
    guests.start({ ...spec, disks: [root] }),
    guests.start({ ...spec, instanceId: 'i-0fedcba9876543210', disks: [data] }),
  ])
  expect((await sh(one, 'echo $GUEST_INSTANCE_ID; ls dev | grep ^[sx]')).stdout).toBe(`${INSTANCE_ID}\nxvda\n`)
  expect((await sh(other, 'echo $GUEST_INSTANCE_ID; ls dev | grep ^[sx]')).stdout).toBe('i-0fedcba9876543210\nsdf\n')
  await guests.kill(INSTANCE_ID)
  expect((await sh(other, 'true')).exitCode).toBe(0)
})
