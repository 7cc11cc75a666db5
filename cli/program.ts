import { Command, CommanderError } from 'commander'
import { listMachines } from './commands/machines.ts'
import { listPoints, showLinks } from './commands/points.ts'
import { checkPolicies } from './commands/policy.ts'
import { protect } from './commands/protect.ts'
import { revert } from './commands/revert.ts'
import { showStatus } from './commands/status.ts'
import type { CommonOptions, Context } from './context.ts'
import { EXIT, report } from './failure.ts'

const FOOTER = `
Exit codes:
  0  done
  1  unexpected: a defect, or an answer of AWS that is not known
  2  wrong input, or refused; nothing was changed
  3  something needs attention, or the run that was waited for did not succeed
  4  AWS is unavailable or throttles; try again

Credentials, Region and endpoint are the AWS SDK's usual settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …).
Every error name has a section in docs/runbook.md.`

/** Runs one command line and returns its exit code. */
export async function runCommand(words: readonly string[], context: Context): Promise<number> {
  const program = createProgram(context)
  try {
    const state = { exitCode: EXIT.done as number }
    addCommands(program, context, state)
    await program.parseAsync(words, { from: 'user' })
    return state.exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.refused
    return report(error, context.terminal, words.includes('--json'))
  }
}

const createProgram = ({ terminal }: Context): Command =>
  new Command('tandem')
    .description('Protection of EC2 machines: all disks as one linked point, and back again in place.')
    .option('--deployment <name>', 'which deployment, by its name', 'tandem')
    .option('--json', 'print JSON for programs', false)
    .addHelpText('after', FOOTER)
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError('(see tandem --help)')
    .exitOverride()

function addCommands(program: Command, context: Context, state: { exitCode: number }): void {
  const common = (): CommonOptions => program.opts()
  const command = (usage: string, description: string): Command =>
    program.command(usage).description(description).copyInheritedSettings(program)

  command('status', 'what is protected, and what needs attention').action(async () => {
    state.exitCode = await showStatus(context, common())
  })
  command('machines', 'every machine that is opted in, with its latest point').action(() =>
    listMachines(context, common()),
  )
  command('points <machine>', "a machine's points, newest first")
    .option('--limit <count>', 'how many', '20')
    .action((machine: string, options: { limit: string }) => listPoints(context, machine, { ...common(), ...options }))
  command('links <machine>', 'which snapshot holds which disk: machine, mount point, disk, snapshot, other copies')
    .option('--point <point>', 'of this point; default is the latest complete one')
    .action((machine: string, options: { point?: string }) => showLinks(context, machine, { ...common(), ...options }))
  command('protect [machine]', 'take a point of a machine now')
    .option('--policy <name>', 'of every machine that carries this policy')
    .option('--wait', 'stay until it is done, and show progress', false)
    .action((machine: string | undefined, options: { policy?: string; wait: boolean }) =>
      protect(context, machine, { ...common(), ...options }),
    )
  command('revert <machine>', 'put a machine back in place: same instance, all disks together')
    .option('--point <point>', 'to this point; default is the latest complete one')
    .option('--undo', 'put back the disks that the latest revert took out', false)
    .option('--plan', 'only show what would happen', false)
    .option('--yes', 'do not ask', false)
    .option('--wait', 'stay until it is done, and show progress', false)
    .action((machine: string, options: Omit<Parameters<typeof revert>[2], keyof CommonOptions>) =>
      revert(context, machine, { ...common(), ...options }),
    )
  program
    .command('policy')
    .description('the policy file')
    .copyInheritedSettings(program)
    .command('check [file]')
    .description('check a policy file (default policies.json); needs no account')
    .copyInheritedSettings(program)
    .action((file: string | undefined) => checkPolicies(context, file ?? 'policies.json', common()))
}
