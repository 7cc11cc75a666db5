import type { Operator } from '../../aws/operator.ts'
import { checkedMachine, checkedPoint } from '../arguments.ts'
import { print, type CommonOptions, type Context } from '../context.ts'
import { invalidInput } from '../failure.ts'
import { previewRevert, type RevertRequest } from '../revert-preview.ts'
import { previewInWords } from '../revert-words.ts'
import { followRun } from '../watch.ts'

interface RevertOptions extends CommonOptions {
  readonly point?: string
  readonly undo: boolean
  readonly plan: boolean
  readonly yes: boolean
  readonly wait: boolean
}

/** Shows what would happen, asks, and starts the run. The run makes a plan of its own: what is shown here is a preview. */
export async function revert(context: Context, machine: string, options: RevertOptions): Promise<void> {
  const request = requestOf(machine, options)
  if (!options.plan && !options.yes && !context.terminal.isInteractive)
    throw invalidInput(
      `Reverting stops ${machine}, and there is nobody here to be asked. Look at it with --plan, then use --yes.`,
    )
  const operator = await context.operator(options.deployment)
  if (options.plan) {
    const preview = await previewRevert(operator, request)
    const { plan, ...rest } = preview
    print(context, options, { ...plan, ...rest }, () => previewInWords(preview, operator, context.terminal.outColors))
    return
  }
  if (!options.yes) await confirm(context, operator, request)
  const run = await operator.runs.start('revert-machine', request)
  await followRun(context, operator, run, options)
}

function requestOf(machine: string, { point, undo }: RevertOptions): RevertRequest {
  if (undo && point !== undefined) throw invalidInput('Give either --point or --undo, not both.')
  return {
    machine: checkedMachine(machine),
    ...(point === undefined ? {} : { point: checkedPoint(point) }),
    ...(undo ? { undo } : {}),
  }
}

/** The id and not "y": whoever types it has read which machine it is. */
async function confirm({ terminal }: Context, operator: Operator, request: RevertRequest): Promise<void> {
  terminal.err(previewInWords(await previewRevert(operator, request), operator, terminal.errColors))
  const answer = await terminal.ask(`\nType the machine's id to go on: `)
  if (answer.trim() !== request.machine)
    throw invalidInput(`"${answer.trim()}" is not ${request.machine}: nothing was started.`)
}
