import type { RevertIn } from '../../core/contracts/records.ts'
import { TandemError } from '../../core/errors.ts'
import { prepareRevert } from '../../core/use-cases/plan-revert.ts'
import type { Operator } from '../../aws/operator.ts'
import { checkedMachine, checkedPoint, print, type CommonOptions, type Context } from '../context.ts'
import { shown, table } from '../terminal.ts'
import { followRun } from '../watch.ts'

interface RevertOptions extends CommonOptions {
  readonly point?: string
  readonly undo: boolean
  readonly plan: boolean
  readonly yes: boolean
  readonly wait: boolean
}

/** Stands where a run's ARN would: a plan that is only shown belongs to no run. */
const NO_RUN = 'plan'

/** Shows the plan, asks, and starts the run that makes it come true. The run makes its own plan: what is shown here is a preview. */
export async function revert(context: Context, machine: string, options: RevertOptions): Promise<void> {
  const request = {
    machine: checkedMachine(machine),
    ...(options.point === undefined ? {} : { point: checkedPoint(options.point) }),
    ...(options.undo ? { undo: true } : {}),
  }
  if (options.undo && options.point) throw new TandemError('InvalidInput', 'Give either --point or --undo, not both.')
  if (!options.plan && !options.yes && !context.terminal.isInteractive)
    throw new TandemError(
      'InvalidInput',
      `Reverting stops ${machine}, and there is nobody here to be asked. Look at it with --plan, then use --yes.`,
    )
  const operator = await context.operator(options.deployment)
  if (options.plan || !options.yes) {
    const plan = await prepareRevert(operator, request, NO_RUN, operator.clock.now())
    const holder = await operator.locks.owner(machine)
    if (options.plan) {
      print(context, options, { ...planView(plan), busyWith: holder }, () => describe(plan, operator, holder))
      return
    }
    context.terminal.err(describe(plan, operator, holder))
    const answer = await context.terminal.ask(`\nType the machine's id to go on: `)
    if (answer.trim() !== machine)
      throw new TandemError('InvalidInput', `That was not ${machine}: nothing was started.`)
  }
  const run = await operator.runs.start('revert-machine', request)
  await followRun(context, operator, run, options)
}

/** The plan without what only a run has. */
function planView({ machine, target, wasRunning, disks }: RevertIn<'planned'>) {
  return { machine, target, wasRunning, disks }
}

function describe(
  { machine, target, wasRunning, disks }: RevertIn<'planned'>,
  operator: Operator,
  holder?: string,
): string {
  const goal =
    target.kind === 'point'
      ? `to point ${target.point}, as it was at ${shown(target.capturedAt)}`
      : `to the disks it had before revert ${target.revert}`
  const rows = disks.map(({ device, role, outgoing, incoming }) => [
    device,
    role,
    outgoing.volume,
    incoming.from ? `a new volume of ${incoming.from.snapshot}` : (incoming.volume ?? ''),
    incoming.from
      ? `${incoming.from.specification.sizeGiB} GiB ${incoming.from.specification.type}`
      : 'kept since the revert',
  ])
  return [
    `${machine} would be put back ${goal} (account ${operator.account}, ${operator.region}).`,
    '',
    table(['DEVICE', 'ROLE', 'GOES OUT', 'COMES IN', ''], rows),
    '',
    disks.some(({ incoming }) => incoming.from)
      ? 'First the new volumes are made, while the machine works on.'
      : 'No volume has to be made.',
    wasRunning
      ? 'Then the machine stops, all disks are swapped together, and it starts: that is the downtime.'
      : 'The machine is stopped and stays stopped.',
    'If anything fails, the disks are swapped back. The disks that go out are kept and can be put back with --undo.',
    'What was written to these disks since then is not on the machine afterwards.',
    ...(holder ? ['', `In the way now: ${holder} is working on the machine; a revert waits for it.`] : []),
  ].join('\n')
}
