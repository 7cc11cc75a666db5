import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { synthesize } from '../../demo/synthesize.ts'
import { startWorld, type World } from './world.ts'

let world: World
const folder = mkdtempSync(join(tmpdir(), 'tandem-copies-'))
beforeAll(async () => {
  const assembly = await synthesize(join(folder, 'assembly'), {
    policies: resolve(import.meta.dirname, 'copying-policies.json'),
  })
  world = await startWorld({}, assembly)
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

test('copies a new point into the vault of its policy, once a day', async () => {
  const machine = await world.machine({ userData: '' })
  const { result } = await world.run('protect-machine', { machine })
  console.log(JSON.stringify(result))
  await world.account.clock.sleep(30 * 60_000)
  const copied = await world.run('copy-point', { machine })
  console.log(JSON.stringify(copied.result), copied.steps.map((s) => `${s.state} ${s.event} ${s.error ?? ''}`))
  expect(copied.result.status).toBe('SUCCEEDED')
})
