import type { Command } from 'commander'
import type { CopyOptions, KeyOptions, RestoreOptions } from './commands/vault.ts'
import type { ExpireOptions } from './commands/vault-expiry.ts'
import type { CommonOptions, Context } from './context.ts'
import type { ExitCode } from './failure.ts'

const FOOTER = `
A place is s3://bucket/prefix or file:///folder. The key is the vault's KMS key, or a file with 64 hexadecimal digits:
    openssl rand -hex 32 > vault.key
The format is in docs/vault-format.md.`

type NameOption = { readonly name?: string }

/** The words of `tandem vault …`. */
export function addVaultCommands(
  command: (parent: Command) => (usage: string, description: string) => Command,
  program: Command,
  context: Context,
  result: { exitCode: ExitCode },
): void {
  const common = (): CommonOptions => program.opts()
  const vault = command(program)('vault', 'copies of disks in a bucket or folder; needs no account').addHelpText(
    'after',
    FOOTER,
  )
  const key = (usage: string, description: string): Command =>
    command(vault)(usage, description).option('--key-file <file>', 'the key in a file instead of KMS')
  key('init <place>', 'make a vault')
    .option('--kms-key <key>', 'id, alias or ARN of the KMS key')
    .action(async (place: string, options: KeyOptions) =>
      (await import('./commands/vault.ts')).initVault(context, place, { ...common(), ...options }),
    )
  key('copy <disk>', 'copy a block device or file into a vault')
    .requiredOption('--to <place>', 'the vault')
    .requiredOption('--name <name>', 'name of the disk in the vault; the same one next time')
    .option('--changed-blocks <file>', 'read only these 512 KiB blocks: a number, or first-last, per line')
    .option('--threads <count>', 'default: one per core')
    .option('--limit <MiB/s>', 'read no faster')
    .action(async (path: string, options: Omit<CopyOptions, keyof CommonOptions>) =>
      (await import('./commands/vault.ts')).copyToVault(context, path, { ...common(), ...options }),
    )
  key('list <place>', 'the copies in a vault')
    .option('--name <name>', 'of this disk only')
    .action(async (place: string, options: KeyOptions & NameOption) =>
      (await import('./commands/vault.ts')).listVault(context, place, { ...common(), ...options }),
    )
  key('restore <disk>', 'write a copy back to a block device, or to a file that is made anew')
    .requiredOption('--from <place>', 'the vault')
    .requiredOption('--name <name>', 'name of the disk in the vault')
    .option('--at <copy>', 'time or id of the copy; default: the newest')
    .option('--assume-empty', 'the device holds zeros already: write nothing where the copy has none', false)
    .action(async (path: string, options: Omit<RestoreOptions, keyof CommonOptions>) =>
      (await import('./commands/vault.ts')).restoreFromVault(context, path, { ...common(), ...options }),
    )
  key('verify <place>', 'check that all that the copies need is there')
    .option('--name <name>', 'of this disk only')
    .option('--read-data', 'read and check every block as well', false)
    .action(async (place: string, options: KeyOptions & NameOption & { readData: boolean }) => {
      result.exitCode = await (
        await import('./commands/vault.ts')
      ).verifyVault(context, place, { ...common(), ...options })
    })
  key('expire <place>', 'delete copies and points that are not kept, and what only they needed')
    .option('--keep <count>', 'the newest so many of each disk, and of each machine; never less than 1')
    .option('--keep-days <days>', 'all that are younger')
    .option('--grace <hours>', 'longer than any copy takes; default: 24')
    .option('--plan', 'only show what would go, and why; reads only', false)
    .option('--yes', 'do it', false)
    .action(async (place: string, options: Omit<ExpireOptions, keyof CommonOptions>) =>
      (await import('./commands/vault-expiry.ts')).expireCopies(context, place, { ...common(), ...options }),
    )
  key('stats <place>', 'how many objects of which kind, and their bytes').action(
    async (place: string, options: KeyOptions) =>
      (await import('./commands/vault.ts')).showVaultStats(context, place, { ...common(), ...options }),
  )
}
