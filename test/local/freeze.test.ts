import { closeSync, openSync, readSync } from 'node:fs'
import { expect, test } from 'vitest'
import { machine, sh } from './guest-machine.ts'
import type { Machine } from './guest-machine.ts'

/**
 * A database in small: each transaction marks the disk dirty, writes the same number in two places, and marks it clean. Asked by
 * a file `quiesce` it finishes its transaction and waits.
 */
const DATABASE = `#!/bin/bash
echo "/dev/sdf /data xfs rw,relatime 0 0" >>"$GUEST_ROOT/etc/mtab"
put() { printf "$2" | dd of="$GUEST_ROOT/dev/sdf" bs=1 seek=$1 conv=notrunc status=none; }
transactions() {
  exec {disk}<>"$GUEST_ROOT/dev/sdf"
  for ((n = 1; ; n++)); do
    put 0 dirty; printf -v number %012d $n; put 16 $number; put 32 $number; put 0 'clean'
    : >"$GUEST_ROOT/committed"
    [[ -e $GUEST_ROOT/quiesce ]] && touch "$GUEST_ROOT/quiet"
    while [[ -e $GUEST_ROOT/quiesce ]]; do read -r -t 0.005 _ <> <(:); done
    rm -f "$GUEST_ROOT/quiet"
  done
}
transactions &
`
/** By DLM's contract (AWS facts F): 204 already frozen, 205 not frozen, 201 and 202 failed. */
const SCRIPTS = `
wait_for() { until [[ -e $GUEST_ROOT/$1 ]]; do read -r -t 0.005 _ <> <(:); done; }
pre_script() {
  touch "$GUEST_ROOT/quiesce"; wait_for quiet
  for target in "$@"; do
    [[ $target == / || $target == /boot ]] && { echo "never freeze $target" >&2; exit 201; }
    fsfreeze -f "$target" || exit 204
  done
  ( sleep 60; fsfreeze -u /data && touch "$GUEST_ROOT/thawed-by-itself"; rm -f "$GUEST_ROOT/quiesce" ) >/dev/null 2>&1 &
}
post_script() {
  [[ -e $GUEST_ROOT/thawed-by-itself ]] && { rm "$GUEST_ROOT/thawed-by-itself"; exit 203; }
  fsfreeze -u /data || exit 205
  rm -f "$GUEST_ROOT/quiesce"
}
`

async function database(): Promise<Machine & { run: (command: string) => ReturnType<typeof sh> }> {
  const here = machine(DATABASE)
  const guest = await here.guests.start(here.spec)
  await sh(guest, `${SCRIPTS} wait_for committed`)
  return { ...here, run: (command) => sh(guest, `${SCRIPTS}\n${command}`) }
}

function firstBytes(path: string, count: number): string {
  const bytes = Buffer.alloc(count)
  const file = openSync(path, 'r')
  readSync(file, bytes, 0, count, 0)
  closeSync(file)
  return bytes.toString('latin1')
}

/** The marker and the two numbers, as a snapshot of this instant would have them. */
function captured({ guests, spec, data }: Machine): { marker: string; agree: boolean } {
  const guest = guests.ofInstance(spec.instanceId)
  guest?.pause()
  const text = firstBytes(data.path, 64)
  guest?.resume()
  return { marker: text.slice(0, 5), agree: text.slice(16, 28) === text.slice(32, 44) }
}

test('captures a quiesced workload between freeze and thaw, and sooner or later a dirty one without (AWS facts F)', async () => {
  const here = await database()
  for (let round = 0; round < 3; round += 1) {
    expect(await here.run('pre_script /data')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(captured(here)).toEqual({ marker: 'clean', agree: true })
    expect(await here.run('post_script')).toMatchObject({ exitCode: 0, stderr: '' })
  }
  while (captured(here).marker !== 'dirty') await here.run('read -r -t 0.003 _ <> <(:); true')
})

test('answers a second freeze and a needless thaw as the kernel does, and what is no mount point', async () => {
  const { run } = await database()
  expect(await run('fsfreeze -u /data')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('Invalid argument'),
  })
  expect((await run('post_script')).exitCode).toBe(205)
  expect((await run('pre_script /data')).exitCode).toBe(0)
  expect(await run('fsfreeze -f /data')).toMatchObject({ stderr: expect.stringContaining('Device or resource busy') })
  expect((await run('pre_script /data')).exitCode).toBe(204)
  expect(await run('fsfreeze -f /nowhere')).toMatchObject({ stderr: 'fsfreeze: /nowhere: is not a mount point\n' })
  expect((await run('rm quiesce; fsfreeze -u /data/ && mountpoint -q /data')).exitCode).toBe(0)
  expect(await run('pre_script /')).toMatchObject({ exitCode: 201, stderr: 'never freeze /\n' })
})

test('lets a watchdog in the guest thaw in its time, of which the script after learns (AWS facts F, exit code 203)', async () => {
  const { run, clock } = await database()
  await run('pre_script /data')
  const frozenAtMs = clock.now()
  // The watchdog may fall asleep a little later than the script has ended: nobody waits for it.
  while ((await run('[[ -e thawed-by-itself ]]')).exitCode !== 0) await clock.sleep(10_000)
  expect(clock.now() - frozenAtMs).toBeGreaterThanOrEqual(60_000)
  expect((await run('rm -f committed; wait_for committed; post_script')).exitCode).toBe(203)
})

test('stops who opens a frozen disk later, too', async () => {
  const { run, data } = await database()
  await run('pre_script /data')
  await run('( exec {disk}<>dev/sdf; touch open; while :; do printf later >&$disk; done ) & wait_for open')
  const seen = async (): Promise<string> => {
    await run('read -r -t 0.05 _ <> <(:); true')
    return firstBytes(data.path, 4096)
  }
  await seen()
  expect(await seen()).toBe(await seen())
})

test('names mounts and file systems as findmnt, mountpoint and blkid do', async () => {
  const { run } = await database()
  expect(JSON.parse((await run('findmnt -J /data')).stdout)).toEqual({
    filesystems: [{ target: '/data', source: '/dev/sdf', fstype: 'xfs', options: 'rw,relatime' }],
  })
  expect((await run('findmnt -n -o TARGET,FSTYPE -t ext4')).stdout).toBe('/ ext4\n')
  expect((await run('findmnt /nowhere')).exitCode).toBe(1)
  expect(await run('mountpoint /data; mountpoint /nowhere')).toMatchObject({
    stdout: '/data is a mountpoint\n/nowhere is not a mountpoint\n',
    exitCode: 32,
  })
  expect((await run('blkid -o value -s TYPE /dev/nvme1n1; blkid /dev/sdf')).stdout).toMatch(
    /^xfs\n\/dev\/sdf: UUID="[0-9a-f-]{36}" TYPE="xfs"\n$/,
  )
  expect((await run('sync; blkid /dev/sdz')).exitCode).toBe(2)
})
