import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { tandem } from './vault-command.ts'
import { image } from './vault-folder.ts'

export interface KillRounds {
  /** How many processes died of SIGKILL. */
  readonly kills: number
  /** Packs that were there when the last copy began. */
  readonly packCount: number
}

const COMMAND = resolve(import.meta.dirname, '../../cli/tandem.js')
const POLL_MS = 5

const expectDone = ({ exitCode, err }: { exitCode: number | null; err: string }, what: string): void => {
  if (exitCode !== 0) throw new Error(`${what} ended with ${exitCode}: ${err}`)
}

/**
 * Copies a disk with the real command in a process of its own, two threads and all, and kills it with SIGKILL as soon as the vault has grown by so many objects, once
 * for each number; then lets it live. After each death all copies are verified. @throws Error that says what is wrong
 */
export async function killRounds(growths: readonly number[]): Promise<KillRounds> {
  const folder = mkdtempSync(join(tmpdir(), 'kill-rounds-'))
  const key = `--key-file ${folder}/key`
  const place = `file://${folder}/vault`
  const copying = `copy ${folder}/disk --to ${place} --name vol-1 --threads 2 ${key}`
  const objectsIn = (path: string): number =>
    existsSync(join(folder, 'vault', path)) ? readdirSync(join(folder, 'vault', path), { recursive: true }).length : 0
  const isKilled = async (growth: number): Promise<boolean> => {
    const before = objectsIn('')
    const child = spawn(process.execPath, [COMMAND, 'vault', ...copying.split(' ')], { stdio: 'ignore' })
    const timer = setInterval(() => objectsIn('') - before >= growth && child.kill('SIGKILL'), POLL_MS)
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    clearInterval(timer)
    return signal === 'SIGKILL'
  }
  try {
    writeFileSync(join(folder, 'key'), 'ab'.repeat(32))
    expectDone(await tandem(`vault init ${place} ${key}`), 'init')
    // More than 96 MiB, so that threads are started; packs are full in the middle of it.
    const content = Buffer.concat([image('#'.repeat(70)), Buffer.alloc(124 * 524_288)])
    writeFileSync(join(folder, 'disk'), content)
    let kills = 0
    for (const growth of growths) {
      if (await isKilled(growth)) kills += 1
      expectDone(await tandem(`vault verify ${place} --read-data ${key}`), 'verify after a death')
    }
    const packCount = objectsIn('packs')
    expectDone(await tandem(`vault ${copying}`), 'the last copy')
    expectDone(await tandem(`vault restore ${folder}/restored --from ${place} --name vol-1 ${key}`), 'restore')
    if (!readFileSync(join(folder, 'restored')).equals(content)) throw new Error('what was restored differs')
    return { kills, packCount }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
