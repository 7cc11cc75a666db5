import { beforeEach, describe, expect, test } from 'vitest'
import type { DeployedVaults } from '../../../core/contracts/policies.ts'
import type { MachineRecord, PointRecord } from '../../../core/contracts/records.ts'
import type { CopyVault, NewSnapshot, PointContent, PointInVault } from '../../../core/copy-ports.ts'
import { TandemError } from '../../../core/errors.ts'
import { planRecovery } from '../../../core/use-cases/plan-recovery.ts'
import { startSnapshots } from '../../../core/use-cases/start-snapshots.ts'
import { hasTags, memoryCatalog, memoryClock, memoryEbs, type MemoryEbs } from '../memory.ts'
import { configuration, disksOf, MACHINE, NOW, observedSnapshot, OWNER, RUN, runOf, snapshotOf } from '../samples.ts'

/** A point comes back from a vault as a new point, with nothing of the catalog. */
const GIB = 1024 ** 3
const disks = disksOf(2)
const OLD = `pt-${'0'.repeat(19)}7`
const NEWER = `pt-${'0'.repeat(19)}8`
const place = (prefix: string) => ({
  bucket: 'vaults',
  prefix,
  key: 'arn:aws:kms:eu-west-1:111122223333:key/1',
  isOwn: true,
})

const contentOf = (capturedAt: string, changes: Partial<PointContent> = {}): PointContent => ({
  capturedAt,
  disks: disks.map(({ volume }) => ({ volume, copy: `disks/${volume}/1`, sizeBytes: 8 * GIB, blockCount: 100 })),
  machineConfiguration: {
    policy: 'nightly',
    consistency: 'crash',
    configuration: configuration(),
    members: disks.map((disk, index) => ({ ...disk, snapshot: snapshotOf(index + 1) })),
    unprotected: [],
  },
  ...changes,
})

/** Points of each vault, by its prefix; one without any was never made. */
let held: Record<string, (PointInVault & { content: PointContent })[]>
let places: DeployedVaults
let machine: { machine?: MachineRecord }
let points: Map<string, PointRecord>
let ebs: MemoryEbs
let living: Set<string>
/** Prefixes of vaults that nobody may read. */
let unreachable: Set<string>

const inVault = (point: string, capturedAt: string, changes?: Partial<PointContent>) => ({
  manifest: `points/${MACHINE}/${point}`,
  point,
  capturedAt,
  content: contentOf(capturedAt, changes),
})

beforeEach(() => {
  held = { 'main/': [inVault(OLD, '2026-02-01T00:00:00.000Z'), inVault(NEWER, '2026-02-02T00:00:00.000Z')] }
  places = { main: place('main/') }
  points = new Map()
  machine = {}
  ebs = memoryEbs()
  living = new Set()
  unreachable = new Set()
})

const catalog = () =>
  memoryCatalog({
    get machine() {
      return machine.machine
    },
    set machine(record) {
      machine.machine = record
    },
    points,
    reverts: new Map(),
  })

const ports = () => ({
  catalog: catalog(),
  clock: memoryClock(),
  owner: OWNER,
  places,
  executions: { isRunning: async (run: string) => living.has(run) },
  snapshots: {
    tagged: async (tags: Readonly<Record<string, string>>) =>
      [...ebs.snapshots.values()].filter((found) => hasTags(found.tags, tags)),
    ensureDeleted: async (snapshot: string) => void ebs.snapshots.delete(snapshot),
  },
  vaults: {
    open: async ({ prefix }: { prefix: string }) => {
      if (unreachable.has(prefix)) throw new TandemError('AccessDenied', 'no way in')
      const found = held[prefix]
      if (!found) throw new TandemError('VaultNotFound', `There is no vault at ${prefix}.`)
      return {
        points: async () => found,
        point: async (manifest: string) => found.find((one) => one.manifest === manifest)?.content,
      } as unknown as CopyVault
    },
  },
})

const plan = (request: object = {}, run = RUN) =>
  planRecovery(ports())({ request: { machine: MACHINE, ...request }, run, startedAt: NOW })

describe('the plan of a recovery', () => {
  test('takes the newest point of the machine in any vault, and reserves a new point for it', async () => {
    places = { main: place('main/'), offsite: place('offsite/'), unused: place('unused/') }
    const newest = `pt-${'0'.repeat(19)}9`
    held['offsite/'] = [inVault(newest, '2026-02-03T00:00:00.000Z')]
    const planned = await plan()
    expect(planned).toMatchObject({ vault: 'offsite', copyOf: newest, path: 'direct', diskCount: 2, isPlanOnly: false })
    expect(points.get(planned.point)).toMatchObject({
      state: 'reserved',
      policy: 'nightly',
      recovery: { vault: 'offsite', url: 's3://vaults/offsite/', point: newest },
    })
    expect(machine.machine).toMatchObject({ machine: MACHINE, observedAt: '2026-02-03T00:00:00.000Z' })
  })

  test('goes by what it can reach, and says what it could not look into', async () => {
    places = { offsite: { ...place('offsite/'), isOwn: false }, main: place('main/') }
    unreachable.add('offsite/')
    const planned = await plan()
    expect(planned).toMatchObject({ vault: 'main', copyOf: NEWER })
    expect(planned.reason).toMatch(/not looked into: vault offsite \(AccessDenied: no way in\)$/)
    held = {}
    await expect(plan({}, runOf('other'))).rejects.toMatchObject({ name: 'AccessDenied' })
    await expect(plan({ vault: 'offsite' }, runOf('third'))).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('leaves alone what the catalog knows of the machine', async () => {
    const known = { machine: MACHINE, policy: 'hourly' } as MachineRecord
    machine.machine = known
    await plan({ point: OLD })
    expect(machine.machine).toBe(known)
  })

  test('that is only asked for writes nothing', async () => {
    expect(await plan({ plan: true })).toMatchObject({ copyOf: NEWER, isPlanOnly: true })
    expect(points.size).toBe(0)
    expect(machine.machine).toBeUndefined()
  })

  test('made twice is the same, whatever the vault got meanwhile', async () => {
    const first = await plan()
    held['main/']?.push(inVault(`pt-${'0'.repeat(19)}9`, '2026-02-09T00:00:00.000Z'))
    expect(await plan()).toEqual(first)
    expect(points.size).toBe(1)
  })

  test.each([
    [
      { point: `pt-${'f'.repeat(20)}` },
      'CopyNotFound',
      /There is no point pt-f+ .* in any vault .* There is: pt-0+7 of .* in main/,
    ],
    [{ vault: 'elsewhere' }, 'VaultNotFound', /There is no vault elsewhere in this deployment. It has: main./],
    [{ path: 'fast' }, 'InvalidInput', /path: /],
  ])('%j is refused with what there is', async (request, name, message) => {
    await expect(plan(request)).rejects.toMatchObject({ name, message: expect.stringMatching(message) })
    expect(points.size).toBe(0)
  })

  test('says of a machine that was never copied that it was not', async () => {
    held = {}
    await expect(plan()).rejects.toMatchObject({ name: 'CopyNotFound', message: expect.stringMatching(/never copied/) })
  })

  test.each([
    ['that another program wrote', { machineConfiguration: { hostname: 'db' } }],
    ['that lacks a disk', { disks: contentOf(NOW).disks.slice(1) }],
  ])('refuses a point %s', async (_, changes) => {
    held['main/'] = [inVault(OLD, NOW, changes)]
    await expect(plan()).rejects.toMatchObject({ name: 'VaultDamaged' })
  })

  test('uses proxies for disks that a Lambda does not write in its time, each with about as much to do', async () => {
    const large = contentOf(NOW).disks.map((disk) => ({ ...disk, sizeBytes: 1024 * GIB, blockCount: 2_000_000 }))
    held['main/'] = [inVault(OLD, NOW, { disks: large })]
    const planned = await plan()
    expect(planned).toMatchObject({
      path: 'proxy',
      proxyCount: 2,
      reason: expect.stringMatching(/4,000,000 blocks .* \$24\.00/),
    })
    expect(points.get(planned.point)?.recovery?.proxies.map(({ disks: of }) => of)).toEqual([[0], [1]])
  })

  test('settles what a recovery whose run is dead left, and no other open point', async () => {
    const dead = runOf('dead')
    const abandoned = (await plan({}, dead)).point
    const capturing = { ...points.get(abandoned), point: OLD, recovery: undefined } as unknown as PointRecord
    points.set(OLD, capturing)
    ebs.snapshots.set(
      'snap-1',
      observedSnapshot('snap-1', 'vol-ffffffff', {
        tags: { 'tandem:owner': OWNER, 'tandem:point': abandoned, 'tandem:run': dead },
      }),
    )
    await plan()
    expect(points.get(abandoned)).toMatchObject({ state: 'failed', failure: { error: 'RunEnded' } })
    expect(points.get(OLD)?.state).toBe('reserved')
    expect(ebs.snapshots.size).toBe(0)
  })
})

describe('the new snapshots of a recovery', () => {
  let asked: NewSnapshot[]
  let failing: TandemError | undefined
  beforeEach(() => {
    asked = []
    failing = undefined
  })
  const start = async (point: string) =>
    startSnapshots({
      catalog: catalog(),
      clock: memoryClock(),
      owner: OWNER,
      blocks: {
        async start(order) {
          asked.push(order)
          if (failing) throw failing
          return snapshotOf(100 + disks.findIndex(({ volume }) => order.description.includes(volume)))
        },
      },
    })({ machine: MACHINE, run: RUN, point, vault: 'main' })

  test('are one for each disk, as large and encrypted as it was, with our tags and the instant of the old point', async () => {
    const { point } = await plan()
    expect(await start(point)).toEqual({ snapshotCount: 2 })
    expect(asked).toMatchObject(disks.map(() => ({ sizeGiB: 8, encrypted: true, tags: { 'tandem:point': point } })))
    expect(points.get(point)).toMatchObject({
      state: 'captured',
      capturedAt: '2026-02-02T00:00:00.000Z',
      members: [{ snapshot: snapshotOf(100) }, { snapshot: snapshotOf(101) }],
    })
  })

  test('are asked for again with the same tokens, and not when they are known', async () => {
    const { point } = await plan()
    failing = new TandemError('AwsUnavailable', 'no answer')
    await expect(start(point)).rejects.toMatchObject({ name: 'AwsUnavailable' })
    expect(points.get(point)?.state).toBe('capturing')
    failing = undefined
    await start(point)
    expect(asked[0]?.clientToken).toBe(asked[1]?.clientToken)
    expect(new Set(asked.map(({ clientToken }) => clientToken)).size).toBe(2)
    await start(point)
    expect(asked).toHaveLength(3)
  })

  test('take another key where one is named, and say how to name one when a disk has lost its own', async () => {
    const { point } = await plan({ kmsKey: 'alias/spare' })
    failing = new TandemError('InvalidInput', 'The key cannot be used.')
    await expect(start(point)).rejects.toMatchObject({ message: expect.stringMatching(/key of vol-\w+; .*"kmsKey"/) })
    expect(asked).toMatchObject([{ encrypted: true, kmsKey: 'alias/spare' }])
  })

  test('are not made for a point that was given up', async () => {
    const { point } = await plan()
    const { recovery, ...rest } = points.get(point) as PointRecord & { recovery: object }
    points.set(point, {
      ...rest,
      recovery,
      state: 'failed',
      failedAt: NOW,
      failure: { error: 'x', cause: 'y' },
    })
    await expect(start(point)).rejects.toMatchObject({ name: 'LostRace' })
    expect(asked).toEqual([])
  })
})
