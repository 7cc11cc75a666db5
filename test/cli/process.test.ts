import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settingsOf } from '../../demo/tandem.ts'
import { startWorld, type World } from '../scenarios/world.ts'

/** The command as a process: what only that can show. */
let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

const COMMAND = resolve(import.meta.dirname, '../../cli/tandem.js')

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs it while virtual time stands still; `interruptWhen` presses Ctrl-C once the error stream says this. */
function run(words: string[], settings: Record<string, string>, interruptWhen?: RegExp): Promise<Ended> {
  return world.account.clock.holding(async () => {
    const { PATH = '' } = process.env
    const child = spawn(process.execPath, [COMMAND, ...words], {
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
