import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settingsOf } from '../../demo/tandem.ts'
import { startWorld, type World } from '../scenarios/world.ts'

const REPOSITORY = resolve(import.meta.dirname, '../..')

/** The command as `npm ci` makes it, as a process: what only that can show. */
let folder: string
let world: World
beforeAll(async () => {
  mkdirSync(join(REPOSITORY, 'dist'), { recursive: true })
  folder = mkdtempSync(join(REPOSITORY, 'dist/test-'))
  execFileSync(process.execPath, [join(REPOSITORY, 'bundling/command.ts'), join(folder, 'cli')])
  world = await startWorld()
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs it while virtual time stands still; `interruptWhen` presses Ctrl-C once the error stream says this. */
function run(words: string[], settings: Record<string, string>, interruptWhen?: RegExp): Promise<Ended> {
  return world.account.clock.holding(async () => {
    const { PATH = '' } = process.env
    const child = spawn(process.execPath, [join(folder, 'cli/tandem.js'), ...words], {
      env: { PATH, AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err, isInterrupted] = ['', '', false]
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
      if (isInterrupted || !interruptWhen?.test(err)) return
      isInterrupted = true
      child.kill('SIGINT')
    })
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, err }
  })
}

test('the deployment can be chosen with TANDEM_DEPLOYMENT', async () => {
  const settings = settingsOf(world.account)
  expect(await run(['status'], settings)).toMatchObject({ code: 0, out: expect.stringMatching(/^Deployment tandem /) })
  const { code, err } = await run(['status'], { ...settings, TANDEM_DEPLOYMENT: 'elsewhere' })
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('no deployment elsewhere here') })
})

test('without a Region it says what to set', async () => {
  const { AWS_REGION: _, ...settings } = settingsOf(world.account)
  const { code, err } = await run(['status'], settings)
  expect({ code, err }).toEqual({
    code: 2,
    err: expect.stringMatching(/^InvalidInput: No Region is set\. Set AWS_REGION/),
  })
})

test('prints no colours where nobody reads, not even in CI', async () => {
  const { out, err } = await run(['machines', '--nonsense'], {
    ...settingsOf(world.account),
    CI: 'true',
    FORCE_COLOR: '1',
  })
  expect(out + err).toMatch(/^InvalidInput: unknown option/)
  expect(out + err).not.toContain('\u001B')
})

test('Ctrl-C while waiting ends the process with 130', async () => {
  const machine = await world.machine({ userData: '', dataDisks: [] })
  const { code, err } = await run(['protect', machine, '--wait'], settingsOf(world.account), /Ctrl-C only ends/)
  expect({ code, err }).toEqual({ code: 130, err: expect.stringContaining('Interrupted: The run goes on.') })
})

test('copies a disk that is worth several threads into a vault, and back', async () => {
  const [disk, key, place] = [join(folder, 'disk'), join(folder, 'key'), `file://${folder}/vault`]
  const content = randomBytes(3 * 1024 * 1024)
  writeFileSync(key, 'ab'.repeat(32))
  writeFileSync(disk, content)
  // Zeros, which take no place.
  truncateSync(disk, 128 * 1024 * 1024)
  const vault = (...words: string[]): Promise<Ended> => run(['vault', ...words, '--key-file', key], {})
  expect(await vault('init', place)).toMatchObject({ code: 0, err: '' })
  const copied = await vault('copy', disk, '--to', place, '--name', 'vol-1', '--threads', '2', '--json')
  expect(copied).toMatchObject({ code: 0, err: '' })
  expect(JSON.parse(copied.out)).toMatchObject({ readBytes: 128 * 1024 * 1024, newBytes: content.length })
  expect(await vault('verify', place, '--read-data')).toMatchObject({ code: 0, err: '' })
  const restored = await vault('restore', join(folder, 'restored'), '--from', place, '--name', 'vol-1')
  expect(restored).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(join(folder, 'restored')).equals(readFileSync(disk))).toBe(true)
})
