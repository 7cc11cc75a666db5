/** The programs that are compared: how each copies a disk, brings it back and checks what it has. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from './measure.ts'

export interface Places {
  /** The disk: the same path for both of its states. */
  readonly disk: string
  /** Of this tool in this round: is not there yet. */
  readonly repository: string
  /** An empty folder. */
  readonly restored: string
  readonly keyFile: string
  readonly changedBlocks: string
}

export interface Steps {
  /** Makes an empty repository. */
  readonly init?: Command
  /** @param copy name of this copy, where names are needed */
  copy(copy: 'first' | 'second'): Command
  /** The second copy, told which blocks have changed. */
  readonly copyListed?: Command
  restore(copy: 'first' | 'second'): Command
  /** Where the restored disk is. */
  readonly restored: string
  /** Reads all that is stored and checks it. */
  readonly verify?: Command
}

export interface Tool {
  readonly name: string
  /** undefined: it is not installed. */
  readonly version: string | undefined
  readonly remark: string
  steps(places: Places): Steps
}

const PASSWORD = 'measured'
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent' }
const shell = (line: string): Command => ({ words: ['bash', '-c', `set -o pipefail; ${line}`], environment })

function versionOf(program: string, ...rest: string[]): string | undefined {
  try {
    return execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')[0]
      ?.trim()
  } catch {
    return undefined
  }
}

const tandem: Tool = {
  name: 'tandem',
  version: `this source, bundled, Node.js ${process.version}`,
  remark: 'AES-256-GCM, zstd level 1, blocks of 512 KiB',
  steps({ disk, repository, restored, keyFile, changedBlocks }) {
    const program = new URL('../../dist/cli/tandem.js', import.meta.url).pathname
    const at = `file://${repository}`
    const command = (...words: string[]): Command => ({
      words: [process.execPath, program, 'vault', ...words, '--key-file', keyFile],
      environment,
    })
    const copy = command('copy', disk, '--to', at, '--name', 'disk')
    return {
      init: command('init', at),
      copy: () => copy,
      copyListed: { ...copy, words: [...copy.words, '--changed-blocks', changedBlocks] },
      restore: () => command('restore', `${restored}/disk`, '--from', at, '--name', 'disk'),
      restored: `${restored}/disk`,
      verify: command('verify', at, '--read-data'),
    }
  },
}

const restic: Tool = {
  name: 'restic',
  version: versionOf('restic', 'version'),
  remark: 'AES-256-CTR with Poly1305, zstd (auto), pieces of about 1 MiB by content',
  steps({ disk, repository, restored }) {
    const command = (...words: string[]): Command => ({
      words: ['restic', '--cache-dir', `${repository}-cache`, '--repo', repository, ...words],
      environment: { ...environment, RESTIC_PASSWORD: PASSWORD },
    })
    return {
      init: command('init', '--repository-version', '2'),
      copy: () => command('backup', disk),
      restore: () => command('restore', 'latest', '--target', restored),
      restored: join(restored, disk),
      verify: command('check', '--read-data'),
    }
  },
}

const borg: Tool = {
  name: 'borg',
  version: versionOf('borg', '--version'),
  remark: 'AES-256-CTR with HMAC-SHA-256, zstd level 1, blocks of 512 KiB',
  steps({ disk, repository, restored }) {
    const command = (...words: string[]): Command => ({
      words: ['borg', ...words],
      environment: { ...environment, BORG_PASSPHRASE: PASSWORD, BORG_BASE_DIR: `${repository}-base` },
    })
    return {
      init: command('init', '--encryption', 'repokey', repository),
      copy: (copy) =>
        command('create', '--compression=zstd,1', '--chunker-params=fixed,524288', `${repository}::${copy}`, disk),
      restore: (copy) => ({ ...command('extract', '--sparse', `${repository}::${copy}`), directory: restored }),
      restored: join(restored, disk),
      verify: command('check', '--verify-data', repository),
    }
  },
}

const casyncCommand = (...words: string[]): Command => ({ words: ['casync', ...words], environment })

const casync: Tool = {
  name: 'casync',
  version: versionOf('casync', '--version'),
  remark: 'not encrypted, zstd, pieces of about 64 KiB by content',
  steps({ disk, repository, restored }) {
    const store = `--store=${repository}/store.castr`
    return {
      init: shell(`mkdir -p ${repository}`),
      copy: (copy) => casyncCommand('make', store, `${repository}/${copy}.caibx`, disk),
      restore: (copy) => casyncCommand('extract', store, `${repository}/${copy}.caibx`, `${restored}/disk`),
      restored: `${restored}/disk`,
    }
  },
}

const openssl = `openssl enc -aes-256-ctr -pbkdf2 -pass pass:${PASSWORD}`

const pipeline: Tool = {
  name: 'dd, zstd, openssl',
  version: ['zstd', 'openssl', 'dd'].every((program) => versionOf('which', program) !== undefined)
    ? versionOf('zstd', '--version')
    : undefined,
  remark: 'encrypted without authentication, zstd level 1 on all cores, the whole disk each time',
  steps: ({ disk, repository, restored }) => ({
    init: shell(`mkdir -p ${repository}`),
    copy: (copy) =>
      shell(
        `dd if=${disk} bs=4M status=none | zstd -q -1 -T0 | ${openssl} -out ${repository}/${copy} && sync ${repository}/${copy}`,
      ),
    restore: (copy) =>
      shell(
        `${openssl} -d -in ${repository}/${copy} | zstd -q -d | dd of=${restored}/disk bs=4M iflag=fullblock conv=sparse status=none && truncate -s $(stat -c %s ${disk}) ${restored}/disk`,
      ),
    restored: `${restored}/disk`,
    verify: shell(`${openssl} -d -in ${repository}/first | zstd -q -t`),
  }),
}

export const TOOLS: readonly Tool[] = [tandem, restic, borg, casync, pipeline]
