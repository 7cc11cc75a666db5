import { DescribeSnapshotsCommand, StopInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { loseAllButVaults } from '../../demo/loss.ts'
import { contentOf } from './disk-content.ts'
import type { ObservedCall } from '../../local/wire/server.ts'
import { desk } from '../cli/desk.ts'
import { catalogItems } from './catalog-items.ts'
import { expectClean } from './task-failures.ts'
import { tracesOf } from './traces.ts'
import { startWorld, type Run, type World } from './world.ts'

const SETTLED_MS = 10 * 60_000
const GIVEN_UP_MS = 4 * 3_600_000

let world: World
/** What a test does when the account is called. */
let onCall: (call: ObservedCall) => void = () => {}
beforeAll(async () => {
  world = await startWorld({ onCall: (call) => onCall(call) }, inject('copyingAssembly'))
})
afterAll(() => world.close())

interface Copied {
  readonly machine: string
  readonly point: string
  /** Of its disks as they were captured, by volume. */
  readonly hashes: ReadonlyMap<string, string>
}

/** A machine of two disks with some content, whose point is in the vault, and of which nothing else is left. */
async function lostMachine(): Promise<Copied> {
  const { account, fleet } = world
  const machine = await world.machine({ userData: '', policy: 'nightly', dataDisks: [{ device: '/dev/sdf' }] })
  for (const [device, mib] of [
    ['sda1', 4],
    ['sdf', 2],
  ] as const) {
    const command = `dd if=/dev/urandom of=dev/${device} bs=1M seek=64 count=${mib} conv=notrunc status=none`
    expect(await account.guests.ofInstance(machine)?.run(command, { timeoutMs: 30_000 })).toMatchObject({ exitCode: 0 })
  }
  const hashes = new Map<string, string>()
  const captured: Promise<unknown>[] = []
  account.ec2.observeCapture((capture) => {
    if (capture.instanceId !== machine) return
    for (const { volumeId, path } of capture.snapshots)
      captured.push(contentOf(path).then((hash) => hashes.set(volumeId, hash)))
  })
  const { result } = await world.run('protect-machine', { machine })
  expect(result.status).toBe('SUCCEEDED')
  await Promise.all(captured)
  const { point } = result.output as { point: string }
  expect((await world.run('copy-point', { machine, vault: 'main' })).result.status).toBe('SUCCEEDED')
  await loseAllButVaults(account, fleet)
  return { machine, point, hashes }
}

/** The machine is put back to its recovered point, and every disk is what was captured. */
async function expectReverts({ machine, hashes }: Copied, point?: string): Promise<void> {
  const disksBefore = new Map(world.fleet.disksOf(await world.fleet.describe(machine)))
  // Stopped, it writes nothing: the disks stay as they come back.
  await world.fleet.call(() => world.fleet.ec2.send(new StopInstancesCommand({ InstanceIds: [machine] })))
  await world.account.clock.sleep(SETTLED_MS)
  const { result } = await world.run('revert-machine', { machine, ...(point === undefined ? {} : { point }) })
  expect(result.status, result.cause).toBe('SUCCEEDED')
  for (const [device, volume] of world.fleet.disksOf(await world.fleet.describe(machine)))
    expect(await contentOf(world.account.ec2.volumePath(volume))).toBe(hashes.get(disksBefore.get(device) ?? ''))
}

const recover = (machine: string, more: object = {}): Promise<Run> => world.run('recover-point', { machine, ...more })

test('a point whose snapshots and records are lost is recovered from the vault, and the machine reverts to it byte for byte', async () => {
  const tandem = desk(world.account)
  const lost = await lostMachine()
  const planned = await tandem(`recover ${lost.machine} --plan`)
  expect(planned).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/12 blocks to write .*a Lambda for each disk/),
  })
  expect(await catalogItems(world)).toEqual([])
  const other = `pt-${'0'.repeat(20)}`
  expect(await tandem(`recover ${lost.machine} --point ${other} --wait`)).toMatchObject({
    exitCode: 3,
    err: expect.stringContaining(`There is: ${lost.point} of `),
  })

  const recovered = await tandem(`recover ${lost.machine} --wait`)
  expect(recovered).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^succeeded\n.*snapshotCount: 2/s) })
  expect(recovered.err).toMatch(/4\.0 MiB of 4\.0 MiB|6\.0 MiB of 6\.0 MiB/)
  const [, point = ''] = /point: (pt-\w+)/.exec(recovered.out) ?? []
  expect(point).not.toBe(lost.point)
  const links = await tandem(`links ${lost.machine} --point ${point}`)
  expect(links.out).toContain(`recovered from ${lost.point} in vault main`)
  expect((await tandem(`points ${lost.machine}`)).out).toMatch(new RegExp(`${point} .* complete, from main +2 `))

  // Once more, beside the first.
  const again = await recover(lost.machine)
  expect(again.result, again.result.cause).toMatchObject({ status: 'SUCCEEDED', output: { snapshotCount: 2 } })
  await expectReverts(lost)
})

test('a proxy writes the disks back, and one that is lost in the middle is replaced', async () => {
  const lost = await lostMachine()
  let ended: string | undefined
  onCall = ({ operation, caller }) => {
    const [, proxy] = /assumed-role\/tandem-proxy\/(i-\w+)$/.exec(caller.arn) ?? []
    if (proxy === undefined || ended !== undefined || operation !== 'PutSnapshotBlock') return
    ended = proxy
    void world.fleet.call(() => world.fleet.ec2.send(new TerminateInstancesCommand({ InstanceIds: [proxy] })))
  }
  const run = await recover(lost.machine, { path: 'proxy' })
  onCall = () => {}
  expect(ended).toMatch(/^i-/)
  expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED', output: { snapshotCount: 2 } })
  expectClean(await tracesOf(world, lost.machine))
  await expectReverts(lost)
})

test('a disk that is damaged in the vault is named, and nothing is left but the failed point', async () => {
  const { account, fleet } = world
  const lost = await lostMachine()
  const bucket = `tandem-vaults-${account.accountId}-${account.region}`
  for (const key of account.objects.list(bucket, 'main/packs/')) {
    const bytes = Buffer.from(account.objects.read(bucket, key) ?? [])
    bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200)
    account.objects.write(bucket, key, bytes)
  }
  const run = await recover(lost.machine)
  expect(run.result).toMatchObject({
    status: 'FAILED',
    error: 'VaultDamaged',
    cause: expect.stringMatching(/packs\/\w+/),
  })
  const after = await tracesOf(world, lost.machine)
  expectClean(after)
  expect(after.records).toEqual(['POINT failed'])
  // One that is deleted while it waits for blocks goes when EBS gives it up.
  await account.clock.sleep(GIVEN_UP_MS)
  const Filters = [{ Name: 'tag:tandem:machine', Values: [lost.machine] }]
  expect((await fleet.call(() => fleet.ec2.send(new DescribeSnapshotsCommand({ Filters })))).Snapshots).toEqual([])
})
