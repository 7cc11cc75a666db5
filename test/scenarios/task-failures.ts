import { describe, expect, test } from 'vitest'
import { kebabCase } from '../../cdk/names.ts'
import type { Workflow } from '../../core/ports.ts'
import { STACK } from '../../demo/synthesize.ts'
import { definitions, lambdaTasks } from '../tidy/asl.ts'
import { tracesOf, type Traces } from './traces.ts'
import type { Run, World } from './world.ts'

/**
 * Every Task state of a state machine is made to fail once, and, in the run after that, to run twice (its answer lost, then
 * retried). The list comes from the ASL, so a state that is added is covered without anyone remembering.
 */
export interface Subject {
  /** Asked when a test runs. The subjects of a file share one: each test has a machine of its own, and looks at nothing else. */
  world(): World
  readonly workflow: Workflow
  /** Makes a machine ready, and says what the execution is started with. */
  prepare(world: World): Promise<{ machine: string; input: unknown }>
  /** The machine went through a test and is as good as new: the next test may have it. */
  keep?(machine: string): void
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
  /** Plans the failures that lead to the state, then what is to happen to the state itself. */
  const plan = (state: string, effect: Parameters<World['account']['faults']['onInvocation']>[1]): void => {
    const { faults } = subject.world().account
    faults.clear()
    const before = reachedByFailureOf[state]
    if (before) faults.onInvocation(({ functionName }) => functionName === functionOf(before), unexpected)
    faults.onInvocation(({ functionName }) => functionName === functionOf(state), effect)
  }
  const unexpected = { kind: 'fail', error: 'UnexpectedAwsError', message: 'planned by the test' } as const

  test('has tasks', () => expect(states.length).toBeGreaterThan(0))

  describe.each(states)('%s', (state) => {
    test('fails once: the run ends clean; runs twice: the next run does its work as if it ran once', async () => {
      const world = subject.world()
      const { faults } = world.account
      const isTolerated = tolerated.includes(state)
      const first = await subject.prepare(world)
      const before = await tracesOf(world, first.machine)
      plan(state, unexpected)
      const { result } = await world.run(workflow, first.input)
      expect(faults.unused).toBe(0)
      const failed = await tracesOf(world, first.machine)
      expectClean(failed, { leavesPending })
      if (isTolerated) {
        expect(result.status).toBe('SUCCEEDED')
        subject.expectDone(before, failed)
        subject.keep?.(first.machine)
      } else {
        expect(result).toMatchObject({ status: 'FAILED', error: 'UnexpectedAwsError', cause: 'planned by the test' })
        expectUntouched(before, failed)
      }

      // A run that failed leaves what the next one begins with.
      const { machine, input } = isTolerated ? await subject.prepare(world) : first
      const start = isTolerated ? await tracesOf(world, machine) : failed
      plan(state, { kind: 'loseAnswer' })
      let run = await world.run(workflow, input)
      expect(faults.unused).toBe(0)
      if (reachedByFailureOf[state]) {
        const after = await tracesOf(world, machine)
        expect(run.result).toMatchObject({ status: 'FAILED', error: 'UnexpectedAwsError' })
        expectClean(after, { leavesPending })
        expectUntouched(start, after)
        expect(after.snapshots).toEqual(start.snapshots)
        run = await world.run(workflow, input)
      }
      await expectWorks(run, machine, start)
      subject.keep?.(machine)
    })
  })

  async function expectWorks({ result }: Run, machine: string, before: Traces): Promise<void> {
    expect(result.status, result.cause).toBe('SUCCEEDED')
    const after = await tracesOf(subject.world(), machine)
    expectClean(after, { leavesPending })
    subject.expectDone(before, after)
  }
}
