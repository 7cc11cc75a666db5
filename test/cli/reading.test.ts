import { DeleteTagsCommand } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../scenarios/world.ts'
import { desk, type Outcome } from './desk.ts'

/** What the `tandem` command says of an account in which one machine of two was protected once. */
let world: World
let tandem: ReturnType<typeof desk>
let machine: string
let unprotected: string
let point: string
let disks: Map<string, string>

beforeAll(async () => {
  world = await startWorld()
  tandem = desk(world.account)
  machine = await world.machine({ dataDisks: [{ device: '/dev/sdf' }, { device: '/dev/sdg', excluded: true }] })
  unprotected = await world.machine({ name: 'idle', userData: '' })
  disks = world.fleet.disksOf(await world.fleet.describe(machine))
  const { result } = await world.run('protect-machine', { machine })
  point = (result as { output: { point: string } }).output.point
  await world.account.clock.sleep(90 * 60_000)
})
afterAll(() => world.close())

/** Lines of a table, cells separated by two spaces or more. */
const rowsOf = ({ out }: Outcome): string[][] => out.split('\n').map((line) => line.split(/ {2,}/))

test('machines: lists every machine that is opted in, with the age of its last complete point', async () => {
  const outcome = await tandem('machines')
  expect(outcome).toMatchObject({ exitCode: 0, err: '' })
  const [heading, ...rows] = rowsOf(outcome)
  expect(heading).toEqual(['MACHINE', 'NAME', 'POLICY', 'STATE', 'DISKS', 'LAST COMPLETE POINT', 'AGE', 'PROBLEM'])
  expect(rows).toContainEqual([machine, 'web', 'hourly', 'running', '2', point, '1 h'])
  expect(rows).toContainEqual([unprotected, 'idle', 'hourly', 'running', '-', '-', '-', 'no complete point yet'])
})

test('points: shows instant, state, disks and size', async () => {
  const rows = rowsOf(await tandem(`points ${machine}`))
  expect(rows).toEqual([
    ['POINT', 'CAPTURED AT', 'STATE', 'DISKS', 'GiB', 'COPIES', 'FAILURE'],
    [point, expect.stringMatching(/^2026-11-23T10:1\d:\d\dZ$/), 'complete', '2', '2', '-'],
  ])
})

test('points: prints neither user data nor any other configuration as JSON', async () => {
  const { out } = await tandem(`points ${machine} --json`)
  expect(JSON.parse(out)).toMatchObject([{ point, machine, state: 'complete', diskCount: 2, sizeGiB: 2 }])
  expect(out).not.toMatch(/userData|configuration/)
})

test('points: says how to get a first one', async () => {
  expect((await tandem(`points ${unprotected}`)).out).toContain(`tandem protect ${unprotected}`)
})

test('links: prints FIG. 7 of the latest complete point, and disks that no point holds with the reason', async () => {
  const outcome = await tandem(`links ${machine}`)
  const [title, heading, ...rows] = rowsOf(outcome)
  expect(title).toEqual([point, expect.stringMatching(/^captured at 2026-\S+Z, complete, crash-consistent$/)])
  expect(heading).toEqual(['MACHINE', 'MOUNT POINT', 'DISK', 'SNAPSHOT', 'OTHER COPIES'])
  const snapshot = expect.stringMatching(/^snap-[0-9a-f]{17}$/)
  expect(rows).toEqual([
    [machine, '/', `/dev/sda1 (${disks.get('/dev/sda1')})`, snapshot, '-'],
    [machine, '/data', `/dev/sdf (${disks.get('/dev/sdf')})`, snapshot, '-'],
    [machine, '-', `/dev/sdg (${disks.get('/dev/sdg')})`, 'not protected: excluded-by-tag', '-'],
  ])
  expect((await tandem(`links ${machine} --point ${point}`)).out).toBe(outcome.out)
})

test('links: says the same as JSON', async () => {
  const { out } = await tandem(`--json links ${machine}`)
  expect(JSON.parse(out)).toMatchObject({ point, state: 'complete', links: [{ machine, mountPoint: '/' }, {}, {}] })
})

test('status: names the account, counts what is protected, and exits 3 for what needs attention', async () => {
  const { exitCode, out } = await tandem('status')
  expect(exitCode).toBe(3)
  expect(out.split('\n')).toEqual([
    'Deployment tandem in account 111122223333, eu-central-1',
    '2 machines opted in, 1 with a complete point',
    `The oldest of their latest points is 1 h old: ${point} of ${machine}`,
    '1 finding:',
    `! ${unprotected} is opted in and has no complete point`,
    `    tandem protect ${unprotected} --wait`,
  ])
})

test('status: says the same as JSON', async () => {
  const { out } = await tandem('status --json')
  expect(JSON.parse(out)).toMatchObject({
    account: '111122223333',
    machineCount: 2,
    protectedCount: 1,
    oldest: { machine, point },
    work: [],
    findings: [{ about: unprotected }],
  })
})

test('revert --plan: shows disk by disk what would happen, and changes nothing', async () => {
  const counts = world.account.ec2.counts()
  const { exitCode, out } = await tandem(`revert ${machine} --plan`)
  expect(exitCode).toBe(0)
  const rows = out.split('\n').map((line) => line.split(/ {2,}/))
  expect(rows).toContainEqual(['DEVICE', 'MOUNT POINT', 'ROLE', 'GOES OUT', 'COMES IN', 'SIZE'])
  const volume = expect.stringMatching(/^new volume of snap-/)
  expect(rows).toContainEqual(['/dev/sda1', '/', 'root', disks.get('/dev/sda1'), volume, '1 GiB gp3'])
  expect(rows).toContainEqual(['/dev/sdf', '/data', 'data', disks.get('/dev/sdf'), volume, '1 GiB gp3'])
  expect(out).not.toContain('/dev/sdg')
  expect(out).toMatch(new RegExp(`^${machine} in account 111122223333, .* ${point}, captured at .* \\(1 h ago\\)`))
  expect(out).toContain('Then the downtime: the machine stops, all disks are swapped together, and it starts')
  expect(out).toContain('kept as long as policy hourly says')
  expect(world.account.ec2.counts()).toEqual(counts)
  expect((await tandem('status')).out).not.toContain('Under way')
})

test('revert --plan: says the same as JSON', async () => {
  const { out } = await tandem(`revert ${machine} --plan --json`)
  expect(JSON.parse(out)).toMatchObject({
    machine,
    target: { kind: 'point', point },
    wasRunning: true,
    disks: [
      { device: '/dev/sda1', outgoing: { volume: disks.get('/dev/sda1') } },
      { device: '/dev/sdf', outgoing: { volume: disks.get('/dev/sdf') } },
    ],
    mountPoints: { '/dev/sdf': '/data' },
    policy: 'hourly',
  })
})

test('policy check: says each schedule in words, and needs no account', async () => {
  const rows = rowsOf(await tandem('policy check'))
  expect(rows).toContainEqual(['hourly', 'every hour', 'UTC', '-', '7 days', '-', 'rate(1 hour)'])
  expect(rows).toContainEqual([
    'nightly',
    'every day at 02:00',
    'Europe/Berlin',
    '30 min',
    '14 days',
    '-',
    'cron(0 2 * * ? *)',
  ])
})

test('policy check: says what is copied where, how often and for how long', async () => {
  const { out } = await tandem('policy check expiring.json')
  expect(out).toMatch(/main every 12 hours, kept 3 days/)
  expect(out).toMatch(/offsite every day, kept 1 copy/)
})

/** `M` is the protected machine, `U` the other, `P` the point. */
const REFUSED: readonly [words: string, exitCode: number, error: string, says: RegExp][] = [
  ['points web', 2, 'InvalidInput', /"web" is not an instance id; expected e\.g\. i-/],
  ['points M --limit 0', 2, 'InvalidInput', /--limit 0: expected a whole number/],
  ['links M --point P1', 2, 'InvalidInput', /is not a point id; expected e\.g\. pt-/],
  ['links M --point pt-0123456789abcdef0123', 2, 'PointNotFound', /List its points with: tandem points i-/],
  ['links U', 2, 'PointNotFound', /has no complete point yet/],
  ['links U --point P', 2, 'PointOfAnotherMachine', /is of i-.*, not of i-/],
  ['protect', 2, 'InvalidInput', /either a machine or --policy/],
  ['protect M --policy hourly', 2, 'InvalidInput', /either a machine or --policy/],
  ['protect --policy No!', 2, 'InvalidInput', /not a policy name/],
  ['protect i-0123456789abcdef0', 2, 'MachineNotFound', /Check the id, the account and the Region/],
  ['revert M', 2, 'InvalidInput', /nobody here to be asked.*--plan.*--yes/],
  ['revert M --undo --point P --yes', 2, 'InvalidInput', /either --point or --undo/],
  ['revert M --undo --plan', 2, 'NothingToUndo', /was never reverted/],
  ['revert U --plan', 2, 'PointNotFound', /has no complete point yet/],
  ['status --deployment other', 2, 'InvalidInput', /no deployment other here.*--deployment.*AWS_REGION/],
  ['protect M --deployment other', 2, 'InvalidInput', /StartExecution of .*:other-protect-machine/],
  ['policy check wrong.json', 2, 'PolicyFileInvalid', /wrong\.json .*policies\.hourly\.schedule: not a schedule/s],
  ['frobnicate', 2, 'InvalidInput', /unknown command 'frobnicate'/],
  ['links M --depth 3', 2, 'InvalidInput', /unknown option '--depth'/],
  ['revert', 2, 'InvalidInput', /missing required argument 'machine'/],
]

describe.each(REFUSED)('tandem %s', (words, exitCode, error, says) => {
  const filledIn = (): string => words.replace(/\bM\b/, machine).replace(/\bU\b/, unprotected).replace(/\bP\b/, point)

  test(`is refused with ${error}, in one block without a stack trace`, async () => {
    const outcome = await tandem(filledIn())
    expect(outcome).toMatchObject({ exitCode, out: '' })
    expect(outcome.err).toMatch(new RegExp(`^${error}: `))
    expect(outcome.err).toMatch(says)
    expect(outcome.err).not.toMatch(/^\s*at |\n\n/m)
  })

  test('says so as JSON, when asked to', async () => {
    const outcome = await tandem(`${filledIn()} --json`)
    expect(outcome).toMatchObject({ exitCode, out: '' })
    expect(JSON.parse(outcome.err)).toEqual({ error, message: expect.stringMatching(says), kind: 'lost' })
  })
})

describe('when AWS fails', () => {
  test('a throttled call exits 4', async () => {
    const fault = { kind: 'fail', code: 'RequestLimitExceeded', status: 503 } as const
    world.account.faults.onCall(({ operation }) => operation === 'DescribeInstances', fault, 10)
    const { exitCode, err } = await tandem('machines')
    world.account.faults.clear()
    expect(err).toMatch(/^AwsThrottled: DescribeInstances/)
    expect(exitCode).toBe(4)
  })

  test('an answer that is not known exits 1 and says how to see more', async () => {
    const fault = { kind: 'fail', code: 'NeverHeardOf', status: 400 } as const
    world.account.faults.onCall(({ operation }) => operation === 'DescribeInstances', fault, 10)
    const { exitCode, err } = await tandem('machines')
    const debug = await tandem('machines --debug')
    world.account.faults.clear()
    expect(err).toMatch(/^UnexpectedAwsError: .*NeverHeardOf.*\nSet TANDEM_DEBUG=1/s)
    expect(err).not.toMatch(/^\s+at /m)
    expect(debug.err).toMatch(/^\s+at /m)
    expect(exitCode).toBe(1)
  })
})

test('a machine that is not opted in any more is still listed, for its points are kept', async () => {
  await world.fleet.call(() =>
    world.fleet.ec2.send(new DeleteTagsCommand({ Resources: [machine], Tags: [{ Key: 'tandem:policy' }] })),
  )
  const rows = rowsOf(await tandem('machines'))
  expect(rows).toContainEqual(expect.arrayContaining([machine, point, expect.stringMatching(/not opted in any more/)]))
  expect((await tandem('status')).out).toContain('1 machine opted out or terminated; the points are kept')
  const refused = await tandem(`protect ${machine}`)
  expect(refused).toMatchObject({ exitCode: 2, err: expect.stringMatching(/^MachineNotOptedIn: .*create-tags/) })
})
