import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { manualClock } from '../../local/clock.ts'
import { INSTANCE_ID, START_MS, emptyDisk, machine, sh, temporaryFolder, whenChanged } from './guest-machine.ts'

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** All that WRITER ever writes to. */
function firstBytes(path: string): Buffer {
  const bytes = Buffer.alloc(64_000)
  const file = openSync(path, 'r')
  try {
    readSync(file, bytes, 0, bytes.length, 0)
  } finally {
    closeSync(file)
  }
  return bytes
}

/** Leaves a writer of growing numbers in the background, and its process id in $GUEST_ROOT/pid. */
const WRITER = `#!/bin/bash
exec {disk}<>"$GUEST_ROOT/dev/sdf"
( n=0; while :; do printf '%012d\\n' $((n += 1)) >&$disk; ((n % 4000)) || exec {disk}<>"$GUEST_ROOT/dev/sdf"; done ) &
echo $! >"$GUEST_ROOT/pid.new"; mv "$GUEST_ROOT/pid.new" "$GUEST_ROOT/pid"
`
const writerOf = (root: string): number => Number(readFileSync(join(root, 'pid'), 'utf8'))

test('runs the user data with its disks as devices, and keeps what it prints as the console', async () => {
  const { guests, spec, data } = machine(
    '#!/bin/bash\necho hello >"$GUEST_ROOT/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0aaaaaaaaaaaaaaa2"\necho done',
  )
  const guest = await guests.start(spec)
  await whenChanged(join(guest.root, 'console.log'), () =>
    readFileSync(join(guest.root, 'console.log'), 'utf8').includes('done\n'),
  )
  expect(readFileSync(data.path, 'utf8').slice(0, 5)).toBe('hello')
})

test('ignores user data that is no script, and says so on the console', async () => {
  const { guests, spec } = machine('touch "$GUEST_ROOT/ran"')
  const guest = await guests.start(spec)
  expect(readFileSync(join(guest.root, 'console.log'), 'utf8')).toContain('not a script')
  expect(existsSync(join(guest.root, 'ran'))).toBe(false)
})

test('answers a command with its output, its errors and its exit code', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  expect(await sh(guest, 'pwd; echo oops >&2; exit 3')).toEqual({
    stdout: `${guest.root}\n`,
    stderr: 'oops\n',
    exitCode: 3,
    endedBy: 'exit',
  })
})

test('kills a command at its time limit', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  const result = await guest.run('echo started; sleep 1000', { timeoutMs: 100 })
  expect(result).toMatchObject({ stdout: 'started\n', exitCode: 137, endedBy: 'timeout' })
})

test('kills a command that is cancelled', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  const cancel = new AbortController()
  const running = guest.run('touch started; sleep 1000', { timeoutMs: 20_000, signal: cancel.signal })
  await whenChanged(join(guest.root, 'started'), () => existsSync(join(guest.root, 'started')))
  cancel.abort()
  expect(await running).toMatchObject({ endedBy: 'cancel' })
})

test('refuses a working directory that does not exist', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  await expect(guest.run('true', { timeoutMs: 1000, workingDirectory: '/nowhere' })).rejects.toThrow('ENOENT')
})

test('lets a guest inherit no credentials and none of the host’s home', async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = 'of the host'
  const { guests, spec } = machine(undefined, {
    endpoint: () => 'http://127.0.0.1:1',
    environment: () => ({ AWS_ACCESS_KEY_ID: 'of the profile' }),
  })
  const guest = await guests.start(spec)
  delete process.env['AWS_SECRET_ACCESS_KEY']
  const { stdout } = await sh(guest, 'echo "$AWS_SECRET_ACCESS_KEY|$AWS_ACCESS_KEY_ID|$AWS_ENDPOINT_URL|$HOME"')
  expect(stdout).toBe(`|of the profile|http://127.0.0.1:1|${guest.root}/root\n`)
})

test('keeps a guest from the machine’s own lsblk, shutdown, mount and their like', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  const names = ['lsblk', 'fsfreeze', 'shutdown', 'poweroff', 'halt', 'reboot', 'systemctl', 'init', 'mount', 'umount']
  const { stdout } = await sh(
    guest,
    `for name in ${names.join(' ')}; do command -v $name; done; mount /dev/sdf /data 2>&1`,
  )
  expect(stdout).toBe(
    [...names.map((name) => join(guest.root, 'bin', name)), 'mount: not available in this guest', ''].join('\n'),
  )
})

test('lists disks as lsblk does: the root disk with its partition, serials without the dash, mount points from the mount table', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  await sh(guest, 'echo "/dev/sdf /data xfs rw 0 0" >>etc/mtab')
  const { stdout } = await sh(guest, 'lsblk --json -b -o NAME,SERIAL,TYPE,SIZE,FSTYPE,MOUNTPOINT')
  expect(JSON.parse(stdout)).toEqual({
    blockdevices: [
      {
        name: 'nvme0n1',
        serial: 'vol0aaaaaaaaaaaaaaa1',
        type: 'disk',
        size: 67_108_864,
        fstype: null,
        mountpoint: null,
        children: [
          { name: 'nvme0n1p1', serial: null, type: 'part', size: 66_060_288, fstype: 'ext4', mountpoint: '/' },
        ],
      },
      {
        name: 'nvme1n1',
        serial: 'vol0aaaaaaaaaaaaaaa2',
        type: 'disk',
        size: 67_108_864,
        fstype: 'xfs',
        mountpoint: '/data',
      },
    ],
  })
})

test('stops every writer while paused, and continues them on resume', async () => {
  const { guests, spec, data } = machine(WRITER)
  const guest = await guests.start(spec)
  const start = (): string => firstBytes(data.path).toString('latin1')
  await whenChanged(data.path, () => start().startsWith('0'))
  for (let round = 0; round < 20; round += 1) {
    guest.pause()
    const paused = start()
    for (let look = 0; look < 5; look += 1) expect(start() === paused).toBe(true)
    guest.resume()
    await whenChanged(data.path, () => start() !== paused)
  }
})

test('pauses children that a parent waits for in vfork', async () => {
  const { guests, spec } = machine('#!/bin/bash\ndash -c "while :; do /bin/true; /bin/true; done" &\n')
  const guest = await guests.start(spec)
  for (let round = 0; round < 50; round += 1) {
    guest.pause()
    guest.resume()
  }
})

test('lets a command wait until a pause is over', async () => {
  const { guests, spec } = machine()
  const guest = await guests.start(spec)
  guest.pause()
  const command = sh(guest, 'touch ran')
  expect(existsSync(join(guest.root, 'ran'))).toBe(false)
  guest.resume()
  expect((await command).exitCode).toBe(0)
  expect(existsSync(join(guest.root, 'ran'))).toBe(true)
})

test('ends a paused guest, and everything it left in the background or moved out of its session', async () => {
  const { guests, spec } = machine(`${WRITER}
setsid bash -c 'trap "" TERM; echo $$ >"$GUEST_ROOT/stubborn.new"; mv "$GUEST_ROOT/stubborn.new" "$GUEST_ROOT/stubborn"; while :; do sleep 0.01; done' &
`)
  const guest = await guests.start(spec)
  const stubborn = join(guest.root, 'stubborn')
  await whenChanged(stubborn, () => existsSync(stubborn) && existsSync(join(guest.root, 'pid')))
  const pids = [writerOf(guest.root), Number(readFileSync(stubborn, 'utf8'))]
  expect(pids.map(isAlive)).toEqual([true, true])
  guest.pause()
  const [first, second] = [guest.stop(), guest.stop()]
  expect(guests.ofInstance(INSTANCE_ID)).toBeUndefined()
  await Promise.all([first, second])
  await guest.stop()
  expect(pids.map(isAlive)).toEqual([false, false])
  expect(guests.all()).toEqual([guest])
  await expect(sh(guest, 'true')).rejects.toThrow('does not run')
})

test('ends what has left its session and thrown its environment away since it was seen', async () => {
  const { guests, spec } = machine(`#!/bin/bash
setsid bash -c 'echo $$ >"$GUEST_ROOT/pid.new"; mv "$GUEST_ROOT/pid.new" "$GUEST_ROOT/pid"
until [ -e "$GUEST_ROOT/go" ]; do /bin/sleep 0.01; done
exec env -i /bin/bash -c ": >$GUEST_ROOT/bare; while :; do /bin/sleep 0.01; done"' &
`)
  const guest = await guests.start(spec)
  const [pidFile, bare] = [join(guest.root, 'pid'), join(guest.root, 'bare')]
  await whenChanged(pidFile, () => existsSync(pidFile))
  guest.pause()
  guest.resume()
  writeFileSync(join(guest.root, 'go'), '')
  await whenChanged(bare, () => existsSync(bare))
  await guest.stop()
  expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
})

test('keeps the folder of a guest over a stop and a start, but not what is in memory', async () => {
  const { guests, spec } = machine()
  const first = await guests.start(spec)
  await expect(guests.start(spec)).rejects.toThrow('runs already')
  await sh(first, 'echo kept >tmp/kept; echo "/dev/sdf /data xfs rw 0 0" >>etc/mtab')
  await first.stop()
  const second = await guests.start(spec)
  expect(await sh(second, 'cat tmp/kept; cat etc/mtab')).toMatchObject({
    stdout: 'kept\n/dev/xvda / ext4 rw,relatime 0 0\n',
  })
})

test('can be started again after a start that failed', async () => {
  const { guests, spec, root, data } = machine()
  const lost = { ...data, path: `${data.path}.lost` }
  await expect(guests.start({ ...spec, disks: [root, lost] })).rejects.toThrow('ENOENT')
  expect(guests.ofInstance(INSTANCE_ID)).toBeUndefined()
  const guest = await guests.start(spec)
  expect(guest.running).toBe(true)
})

test('shows attached and detached disks at once, under names that stay, and kills whoever still uses a detached one', async () => {
  const { guests, spec, root, data } = machine(WRITER)
  const guest = await guests.start(spec)
  await whenChanged(join(guest.root, 'pid'), () => existsSync(join(guest.root, 'pid')))
  const third = emptyDisk(temporaryFolder(), '/dev/sdg', 'vol-0aaaaaaaaaaaaaaa3')
  guest.disksChanged([root, data, third])
  expect(isAlive(writerOf(guest.root))).toBe(true)
  guest.disksChanged([root, third])
  expect(isAlive(writerOf(guest.root))).toBe(false)
  const { stdout } = await sh(guest, 'ls -d dev/sd? dev/nvme* dev/xvd?; lsblk -J -d -o NAME,SERIAL | grep -o vol.*3')
  expect(stdout).toBe('dev/nvme0n1\ndev/nvme2n1\ndev/sdg\ndev/xvda\nvol0aaaaaaaaaaaaaaa3\n')
})

test('freezes a file system: its writers stop until the thaw, a pause in between changes nothing', async () => {
  const { guests, spec, data } = machine(WRITER)
  const guest = await guests.start(spec)
  await whenChanged(join(guest.root, 'pid'), () => existsSync(join(guest.root, 'pid')))
  await sh(guest, 'echo "/dev/sdf /data xfs rw 0 0" >>etc/mtab')
  expect(await sh(guest, 'fsfreeze -f /nowhere')).toMatchObject({ exitCode: 1 })
  expect(await sh(guest, 'fsfreeze -f /data')).toMatchObject({ exitCode: 0, stderr: '' })
  const frozen = firstBytes(data.path)
  guest.pause()
  guest.resume()
  expect(await sh(guest, 'fsfreeze -f /data')).toMatchObject({ exitCode: 1 })
  expect(firstBytes(data.path).equals(frozen)).toBe(true)
  expect(await sh(guest, 'fsfreeze -u /data')).toMatchObject({ exitCode: 0, stderr: '' })
  await whenChanged(data.path, () => !firstBytes(data.path).equals(frozen))
})

test('tells its owner of a shutdown after the minutes that it names, unless it is cancelled', async () => {
  const clock = manualClock(START_MS)
  const asked: string[] = []
  const { guests, spec } = machine(undefined, {
    clock,
    onPowerOff: (instanceId) => asked.push(instanceId),
  })
  const guest = await guests.start(spec)
  expect((await sh(guest, 'shutdown -h +5 && shutdown -c && shutdown -h +10')).exitCode).toBe(0)
  await clock.advance(9 * 60_000)
  expect(asked).toEqual([])
  await clock.advance(60_000)
  expect(asked).toEqual([INSTANCE_ID])
  await sh(guest, 'poweroff')
  await clock.advance(0)
  expect(asked).toEqual([INSTANCE_ID, INSTANCE_ID])
})

test('holds the clock for a command and for the user data, but not for what they leave in the background', async () => {
  const { guests, clock, spec } = machine('#!/bin/bash\nsleep 1000 &\n')
  const guest = await guests.start(spec)
  let slept = false
  const command = sh(guest, 'until [[ -e go ]]; do read -r -t 0.01 _ <> <(:); done; sleep 1000 &')
  const sleeping = clock.sleep(1000).then(() => (slept = true))
  await sh(guest, 'true')
  expect([slept, clock.now()]).toEqual([false, START_MS])
  writeFileSync(join(guest.root, 'go'), '')
  await command
  await sleeping
  expect(clock.now()).toBe(START_MS + 1000)
})

const module = (path: string): string => JSON.stringify(join(import.meta.dirname, '../../local', path))

test('leaves no guest behind when its host dies', async () => {
  const folder = temporaryFolder()
  const disk = emptyDisk(folder, '/dev/xvda', 'vol-0aaaaaaaaaaaaaaa1')
  const host = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { autoClock } from ${module('clock.ts')}
       import { createGuests } from ${module('guests/guests.ts')}
       const guests = createGuests({ clock: autoClock(0), directory: ${JSON.stringify(folder)} })
       const disks = [${JSON.stringify(disk)}]
       const userData = '#!/bin/bash\\nsleep 1000 & echo $! >"$GUEST_ROOT/pid.new"; mv "$GUEST_ROOT/pid.new" "$GUEST_ROOT/pid"'
       await guests.start({ instanceId: 'i-1', imageId: 'ami-1', userData, disks, tags: {}, privateIpAddress: '10.0.0.5' })
       setInterval(() => {}, 1000)`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const started = join(folder, 'i-1/pid')
  await whenChanged(join(folder, 'i-1'), () => existsSync(join(folder, 'i-1')))
  await whenChanged(started, () => existsSync(started))
  const pid = Number(readFileSync(started, 'utf8'))
  expect(isAlive(pid)).toBe(true)
  host.kill('SIGKILL')
  await once(host, 'exit')
  while (isAlive(pid)) await new Promise((done) => setImmediate(done))
})
