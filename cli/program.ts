import { Command, CommanderError, Option } from 'commander'
import { isDeploymentMissing } from '../aws/calling.ts'
import type { copyPoint } from './commands/copy.ts'
import type { ExpireCopiesOptions } from './commands/expire.ts'
import type { recoverPoint } from './commands/recover.ts'
import type { revert } from './commands/revert.ts'
import type { CommonOptions, Context } from './context.ts'
import { addVaultCommands } from './vault-program.ts'
import { EXIT, invalidInput, report, type ExitCode } from './failure.ts'

const FOOTER = `
Exit codes:
    0  done
    1  unexpected: a defect, or an answer of AWS that is not known
    2  wrong input, or refused; nothing was changed
    3  something needs attention (status), or the run that was waited for did not succeed
    4  not now: AWS is unavailable or throttles, or the machine is between two states; try again
  130  interrupted; a run that was started goes on

Credentials, Region and endpoint are the AWS SDK's usual settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …).
TANDEM_DEBUG=1 shows where in the code an error happened. docs/runbook.md explains every error by its name.`

interface Options extends CommonOptions {
  readonly debug: boolean
}

/** Runs one command line (without node and script) and returns its exit code. */
export async function runCommand(words: readonly string[], context: Context): Promise<ExitCode> {
  const program = createProgram(context)
  const result: { exitCode: ExitCode } = { exitCode: EXIT.done }
  addReadingCommands(program, context, result)
  addActingCommands(program, context)
  addVaultCommands(commandOf, program, context, result)
  try {
    if (words.length === 0) program.help({ error: true })
    await program.parseAsync(words, { from: 'user' })
    return result.exitCode
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.code.startsWith('commander.help')
    if (isHelp) return error.exitCode === 0 ? EXIT.done : EXIT.refused
    const { debug, deployment } = program.opts<Options>()
    // Not from the options: they are not parsed when the words are wrong.
    const json = words.includes('--json')
    return report(translated(error, deployment), context.terminal, { json, debug })
  }
}

/** What only this place can put into words: wrong words on the command line, and a deployment that is not there. */
function translated(error: unknown, deployment: string): unknown {
  if (error instanceof CommanderError)
    return invalidInput(`${error.message.replace(/^error: /, '')}. See tandem --help`)
  if (error instanceof Error && isDeploymentMissing(error))
    return invalidInput(
      `There is no deployment ${deployment} here. Check --deployment, AWS_PROFILE and AWS_REGION. (${error.message})`,
    )
  return error
}

const createProgram = ({ terminal }: Context): Command =>
  new Command('tandem')
    .description('Protection of EC2 machines: all disks as one linked point, and back again in place.')
    .addOption(new Option('--deployment <name>', 'which deployment').default('tandem').env('TANDEM_DEPLOYMENT'))
    .option('--json', 'print JSON for programs', false)
    .addOption(new Option('--debug').default(false).env('TANDEM_DEBUG').hideHelp())
    .addHelpText('after', FOOTER)
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      // Told by `report`, like every other failure.
      outputError: () => {},
    })
    .exitOverride()

const commandOf =
  (program: Command) =>
  (usage: string, description: string): Command =>
    program.command(usage).description(description).copyInheritedSettings(program)

function addReadingCommands(program: Command, context: Context, result: { exitCode: ExitCode }): void {
  const common = (): CommonOptions => program.opts()
  const command = commandOf(program)
  command('status', 'what is protected, what is under way, and what needs attention').action(async () => {
    result.exitCode = await (await import('./commands/status.ts')).showStatus(context, common())
  })
  command('machines', 'every machine that is opted in, with its latest complete point').action(async () =>
    (await import('./commands/machines.ts')).listMachines(context, common()),
  )
  command('points <machine>', "a machine's points, newest first")
    .option('--limit <count>', 'how many', '20')
    .option('--all', 'every one', false)
    .action(async (machine: string, options: { limit: string; all: boolean }) =>
      (await import('./commands/points.ts')).listPoints(context, machine, { ...common(), ...options }),
    )
  command('links <machine>', 'which snapshot holds which disk: machine, mount point, disk, snapshot, other copies')
    .option('--point <point>', 'of this point; default: the latest complete one')
    .action(async (machine: string, options: { point?: string }) =>
      (await import('./commands/points.ts')).showLinks(context, machine, { ...common(), ...options }),
    )
  const policy = commandOf(program)('policy', 'the policy file')
  commandOf(policy)('check [file]', 'check a policy file (default: policies.json); needs no account').action(
    async (file: string | undefined) =>
      (await import('./commands/policy.ts')).checkPolicies(context, file ?? 'policies.json', common()),
  )
}

function addActingCommands(program: Command, context: Context): void {
  const common = (): CommonOptions => program.opts()
  const command = commandOf(program)
  const wait = ['--wait', 'stay until the run has ended, and show its progress', false] as const
  command('protect [machine]', 'take a point of a machine now')
    .option('--policy <name>', 'instead: of every machine that carries this policy')
    .option(...wait)
    .action(async (machine: string | undefined, options: { policy?: string; wait: boolean }) =>
      (await import('./commands/protect.ts')).protect(context, machine, { ...common(), ...options }),
    )
  command('copy <machine>', 'copy a point into a vault')
    .option('--point <point>', 'this point; default: the latest complete one')
    .option('--vault <name>', 'into this vault; needed when the policy names none, or several')
    .option('--path <path>', 'direct (EBS direct APIs) or proxy, instead of what the planner chooses')
    .option('--plan', 'only show what would be copied, how, and what it takes; reads only', false)
    .option(...wait)
    .action(async (machine: string, options: Omit<Parameters<typeof copyPoint>[2], keyof CommonOptions>) =>
      (await import('./commands/copy.ts')).copyPoint(context, machine, { ...common(), ...options }),
    )
  command('recover <machine>', 'bring a point back from its copy in a vault: new snapshots, linked as a new point')
    .option('--point <point>', 'the point as it was copied; default: the newest of the machine in any vault')
    .option('--vault <name>', 'from this vault')
    .option('--path <path>', 'direct (Lambdas) or proxy, instead of what the planner chooses')
    .option('--kms-key <key>', "encrypt the new snapshots with this key, in the place of each disk's own")
    .option('--plan', 'only say what would be done; makes nothing', false)
    .option(...wait)
    .action(async (machine: string, options: Omit<Parameters<typeof recoverPoint>[2], keyof CommonOptions>) =>
      (await import('./commands/recover.ts')).recoverPoint(context, machine, { ...common(), ...options }),
    )
  command('expire', 'let copies in vaults go that the policies no longer keep')
    .option('--vault <name>', 'of this vault only')
    .option('--plan', 'only show what would go from which vault, and why; reads only', false)
    .option('--policies <file>', 'with --plan: the policy file to judge by', 'policies.json')
    .option(...wait)
    .action(async (options: Omit<ExpireCopiesOptions, keyof CommonOptions>) =>
      (await import('./commands/expire.ts')).expire(context, { ...common(), ...options }),
    )
  command('revert <machine>', 'put a machine back in place: same instance, all disks together')
    .option('--point <point>', 'to this point; default: the latest complete one')
    .option('--undo', 'put back the disks that the latest revert took out', false)
    .option('--plan', 'only show what would happen; reads only', false)
    .option('--yes', 'do not ask', false)
    .option(...wait)
    .action(async (machine: string, options: Omit<Parameters<typeof revert>[2], keyof CommonOptions>) =>
      (await import('./commands/revert.ts')).revert(context, machine, { ...common(), ...options }),
    )
}
