import { ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Workflow } from '../../core/ports.ts'
import { stateMachineArn } from '../../demo/state-machines.ts'
import { startWorld, type World } from '../scenarios/world.ts'
import { desk } from './desk.ts'

/** Runs that the `tandem` command starts and watches, in virtual time. */
let world: World
let tandem: ReturnType<typeof desk>
let sfn: SFNClient
beforeAll(async () => {
  world = await startWorld()
  tandem = desk(world.account)
  const { endpoint, region, credentials } = world.account
  sfn = new SFNClient({ endpoint, region, credentials })
})
afterAll(() => world.close())

const QUIET = { userData: '', dataDisks: [{ device: '/dev/sdf' }] }

async function runCount(workflow: Workflow): Promise<number> {
  const command = new ListExecutionsCommand({ stateMachineArn: stateMachineArn(world.account, workflow) })
  return (await world.fleet.call(() => sfn.send(command))).executions?.length ?? 0
}

/** Aborts the next run that enters this state. */
function abortIn(state: string): void {
  let isArmed = true
  world.account.states.observe((step) => {
    if (!isArmed || step.state !== state || step.event !== 'entered') return
    isArmed = false
    void world.fleet.call(() => sfn.send(new StopExecutionCommand({ executionArn: step.executionArn })))
  })
}

test('protect --wait tells every state with the time it took, what is waited for, and the point', async () => {
  const machine = await world.machine(QUIET)
  const { exitCode, out, err } = await tandem(`protect ${machine} --wait`)
  expect(exitCode).toBe(0)
  const [run, advice, ...lines] = err.split('\n')
  expect(run).toMatch(/^arn:aws:states:eu-central-1:111122223333:execution:tandem-protect-machine:operator-/)
  expect(advice).toContain('Ctrl-C only ends the watching')
  expect(lines[0]).toBe('   0:00  InspectMachine')
  expect(new Set(lines).size).toBe(lines.length)
  expect(err).toMatch(/ 0:0\d {2}AwaitSnapshots {4}waits for EBS to copy the disks; the machine works on\n/)
  expect(lines.at(-1)).toMatch(/ [1-9]\d*:\d\d {2}Protected$/)
  expect(out).toMatch(/^succeeded\n.*point: pt-[0-9a-f]{20}\n.*snapshotCount: 2/s)
})

test('protect --wait --json is silent until the end', async () => {
  const machine = await world.machine(QUIET)
  const { exitCode, out, err } = await tandem(`protect ${machine} --wait --json`)
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
  expect(JSON.parse(out)).toMatchObject({ state: 'succeeded', output: { machine, snapshotCount: 2 } })
})

test('protect without --wait says how to watch', async () => {
  const machine = await world.machine(QUIET)
  const { exitCode, out } = await tandem(`protect ${machine}`)
  expect(exitCode).toBe(0)
  const [, run = ''] = /^Started (arn:\S+)\n.*describe-execution --execution-arn \1$/.exec(out) ?? []
  expect(await world.account.states.waitFor(run)).toMatchObject({ status: 'SUCCEEDED' })
})

test('status shows what is under way, and needs nobody for it', async () => {
  const machine = await world.machine(QUIET)
  await tandem(`protect ${machine} --wait`)
  const { err } = await tandem(`revert ${machine} --yes --wait`, { interruptAtLook: 5 })
  const [run = ''] = err.split('\n')
  const { out } = await tandem('status')
  expect(out).toContain('Under way:')
  expect(out).toMatch(new RegExp(`^  ${machine}  revert rv-\\S+ \\(swapping\\)  ${run}$`, 'm'))
  expect(out).toContain('2 resources made or being made')
  expect(out).not.toContain(`! ${machine}`)
  const busy = await tandem(`revert ${machine} --plan`)
  expect(busy.exitCode).toBe(4)
  expect(busy.err).toMatch(/^MachineInTransition: i-\S+ is stopping\./)
  expect(busy.err).toContain(`${run} works on it`)
  await world.account.states.waitFor(run)
  expect((await tandem('status')).out).not.toContain('Under way')
})

test('protect --policy protects every machine of the policy', async () => {
  const machine = await world.machine({ ...QUIET, policy: 'nightly' })
  const { exitCode, out } = await tandem('protect --policy nightly --wait')
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: expect.stringContaining('protectedCount: 1') })
  expect((await tandem(`points ${machine} --json`)).out).toContain('"complete"')
})

test('a run whose start got no answer is started once', async () => {
  const machine = await world.machine(QUIET)
  const before = await runCount('protect-machine')
  world.account.faults.onCall(({ operation }) => operation === 'StartExecution', { kind: 'loseAnswer' })
  expect(await tandem(`protect ${machine} --wait`)).toMatchObject({ exitCode: 0 })
  expect(world.account.faults.unused).toBe(0)
  expect(await runCount('protect-machine')).toBe(before + 1)
})

test('goes on watching when AWS does not answer for a while', async () => {
  const machine = await world.machine(QUIET)
  const fault = { kind: 'fail', code: 'ServiceUnavailable', status: 503 } as const
  world.account.faults.onCall(({ operation }) => operation === 'DescribeExecution', fault, 7)
  const { exitCode, out } = await tandem(`protect ${machine} --wait`)
  expect(world.account.faults.unused).toBe(0)
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: expect.stringMatching(/^succeeded/) })
})

test('Ctrl-C ends the watching with 130 and leaves the run going', async () => {
  const machine = await world.machine(QUIET)
  const { exitCode, err } = await tandem(`protect ${machine} --wait`, { interruptAtLook: 3 })
  expect(exitCode).toBe(130)
  const run = err.split('\n')[0] ?? ''
  expect(err).toContain(`Interrupted: The run goes on. See how it is doing`)
  expect(err.endsWith(`--execution-arn ${run}`)).toBe(true)
  expect(await world.account.states.waitFor(run)).toMatchObject({ status: 'SUCCEEDED' })
})

test('a run that fails is told by its error, and exits 3', async () => {
  const machine = await world.machine(QUIET)
  const root = world.fleet.disksOf(await world.fleet.describe(machine)).get('/dev/sda1') ?? ''
  const fail = (): void => world.account.ec2.failSnapshot(root)
  fail()
  const text = await tandem(`protect ${machine} --wait`)
  expect(text).toMatchObject({ exitCode: 3, out: '' })
  expect(text.err).toMatch(/\nSnapshotFailed: .*\nrun arn:aws:states:/)
  fail()
  const json = await tandem(`protect ${machine} --wait --json`)
  expect(json.exitCode).toBe(3)
  expect(JSON.parse(json.out)).toMatchObject({ state: 'failed', error: 'SnapshotFailed' })
  expect(JSON.parse(json.err)).toMatchObject({ error: 'SnapshotFailed', kind: 'run' })
  expect((await tandem(`points ${machine}`)).out).toMatch(/ failed .*SnapshotFailed: /)
})

test('revert asks for the id of the machine, and nothing else will do', async () => {
  const machine = await world.machine(QUIET)
  await tandem(`protect ${machine} --wait`)
  const before = await runCount('revert-machine')
  const refused = await tandem(`revert ${machine} --wait`, { answer: 'y' })
  expect(refused.exitCode).toBe(2)
  expect(refused.err).toMatch(
    /GOES OUT[^]*Type the machine's id[^]*InvalidInput: "y" is not i-\S+ nothing was started\.$/,
  )
  expect(await runCount('revert-machine')).toBe(before)
  const done = await tandem(`revert ${machine} --wait`, { answer: machine })
  expect(done).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^succeeded\n.*undoUntil: 2026-/s) })
})

test('revert --yes reverts, tells what is only not ready yet apart from failures, and --undo puts the disks back', async () => {
  const machine = await world.machine(QUIET)
  const disks = async () => world.fleet.disksOf(await world.fleet.describe(machine))
  const before = await disks()
  await tandem(`protect ${machine} --wait`)
  const { exitCode, err } = await tandem(`revert ${machine} --yes --wait`)
  expect(exitCode).toBe(0)
  expect(err.match(/not yet: MachineNotHealthyYet/g)).toHaveLength(1)
  const reverted = await disks()
  expect([...reverted.values()]).not.toEqual([...before.values()])

  const { out } = await tandem(`revert ${machine} --undo --plan`)
  for (const [device, volume] of before)
    expect(out).toMatch(new RegExp(`^${device} .* ${reverted.get(device)}  ${volume}  1 GiB$`, 'm'))
  expect(out).toContain('No volume has to be made.')
  expect((await tandem(`revert ${machine} --undo --yes --wait`)).exitCode).toBe(0)
  expect(await disks()).toEqual(before)
})

test('a revert that was aborted half way needs attention, and the plan is to finish it', async () => {
  const machine = await world.machine(QUIET)
  await tandem(`protect ${machine} --wait`)
  abortIn('AttachDisks')
  expect(await tandem(`revert ${machine} --yes --wait`)).toMatchObject({ exitCode: 3 })
  await world.account.clock.sleep(60_000)

  const status = await tandem('status')
  expect(status.exitCode).toBe(3)
  expect(status.out).toMatch(new RegExp(`! rv-\\S+ of ${machine} is swapping, but its run is over\n .*--plan`))
  expect(status.out).toMatch(/! vol-\S+ \(\/dev\/sdf of .*\) was made by a run that is over/)

  const { exitCode, out } = await tandem(`revert ${machine} --plan`)
  expect(exitCode).toBe(0)
  expect(out).toMatch(/Revert rv-\S+ stopped half way/)
  expect(out).toContain('/dev/sdf')
  expect(await tandem(`revert ${machine} --yes --wait`)).toMatchObject({ exitCode: 0 })
  expect((await tandem('status')).out).not.toContain(machine + ' is swapping')
})

test('a point whose run was aborted needs attention until the next protection has settled it', async () => {
  const machine = await world.machine(QUIET)
  abortIn('AwaitSnapshots')
  expect(await tandem(`protect ${machine} --wait`)).toMatchObject({ exitCode: 3 })
  const finding = new RegExp(`! pt-\\S+ of ${machine} is \\w+, but its run is over\n .*tandem protect ${machine}`)
  expect((await tandem('status')).out).toMatch(finding)
  await world.account.clock.sleep(10 * 60_000)
  expect(await tandem(`protect ${machine} --wait`)).toMatchObject({ exitCode: 0 })
  expect((await tandem('status')).out).not.toMatch(finding)
})

test('points --limit shows the newest and says that there are more; --all shows every one', async () => {
  const machine = await world.machine(QUIET)
  for (let count = 0; count < 3; count += 1) await tandem(`protect ${machine} --wait`)
  const points = JSON.parse((await tandem(`points ${machine} --all --json`)).out) as { point: string }[]
  expect(points).toHaveLength(3)
  const { out } = await tandem(`points ${machine} --limit 2`)
  expect(out.match(/pt-[0-9a-f]{20}/g)).toEqual(points.slice(0, 2).map(({ point }) => point))
  expect(out).toContain('There are older ones: --limit <count>, or --all')
})

test('revert --plan names the run that works on the machine', async () => {
  const machine = await world.machine(QUIET)
  await tandem(`protect ${machine} --wait`)
  // The new volumes are being made; the machine still runs.
  const { err } = await tandem(`revert ${machine} --yes --wait`, { interruptAtLook: 1 })
  const [run = ''] = err.split('\n')
  const { exitCode, out } = await tandem(`revert ${machine} --plan`)
  expect(exitCode).toBe(0)
  expect(out).toContain(`In the way now: ${run} works on the machine.`)
  await world.account.states.waitFor(run)
  expect((await tandem(`revert ${machine} --plan`)).out).not.toContain('In the way now')
})
