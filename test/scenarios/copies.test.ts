import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeleteSnapshotCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  TerminateInstancesCommand,
  type Instance,
} from '@aws-sdk/client-ec2'
import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { contentOf } from './disk-content.ts'
import { stateMachineArn } from '../../demo/state-machines.ts'
import { tandem } from '../../demo/tandem.ts'
import type { ObservedCall } from '../../local/wire/server.ts'
import { desk } from '../cli/desk.ts'
import { catalogItems } from './catalog-items.ts'
import { startWorld, type Run, type World } from './world.ts'

const HOUR_MS = 3_600_000
const MEBIBYTE = 1024 ** 2

let world: World
/** What a test does when the account is called. */
let onCall: (call: ObservedCall) => void = () => {}
const folder = mkdtempSync(join(tmpdir(), 'tandem-copies-'))
beforeAll(async () => {
  world = await startWorld({ onCall: (call) => onCall(call) }, inject('copyingAssembly'))
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

/** Records of the machine's copies, oldest first. */
const copiesOf = async (machine: string) =>
  (await catalogItems(world))
    .filter(({ pk, sk }) => pk === `MACHINE#${machine}` && String(sk).startsWith('COPY#'))
    .toSorted((one, other) => String(one['capturedAt']).localeCompare(String(other['capturedAt'])))

const vaultBucket = (): string => `tandem-vaults-${world.account.accountId}-${world.account.region}`
const vaultUrl = (): string => `s3://${vaultBucket()}/main`
/** Keys of the vault's objects that begin so. */
const inVault = (prefix: string): string[] => world.account.objects.list(vaultBucket(), `main/${prefix}`)

/** Random bytes on a disk, written by the machine. */
async function write(machine: string, device: string, { atMib = 0, mib = 4 } = {}): Promise<void> {
  const guest = world.account.guests.ofInstance(machine)
  const command = `dd if=/dev/urandom of=dev/${device} bs=1M seek=${atMib} count=${mib} conv=notrunc status=none`
  expect(await guest?.run(command, { timeoutMs: 30_000 })).toMatchObject({ exitCode: 0 })
}

interface Captured {
  readonly point: string
  /** Frozen content by volume. */
  readonly paths: ReadonlyMap<string, string>
  readonly snapshots: readonly string[]
}

/** Protects the machine, and returns the point with what its disks held. */
async function protect(machine: string): Promise<Captured> {
  const snapshots: string[] = []
  const paths = new Map<string, string>()
  world.account.ec2.observeCapture((capture) => {
    if (capture.instanceId !== machine) return
    for (const { volumeId, path, snapshotId } of capture.snapshots) {
      paths.set(volumeId, path)
      snapshots.push(snapshotId)
    }
  })
  const { result } = await world.run('protect-machine', { machine })
  expect(result.status).toBe('SUCCEEDED')
  return { point: (result.output as { point: string }).point, paths, snapshots }
}

async function hashesOf({ paths }: Captured): Promise<Map<string, string>> {
  const hashes = new Map<string, string>()
  for (const [volume, path] of paths) hashes.set(volume, await contentOf(path))
  return hashes
}

/** What the vault alone gives back of each disk. */
async function restored(volumes: Iterable<string>): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const volume of volumes) {
    const path = join(folder, volume)
    await tandem(world.account, ['vault', 'restore', path, '--from', vaultUrl(), '--name', volume])
    found.set(volume, await contentOf(path))
    rmSync(path)
  }
  return found
}

async function proxiesOf({ arn }: Pick<Run, 'arn'>): Promise<Instance[]> {
  const { fleet } = world
  const Filters = [{ Name: 'tag:tandem:run', Values: [arn] }]
  const { Reservations = [] } = await fleet.call(() => fleet.ec2.send(new DescribeInstancesCommand({ Filters })))
  return Reservations.flatMap(({ Instances = [] }) => Instances)
}

/** Of the proxies of a run. */
const statesOf = async (run: Pick<Run, 'arn'>) => (await proxiesOf(run)).map(({ State }) => State?.Name)

/** Nothing is left of a run but its records: no proxy, no volume of one, no open ledger entry. */
async function expectNoOrphans({ arn }: Pick<Run, 'arn'>): Promise<void> {
  const { fleet } = world
  const ours = [{ Name: 'tag:tandem:run', Values: [arn] }]
  for (const state of await statesOf({ arn })) expect(state).toMatch(/terminated|shutting-down/)
  const { Volumes = [] } = await fleet.call(() => fleet.ec2.send(new DescribeVolumesCommand({ Filters: ours })))
  expect(Volumes.filter(({ State }) => State !== 'deleting')).toEqual([])
  expect((await catalogItems(world)).filter(({ pk }) => pk === `RUN#${arn}`)).toEqual([])
}

/** Two disks without a workload: what is on them is what a test wrote. */
const quietMachine = (policy: string): Promise<string> =>
  world.machine({ userData: '', policy, dataDisks: [{ device: '/dev/sdf' }] })

test('a new point goes into the vault of its policy once a day, first whole, then what has changed, and comes back when all else is gone', async () => {
  const machine = await quietMachine('hourly')
  await write(machine, 'sda1', { atMib: 64 })
  const first = await protect(machine)
  await world.account.clock.sleep(10 * 60_000)
  const [full] = await copiesOf(machine)
  expect(full).toMatchObject({ state: 'committed', point: first.point, path: 'direct' })
  expect(full?.['newBytes']).toBe(4 * MEBIBYTE)

  await world.account.clock.sleep(HOUR_MS)
  await protect(machine)
  await world.account.clock.sleep(23 * HOUR_MS)
  expect(await copiesOf(machine)).toHaveLength(1)

  await write(machine, 'sdf', { atMib: 100, mib: 2 })
  const later = await protect(machine)
  await world.account.clock.sleep(10 * 60_000)
  const copies = await copiesOf(machine)
  expect(copies.map(({ state, point }) => ({ state, point }))).toEqual([
    { state: 'committed', point: first.point },
    { state: 'committed', point: later.point },
  ])
  const disks = copies[1]?.['disks'] as { volume: string; blockCount: number; since?: object }[]
  for (const disk of disks) expect(disk.since).toMatchObject({ snapshot: expect.stringMatching(/^snap-/) })
  expect(disks.map(({ blockCount }) => blockCount)).toEqual([0, 4])
  expect(copies[1]).toMatchObject({ readBytes: 2 * MEBIBYTE, newBytes: 2 * MEBIBYTE })

  const held = await hashesOf(later)
  for (const SnapshotId of later.snapshots)
    await world.fleet.call(() => world.fleet.ec2.send(new DeleteSnapshotCommand({ SnapshotId })))
  expect(await restored(held.keys())).toEqual(held)
})

const terminate = (InstanceId: string): Promise<unknown> =>
  world.fleet.call(() => world.fleet.ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] })))

const copy = (machine: string): Promise<Run> => world.run('copy-point', { machine, vault: 'main', path: 'proxy' })
/** How each proxy of a run is paid, in the order of their launches. */
const launched = async (run: Pick<Run, 'arn'>) =>
  (await proxiesOf(run)).map(({ InstanceLifecycle }) => InstanceLifecycle ?? 'on-demand')

const writesPack = ({ operation, input }: { operation: string; input: unknown }): boolean =>
  operation === 'PutObject' && String((input as { Key?: string }).Key).includes('/packs/')

const denied = { kind: 'fail', code: 'AccessDenied', message: 'planned by the test', status: 403 } as const

describe('a proxy', () => {
  test('makes the same copy, and takes its disks with it', async () => {
    const machine = await quietMachine('nightly')
    // The smallest disk that the mover shares out among threads, which are its own bundle.
    await write(machine, 'sda1', { atMib: 64, mib: 96 })
    await write(machine, 'sdf', { atMib: 10 })
    const point = await protect(machine)
    const run = await copy(machine)
    expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED', output: { newBytes: 100 * MEBIBYTE } })
    expect(await launched(run)).toEqual(['spot'])
    await world.account.clock.sleep(5 * 60_000)
    await expectNoOrphans(run)
    expect(await restored(point.paths.keys())).toEqual(await hashesOf(point))

    const again = await copy(machine)
    expect(again.result).toMatchObject({ status: 'SUCCEEDED', output: { path: 'none' } })
    expect(await copiesOf(machine)).toHaveLength(1)
  })

  test('does not take more than 20 disks: a machine of 21 is copied by two, into one point', async () => {
    const devices = Array.from('fghijklmnopqrstuvwxy', (letter) => `sd${letter}`)
    const dataDisks = devices.map((device) => ({ device: `/dev/${device}` }))
    const machine = await world.machine({ userData: '', policy: 'nightly', dataDisks })
    for (const device of ['sda1', ...devices]) await write(machine, device, { atMib: 10, mib: 1 })
    const point = await protect(machine)
    const run = await copy(machine)
    expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED', output: { newBytes: 21 * MEBIBYTE } })
    expect(await launched(run)).toEqual(['spot', 'spot'])
    await world.account.clock.sleep(5 * 60_000)
    await expectNoOrphans(run)
    const [record, ...others] = await copiesOf(machine)
    expect([record?.['state'], others]).toEqual(['committed', []])
    expect(inVault(`points/${machine}/`)).toHaveLength(1)
    // The run has verified all of them; a few of each proxy's are brought back.
    const some = { ...point, paths: new Map([...point.paths].filter((_, index) => index % 5 === 0)) }
    expect(await restored(some.paths.keys())).toEqual(await hashesOf(some))
  })

  test('is paid for as usual where there is no spot capacity', async () => {
    const machine = await quietMachine('nightly')
    await protect(machine)
    const restore = world.account.ec2.lackCapacity({ market: 'spot' }, 10)
    const run = await copy(machine)
    restore()
    expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED' })
    expect(await launched(run)).toEqual(['on-demand'])
  })

  test.each([
    { what: 'crashes', end: (proxy: string) => world.account.guests.kill(proxy, 'panic') },
    { what: 'is terminated', end: (proxy: string) => void terminate(proxy) },
  ])('that $what in the middle of its work is replaced, and the copy is whole', async ({ end }) => {
    const machine = await quietMachine('nightly')
    await write(machine, 'sda1', { atMib: 64 })
    const point = await protect(machine)
    let ended: string | undefined
    onCall = ({ operation, caller, input }) => {
      const [, proxy] = /assumed-role\/tandem-proxy\/(i-\w+)$/.exec(caller.arn) ?? []
      const { Key = '' } = input as { Key?: string }
      if (proxy === undefined || ended !== undefined || operation !== 'PutObject' || !Key.includes('/packs/')) return
      ended = proxy
      void end(proxy)
    }
    const run = await copy(machine)
    onCall = () => {}
    expect(ended).toMatch(/^i-/)
    expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED' })
    expect((await launched(run)).toSorted()).toEqual(['on-demand', 'spot'])
    await world.account.clock.sleep(5 * 60_000)
    await expectNoOrphans(run)
    expect(await copiesOf(machine)).toHaveLength(1)
    expect(await restored(point.paths.keys())).toEqual(await hashesOf(point))
  })

  test('that was launched by a task which then failed is ended at once', async () => {
    const machine = await quietMachine('nightly')
    await protect(machine)
    let hasLaunched = false
    onCall = ({ operation }) => {
      if (operation === 'RunInstances') hasLaunched = true
    }
    const notesProxy = ({ operation }: { operation: string }): boolean => hasLaunched && operation === 'UpdateItem'
    world.account.faults.onCall(notesProxy, { ...denied, code: 'AccessDeniedException', status: 400 })
    const run = await copy(machine)
    onCall = () => {}
    world.account.faults.clear()
    expect(run.result).toMatchObject({ status: 'FAILED', error: 'AccessDenied' })
    expect(await statesOf(run)).toEqual(['shutting-down'])
    await world.account.clock.sleep(5 * 60_000)
    await expectNoOrphans(run)
  })

  test('that may not write into the vault says so, and nothing is left of the run', async () => {
    const machine = await quietMachine('nightly')
    await write(machine, 'sda1', { atMib: 64 })
    await protect(machine)
    world.account.faults.onCall(writesPack, denied)
    const run = await copy(machine)
    expect(world.account.faults.unused).toBe(0)
    expect(run.result).toMatchObject({ status: 'FAILED', error: 'AccessDenied' })
    expect(await copiesOf(machine)).toMatchObject([{ state: 'failed', failure: { error: 'AccessDenied' } }])
    await world.account.clock.sleep(5 * 60_000)
    await expectNoOrphans(run)

    const again = await copy(machine)
    expect(again.result, again.result.cause).toMatchObject({ status: 'SUCCEEDED' })
    expect(await copiesOf(machine)).toMatchObject([{ state: 'committed' }])
  })
})

/** Lets no run start a copy, until what it returns is called. */
async function denyCopies(): Promise<() => Promise<unknown>> {
  const { endpoint, region, credentials } = world.account
  const iam = new IAMClient({ endpoint, region, credentials })
  const sfn = new SFNClient({ endpoint, region, credentials })
  const asked = { stateMachineArn: stateMachineArn(world.account, 'protect-machine') }
  const { roleArn = '' } = await world.fleet.call(() => sfn.send(new DescribeStateMachineCommand(asked)))
  const name = { RoleName: roleArn.slice(roleArn.lastIndexOf('/') + 1), PolicyName: 'no-copies' }
  const Statement = [{ Effect: 'Deny', Action: 'states:StartExecution', Resource: '*' }]
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
  await world.fleet.call(() => iam.send(new PutRolePolicyCommand({ ...name, PolicyDocument })))
  return () => world.fleet.call(() => iam.send(new DeleteRolePolicyCommand(name)))
}

test('a run that ends behind its disks is finished by the next one: each disk is in the vault once, and the point is committed once', async () => {
  const { account } = world
  const machine = await quietMachine('nightly')
  await write(machine, 'sda1', { atMib: 64 })
  const { paths } = await protect(machine)
  const effect = { kind: 'fail', error: 'UnexpectedAwsError', message: 'planned by the test' } as const
  account.faults.onInvocation(({ functionName }) => functionName === 'tandem-verify-copy', effect)
  const first = await world.run('copy-point', { machine, vault: 'main' })
  expect(first.result).toMatchObject({ status: 'FAILED', error: 'UnexpectedAwsError' })
  expect(inVault(`points/${machine}/`)).toEqual([])

  const second = await world.run('copy-point', { machine, vault: 'main' })
  expect(second.result, second.result.cause).toMatchObject({ status: 'SUCCEEDED' })
  for (const volume of paths.keys()) expect(inVault(`disks/${volume}/`)).toHaveLength(1)
  expect(inVault(`points/${machine}/`)).toHaveLength(1)
})

test('the command starts a copy, shows how far it is, and where else a point is; a copy that failed is a finding', async () => {
  const tandem = desk(world.account)
  const machine = await quietMachine('nightly')
  await write(machine, 'sda1', { atMib: 64 })
  const { point } = await protect(machine)
  expect(await tandem(`copy ${machine} --vault elsewhere --wait`)).toMatchObject({
    exitCode: 3,
    err: expect.stringContaining('There is no vault elsewhere in this deployment. It has: main, offsite.'),
  })

  const objects = inVault('')
  const plan = await tandem(`copy ${machine} --vault main --plan`)
  expect(plan).toMatchObject({ exitCode: 0, err: '' })
  expect(plan.out).toContain(`Point ${point} of ${machine}, captured at `)
  expect(plan.out).toMatch(/^vol-\w+ +snap-\w+ +1\.0 GiB +8 +4\.0 MiB +- \(no earlier copy\)$/m)
  expect(plan.out).toMatch(/^By the EBS direct APIs: 8 blocks to read: /m)
  const asJson = JSON.parse((await tandem(`copy ${machine} --vault main --path proxy --plan --json`)).out) as object
  expect(asJson).toMatchObject({ path: 'proxy', blockCount: 8, proxies: [{ disks: [0, 1] }] })
  expect(inVault('')).toEqual(objects)
  expect(await copiesOf(machine)).toEqual([])

  world.account.faults.onCall(writesPack, denied)
  await tandem(`copy ${machine} --vault main --wait`)
  const failed = await tandem('status')
  expect(failed.exitCode).toBe(3)
  expect(failed.out).toMatch(new RegExp(`! ${point} of ${machine} was not copied to vault main: AccessDenied: `))
  expect(failed.out).toContain(`tandem copy ${machine} --vault main --wait`)

  const copied = await tandem(`copy ${machine} --vault main --path direct --wait`)
  expect(copied).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^succeeded\n.*vault: main/s) })
  expect(copied.err).toMatch(/CopyDisk/)
  expect(copied.err).toMatch(/4\.0 MiB of 4\.0 MiB, .*\/s/)
  expect((await tandem(`links ${machine}`)).out).toMatch(/snap-\w+ +main$/m)
  expect((await tandem(`points ${machine}`)).out).toMatch(new RegExp(`${point} .* complete +2 +2 +main`))
  const [view] = JSON.parse((await tandem(`points ${machine} --json`)).out) as { copies: object[] }[]
  expect(view?.copies).toMatchObject([{ vault: 'main', state: 'committed', reason: '8 blocks to read: asked for' }])
})

test('a copy that cannot be started costs the point nothing, and is told by the run and, when it is overdue, by the status', async () => {
  const tandem = desk(world.account)
  const machine = await quietMachine('hourly')
  const allowed = await denyCopies()
  const { result, arn } = await world.run('protect-machine', { machine })
  expect(result, result.cause).toMatchObject({
    status: 'SUCCEEDED',
    output: { copies: [{ vault: 'main', started: false, cause: expect.stringMatching(/states:StartExecution/) }] },
  })
  const attention = `! ${machine} should be copied to vault main every day, and was never; no copy of`
  expect((await tandem('status')).out).not.toContain(attention)
  await world.account.clock.sleep(HOUR_MS + 60_000)
  const late = await tandem('status')
  const advice = `tandem copy ${machine} --vault main --wait; why not is in the output of ${arn}`
  expect(late).toMatchObject({ exitCode: 3, err: '', out: expect.stringContaining(attention) })
  expect(late.out).toContain(advice)

  await allowed()
  const { result: next } = await world.run('protect-machine', { machine })
  expect(next).toMatchObject({ status: 'SUCCEEDED', output: { copies: [{ vault: 'main', started: true }] } })
  await world.account.clock.sleep(10 * 60_000)
  expect(await copiesOf(machine)).toMatchObject([{ state: 'committed' }])
  expect((await tandem('status')).out).not.toContain(attention)
})
