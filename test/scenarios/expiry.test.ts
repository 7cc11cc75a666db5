import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { contentOf } from './disk-content.ts'
import { tandem as tandemHere } from '../../demo/tandem.ts'
import { desk } from '../cli/desk.ts'
import { catalogItems } from './catalog-items.ts'
import { startWorld, type World } from './world.ts'

/** Longer than a copy of a small disk by the EBS direct APIs. */
const COPIED_MS = 10 * 60_000

/** One machine whose points are copied twice a day and kept for three, and a history that the tests below go through in their order. */
let world: World
const assembly = inject('expiringAssembly')
let machine: string
/** Oldest first. */
const points: string[] = []
const paths = new Map<string, string>()
const folder = mkdtempSync(join(tmpdir(), 'tandem-expiry-'))
beforeAll(async () => {
  world = await startWorld({}, assembly)
  machine = await world.machine({ userData: '', dataDisks: [] })
})
/** A hook for each, with a time limit of its own: a point with its copy is some twenty Lambdas. */
for (const [day, hour] of [
  [0, 12],
  [1, 1],
  [1, 14],
] as const)
  beforeAll(async () => {
    await until(day, hour)
    await takePoint()
  })
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

/** Of a day of the history, which begins on day 0 at ten. */
const until = async (day: number, hour: number): Promise<void> => {
  const untilMs = Date.UTC(2026, 10, 23 + day, hour)
  await world.account.clock.sleep(Math.max(0, untilMs - world.account.clock.now()))
}

/** Four new MiB at one place of the disk, two at another, then a point, which its policy copies. */
async function takePoint(): Promise<void> {
  const guest = world.account.guests.ofInstance(machine)
  for (const [atMib, mib] of [
    [64, 4],
    [100 + 2 * points.length, 2],
  ])
    await guest?.run(`dd if=/dev/urandom of=dev/sda1 bs=1M seek=${atMib} count=${mib} conv=notrunc status=none`, {
      timeoutMs: 30_000,
    })
  world.account.ec2.observeCapture(({ snapshots }) => {
    for (const { volumeId, path } of snapshots) paths.set(volumeId, path)
  })
  const { result } = await world.run('protect-machine', { machine })
  points.push((result.output as { point: string }).point)
  await world.account.clock.sleep(COPIED_MS)
}

const inVault = (below: string): string[] =>
  world.account.objects.list(`tandem-vaults-${world.account.accountId}-${world.account.region}`, `main/${below}/`)

/** Points in the vault, oldest first, by their places in the history. */
const held = (): number[] => inVault('points').map((name) => points.findIndex((point) => name.endsWith(point)))

const copies = async () =>
  (await catalogItems(world))
    .filter(({ sk }) => String(sk).startsWith('COPY#'))
    .toSorted((one, other) => String(one['capturedAt']).localeCompare(String(other['capturedAt'])))

const told = async (): Promise<unknown[]> => (await copies()).map(({ state }) => state)

const expire = (input: object = {}) => world.run('expire-copies', input)

const denied = { kind: 'fail', code: 'AccessDenied', message: 'planned by the test', status: 403 } as const
const unexpected = { kind: 'fail', error: 'UnexpectedAwsError', message: 'planned by the test' } as const
const ofOffsite = ({ input }: { input: unknown }): boolean => {
  const { Key, Prefix = '' } = input as { Key?: string; Prefix?: string }
  return (Key ?? Prefix).startsWith('offsite/')
}
const tells = ({ operation, input }: { operation: string; input: unknown }): boolean =>
  operation === 'PutItem' && JSON.stringify(input).includes('"expired"')
const runsOf = (name: string) => (invocation: { functionName: string }) => invocation.functionName === `tandem-${name}`

test('points that are younger than their policy keeps stay, also by the runs of every morning', async () => {
  const run = await expire()
  expect(run.result, run.result.cause).toMatchObject({
    status: 'SUCCEEDED',
    output: {
      vaults: [
        { vault: 'main', expiredPointCount: 0 },
        { vault: 'offsite', expiredPointCount: 0 },
      ],
    },
  })
  expect(held()).toEqual([0, 1, 2])
  expect(await told()).toEqual(['committed', 'committed', 'committed'])
})

test('a wrong input is refused before anything goes', async () => {
  for (const input of [{ vault: 'elsewhere' }, { vaults: ['main'] }])
    expect((await expire(input)).result).toMatchObject({ status: 'FAILED', error: 'InvalidInput' })
})

test('the plan shows what would go and why, and changes nothing', async () => {
  // The first point is older than three days now, and the run of the morning came before it was.
  await until(3, 13)
  const tandem = desk(world.account)
  const { exitCode, out } = await tandem('expire --plan --policies expiring.json')
  expect(exitCode).toBe(0)
  expect(out).toMatch(new RegExp(`main +points/${machine}/\\S+-${points[0]} +policy hourly keeps 3 days`))
  expect(out).toMatch(/main +disks\/vol-\S+ +no point needs it any more/)
  expect(out).toMatch(/main \(s3:.*\): 1 point would go \(copies of disks: 1\), 2 points would stay/)
  expect(out).toMatch(/offsite \(s3:.*\): 0 points would go/)
  const plan = JSON.parse((await tandem('expire --plan --policies expiring.json --vault main --json')).out) as {
    vaults: { points: { reason: string }[] }[]
  }
  expect(plan.vaults[0]?.points.map(({ reason }) => reason)).toEqual([
    `the newest of ${machine}`,
    'younger than the 3 days that policy hourly keeps',
    'policy hourly keeps 3 days',
  ])
  expect(await tandem('expire --plan')).toMatchObject({ exitCode: 0, out: expect.stringContaining('all stay') })
  expect(held()).toEqual([0, 1, 2])
})

test.each(['plan-expiry', 'expire-vault'])('a run whose %s fails changes nothing, and ends red', async (name) => {
  world.account.faults.onInvocation(runsOf(name), unexpected)
  const { result } = await expire({ vault: 'main' })
  expect(world.account.faults.unused).toBe(0)
  expect(result).toMatchObject({ status: 'FAILED', cause: expect.stringContaining('planned by the test') })
  expect(result.error).toBe(name === 'plan-expiry' ? 'UnexpectedAwsError' : 'CopiesPartlyExpired')
  expect(held()).toEqual([0, 1, 2])
  expect(await told()).toEqual(['committed', 'committed', 'committed'])
})

test('a vault that cannot be opened does not cost the others their expiry, and the run ends red', async () => {
  world.account.faults.onCall(ofOffsite, denied, 10)
  const { result } = await expire()
  world.account.faults.clear()
  expect(result).toMatchObject({
    status: 'FAILED',
    error: 'CopiesPartlyExpired',
    cause: expect.stringMatching(/^offsite: AccessDenied: /),
  })
  expect(held()).toEqual([1, 2])
  expect((await copies())[0]).toMatchObject({ state: 'expired', expiryReason: 'policy hourly keeps 3 days' })
  expect(inVault(`disks`)).toHaveLength(2)
})

test('a run that dies between vault and catalog is made good by the next, which may run twice', async () => {
  await until(4, 2)
  const { faults } = world.account
  // As often as the SDK may ask.
  faults.onCall(tells, { ...denied, code: 'AccessDeniedException', status: 400 }, 10)
  expect((await expire({ vault: 'main' })).result).toMatchObject({ status: 'FAILED', error: 'CopiesPartlyExpired' })
  faults.clear()
  expect(held()).toEqual([2])
  expect(await told()).toEqual(['expired', 'committed', 'committed'])

  faults.onInvocation(runsOf('expire-vault'), { kind: 'loseAnswer' })
  const run = await desk(world.account)('expire --vault main --wait')
  expect(faults.unused).toBe(0)
  expect(run).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^succeeded\n.*"vault":"main"/s) })
  expect(await told()).toEqual(['expired', 'expired', 'committed'])
  expect((await copies())[1]).toMatchObject({ expiryReason: 'it was in the vault no more' })
})

test('the schedule lets go what is older, and what only that needed; the newest stays however old, and comes back byte for byte', async () => {
  await until(5, 12)
  expect(held()).toEqual([2])
  await takePoint()
  const before = inVault('packs').length
  await until(7, 12)
  expect(held()).toEqual([3])
  expect(await told()).toEqual(['expired', 'expired', 'expired', 'committed'])
  expect(inVault('disks')).toHaveLength(1)
  expect(inVault('packs').length).toBeLessThan(before)
  await expectRestored()
})

test('the command tells of what is there, and a point that has expired can be copied again', async () => {
  const [, , oldest = '', newest = ''] = points
  const tandem = desk(world.account)
  const listed = (await tandem(`points ${machine}`)).out
  expect(listed).toMatch(new RegExp(`${newest} .* main`))
  expect(listed).not.toMatch(new RegExp(`${oldest} .* main`))
  expect((await tandem(`links ${machine} --point ${oldest}`)).out).not.toContain('main')
  expect(await tandem('status')).toMatchObject({ exitCode: 0 })

  const again = await world.run('copy-point', { machine, point: oldest, vault: 'main', path: 'direct' })
  expect(again.result, again.result.cause).toMatchObject({ status: 'SUCCEEDED' })
  expect(held()).toEqual([2, 3])
  expect(await told()).toEqual(['expired', 'expired', 'committed', 'committed'])
})

/** The newest copy, by bucket and key alone. */
async function expectRestored(): Promise<void> {
  const { account } = world
  const url = `s3://tandem-vaults-${account.accountId}-${account.region}/main`
  for (const [volume, frozen] of paths) {
    const path = join(folder, volume)
    await tandemHere(account, ['vault', 'restore', path, '--from', url, '--name', volume])
    expect(await contentOf(path)).toBe(await contentOf(frozen))
    rmSync(path)
  }
  await tandemHere(account, ['vault', 'verify', url, '--read-data'])
}

interface Policy {
  readonly Type: string
  readonly Properties: {
    readonly Roles?: readonly unknown[]
    readonly PolicyDocument?: {
      readonly Statement: readonly { readonly Effect: string; readonly Action: string | string[] }[]
    }
  }
}

test('only the role of ExpireVault may delete in a vault, and never what opens it', () => {
  const { Resources } = JSON.parse(readFileSync(join(assembly, 'tandem.template.json'), 'utf8')) as {
    Resources: Record<string, Policy>
  }
  const deleting = Object.values(Resources).flatMap(({ Properties }) =>
    (Properties.PolicyDocument?.Statement ?? [])
      .filter(
        ({ Effect, Action }) => Effect === 'Allow' && [Action].flat().some((action) => /^s3:(Delete|\*)/.test(action)),
      )
      .map((statement) => ({ roles: JSON.stringify(Properties.Roles), statement: JSON.stringify(statement) })),
  )
  expect(deleting.map(({ roles }) => roles)).toEqual([
    expect.stringContaining('ExpireVaultRole'),
    expect.stringContaining('ExpireVaultRole'),
  ])
  for (const { statement } of deleting) {
    expect(statement).toMatch(/\/(main|offsite)\/packs\/\*/)
    expect(statement).not.toMatch(/vault\.json|DeleteObjectVersion/)
    expect(statement).not.toMatch(/\/(main|offsite)\/\*/)
  }
})
