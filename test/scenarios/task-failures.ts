import { describe, expect, test } from 'vitest'
import { kebabCase } from '../../cdk/names.ts'
import type { Workflow } from '../../core/ports.ts'
import { STACK } from '../../demo/synthesize.ts'
import { definitions, lambdaTasks } from '../tidy/asl.ts'
import { Reused } from './machines.ts'
import { tracesOf, type Traces } from './traces.ts'
import type { World } from './world.ts'

/**
 * Every Task state of a state machine is made to fail once, each in a run of its own; then all of them to run twice, in one run (the answer
 * lost, then retried). The list comes from the ASL, so a state that is added is covered without anyone remembering.
 */
export interface Subject {
  /** Asked when a test runs. The subjects of a file share one: each test has a machine for itself, and looks at nothing else. */
  world(): World
  readonly workflow: Workflow
  /** Makes a machine ready, and says what the execution is started with. */
  prepare(world: World): Promise<{ machine: string; input: unknown }>
  /** A machine is as good as new also after a run that did its work, and not only after one that failed. */
  readonly staysNew?: boolean
  /** What the machine looks like after a run that did its work. */
  expectDone(before: Traces, after: Traces): void
  /** States that only a failure leads to: the state whose failure leads there. */
  readonly reachedByFailureOf: Readonly<Record<string, string>>
  /** What a run makes may stay `pending` for hours after it was deleted. */
  readonly leavesPending?: boolean
  /** States that a run gets over: it succeeds although they failed once. */
  readonly tolerated: readonly string[]
  /** States that runs of this input come by; all unless told. */
  readonly comesBy?: (state: string) => boolean
}

const functionOf = (state: string): string => `${STACK}-${kebabCase(state)}`

/** Nobody is at work any more, the machine runs, and its disks are all of the old set or all of the new one. */
export function expectClean(traces: Traces, { leavesPending = true }: Pick<Subject, 'leavesPending'> = {}): void {
  expect(traces.unfinished).toEqual([])
  if (!leavesPending) expect(traces.pendingSnapshots).toEqual([])
  expect(traces).toMatchObject({ power: 'running', guestRuns: true })
}

function expectUntouched(before: Traces, after: Traces): void {
  expect(after.disks).toEqual(before.disks)
  expect(after.volumes).toEqual(before.volumes)
}

export function describeTaskFailures(subject: Subject): void {
  const { workflow, tolerated, reachedByFailureOf, comesBy = () => true, leavesPending = false } = subject
  const definition = definitions().find(({ name }) => name === workflow)?.definition
  const states = definition
    ? lambdaTasks(definition)
        .map(([state]) => state)
        .filter(comesBy)
    : []
  const unexpected = { kind: 'fail', error: 'UnexpectedAwsError', message: 'planned by the test' } as const
  type Effect = Parameters<World['account']['faults']['onInvocation']>[1]
  const onInvocation = (state: string, effect: Effect): void => {
    subject.world().account.faults.onInvocation(({ functionName }) => functionName === functionOf(state), effect)
  }
  /** Plans the failure that leads to the state, if one has to, then what is to happen to the state itself. */
  const plan = (state: string, effect: Effect): void => {
    subject.world().account.faults.clear()
    const before = reachedByFailureOf[state]
    if (before) onInvocation(before, unexpected)
    onInvocation(state, effect)
  }

  const machines = new Reused(() => subject.prepare(subject.world()))
  /** A machine, what it looks like, and how the run on it ended that `planned` has made fail, or be repeated. */
  async function runWith(planned: () => void) {
    const world = subject.world()
    const prepared = await machines.take()
    const before = await tracesOf(world, prepared.machine)
    planned()
    const { result } = await world.run(workflow, prepared.input)
    expect(world.account.faults.unused).toBe(0)
    const after = await tracesOf(world, prepared.machine)
    expectClean(after, { leavesPending })
    return { result, before, after, keep: () => machines.keep(prepared) }
  }

  test('has tasks', () => expect(states.length).toBeGreaterThan(0))

  describe.each(states)('%s', (state) => {
    test('fails once: the run ends clean', async () => {
      const { result, before, after, keep } = await runWith(() => plan(state, unexpected))
      if (tolerated.includes(state)) {
        expect(result.status).toBe('SUCCEEDED')
        subject.expectDone(before, after)
        if (subject.staysNew) keep()
      } else {
        expect(result).toMatchObject({ status: 'FAILED', error: 'UnexpectedAwsError', cause: 'planned by the test' })
        expectUntouched(before, after)
        keep()
      }
    })
  })

  const cleaning = states.filter((state) => state in reachedByFailureOf)
  const working = states.filter((state) => !(state in reachedByFailureOf))

  test.each(cleaning)('%s runs twice: nothing is left', async (state) => {
    const { result, before, after, keep } = await runWith(() => plan(state, { kind: 'loseAnswer' }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'UnexpectedAwsError' })
    expectUntouched(before, after)
    expect(after.snapshots).toEqual(before.snapshots)
    keep()
  })

  test('every other task runs twice in one run: it does its work as if they ran once', async () => {
    const { result, before, after } = await runWith(() => {
      subject.world().account.faults.clear()
      for (const state of working) onInvocation(state, { kind: 'loseAnswer' })
    })
    expect(result.status, result.cause).toBe('SUCCEEDED')
    subject.expectDone(before, after)
  })
}
