import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tandem } from './vault-command.ts'
import { image } from './vault-folder.ts'

let folder: string
let place: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'expire-command-'))
  place = `file://${folder}/vault --key-file ${folder}/key`
  writeFileSync(join(folder, 'key'), 'ab'.repeat(32))
  await tandem(`vault init ${place}`)
  for (const [blocks, now] of [
    ['AB#', '2026-11-01T10:00:00Z'],
    ['CD#', '2026-11-02T10:00:00Z'],
  ] as const) {
    writeFileSync(join(folder, 'disk'), image(blocks))
    await tandem(`vault copy ${folder}/disk --to ${place} --name vol-1`, now)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Makes everything in the vault older: what a file system says is what counts. */
function age(days: number): void {
  for (const entry of readdirSync(join(folder, 'vault'), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const at = new Date(Date.now() - days * 86_400_000)
      utimesSync(join(entry.parentPath, entry.name), at, at)
    }
}

const copies = (): string[] => readdirSync(join(folder, 'vault/disks/vol-1'))
const packs = (): string[] => readdirSync(join(folder, 'vault/packs'))

it('asks for a rule, and for a decision', async () => {
  expect(await tandem(`vault expire ${place} --yes`)).toMatchObject({
    exitCode: 2,
    err: expect.stringMatching(/^InvalidInput: Say what is kept/),
  })
  expect(await tandem(`vault expire ${place} --keep 1`)).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('look at it with --plan, then use --yes'),
  })
  expect(await tandem(`vault expire ${place} --keep 1 --grace 1 --yes`)).toMatchObject({ exitCode: 2 })
  expect(copies()).toHaveLength(2)
})

it('shows what would go and why, then lets it go: the copy at once, its blocks a grace period later', async () => {
  age(3)
  const now = new Date().toISOString()
  const plan = await tandem(`vault expire ${place} --keep 1 --plan`, now)
  expect(plan.out).toMatch(/20261102T100000Z-\S+\s+stays\s+the newest of vol-1/)
  expect(plan.out).toMatch(/20261101T100000Z-\S+\s+goes\s+no longer kept by the rule/)
  expect(copies()).toHaveLength(2)
  expect(await tandem(`vault expire ${place} --keep 1 --yes`, now)).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining('0 points and 1 copies expired'),
  })
  expect(copies()).toHaveLength(1)
  expect(packs()).toHaveLength(2)
  writeFileSync(join(folder, 'vault/packs/.draft-left'), 'by a mover that was killed')
  age(3)
  await tandem(`vault expire ${place} --keep 1 --yes`, now)
  expect(packs()).toHaveLength(1)
  expect(await tandem(`vault verify ${place} --read-data`)).toMatchObject({ exitCode: 0 })
})
