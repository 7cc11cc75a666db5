import { DeleteScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler'
import { inject } from 'vitest'
import type { Workflow } from '../../core/ports.ts'
import { Fleet, type MachineOrder } from '../../demo/machines.ts'
import { stateMachineArn } from '../../demo/state-machines.ts'
import { STACK } from '../../demo/synthesize.ts'
import { startAccount, type Account, type AccountOptions } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'
import type { Step } from '../../local/states/engine.ts'
import type { Result } from '../../local/states/states.ts'

export interface Run {
  readonly arn: string
  readonly result: Result
  readonly steps: readonly Step[]
}

/** An account with Tandem deployed, as a scenario needs it: everything through its public doors. */
export interface World extends AsyncDisposable {
  readonly account: Account
  readonly fleet: Fleet
  /** Launches a machine of three disks (root, /dev/sdf, /dev/sdg) unless told otherwise, and waits until it runs. */
  machine(order?: Partial<MachineOrder>): Promise<string>
  /** Starts an execution, as from the console, and waits until it has ended. */
  run(workflow: Workflow, input: unknown): Promise<Run>
  close(): Promise<void>
}

/** 2026-11-23 10:00 UTC: scenarios do not depend on the day they run. */
const STARTED_AT_MS = Date.UTC(2026, 10, 23, 10)
/** A warm Lambda per task, and more of the first ones for a fleet: a scenario takes a second instead of ten. */
const SANDBOX_LIMIT = 40
/** Longer than a boot with its status checks. */
const SETTLED_MS = 5 * 60_000

/** @param assembly of another policy file than the default one, or what makes it once the account is there */
export async function startWorld(
  options: Omit<AccountOptions, 'clock'> = {},
  assembly: string | ((account: Account) => Promise<string>) = inject('assembly'),
): Promise<World> {
  const account = await startAccount({ clock: autoClock(STARTED_AT_MS), sandboxLimit: SANDBOX_LIMIT, ...options })
  await account.deploy(typeof assembly === 'string' ? assembly : await assembly(account), STACK)
  await removeSchedules(account)
  const fleet = new Fleet(account)
  const steps: Step[] = []
  account.states.observe((step) => steps.push(step))
  return {
    account,
    fleet,
    async machine(order = {}) {
      const instanceId = await fleet.launch({
        name: 'web',
        policy: 'hourly',
        dataDisks: [{ device: '/dev/sdf' }, { device: '/dev/sdg' }],
        ...order,
      })
      await account.clock.sleep(SETTLED_MS)
      return instanceId
    },
    async run(workflow, input) {
      const arn = account.states.start(stateMachineArn(account, workflow), input)
      const result = await account.states.waitFor(arn)
      return { arn, result, steps: steps.filter(({ executionArn }) => executionArn === arn) }
    },
    close: () => account.close(),
    [Symbol.asyncDispose]: () => account.close(),
  }
}

/** A scenario may take hours of virtual time: nothing is to start in the middle of it that it did not start itself. */
async function removeSchedules({ endpoint, region, credentials, clock }: Account): Promise<void> {
  const scheduler = new SchedulerClient({ endpoint, region, credentials })
  for (const Name of ['hourly', 'nightly'])
    await clock.holding(() => scheduler.send(new DeleteScheduleCommand({ Name, GroupName: STACK })))
}
