import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isTandemError } from '../../core/errors.ts'
import type { CopyResult } from '../../mover/copy-disk.ts'
import { PREFIX } from '../../mover/format/names.ts'
import { listCopies } from '../../mover/vault.ts'
import { verifyCopies, verifyIndex } from '../../mover/verify-vault.ts'
import { image, makeVaultFolder, type VaultFolder } from './vault-folder.ts'

/** Two copies of one disk: the second changes a block. */
let folder: VaultFolder
let copies: readonly { readonly result: CopyResult; readonly content: Buffer }[]
let sound: string

beforeAll(async () => {
  folder = await makeVaultFolder()
  const first = image('AB#D.#')
  const second = Buffer.concat([image('Z'), first.subarray(524_288)])
  copies = [
    { content: first, result: await folder.copy(first) },
    { content: second, result: await folder.copy(second) },
  ]
  sound = `${folder.folder}-sound`
  cpSync(folder.folder, sound, { recursive: true })
})
afterAll(() => folder[Symbol.dispose]())
beforeEach(() => {
  rmSync(folder.folder, { recursive: true })
  cpSync(sound, folder.folder, { recursive: true })
})

const objects = (prefix: string): string[] =>
  readdirSync(join(folder.folder, prefix), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()

const KINDS = { pack: PREFIX.packs, map: PREFIX.maps, manifest: PREFIX.disks, 'index part': PREFIX.index }

async function findings(): Promise<string[]> {
  const options = { readData: true, location: folder.location, threadCount: 1 }
  const found = await verifyCopies(folder.vault, await listCopies(folder.vault), options)
  return [...found, ...(await verifyIndex(folder.vault))].map(({ message }) => message)
}

/** Restores every copy: each comes back as it was, or is refused as damaged; never anything else. */
async function expectNothingWrongRestored(): Promise<number> {
  let refused = 0
  for (const { result, content } of copies)
    try {
      expect((await folder.restore(result.name)).equals(content)).toBe(true)
    } catch (error) {
      if (!isTandemError(error, 'VaultDamaged')) throw error
      refused += 1
    }
  return refused
}

/** Ways to damage an object's bytes, at the places where its parts begin and end. */
const DAMAGES: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'a bit flipped in its head': (bytes) => flipped(bytes, 3),
  'a bit flipped in its salt or id': (bytes) => flipped(bytes, 12),
  'a bit flipped in the first record': (bytes) => flipped(bytes, 60),
  'a bit flipped in the middle': (bytes) => flipped(bytes, Math.floor(bytes.length / 2)),
  'a bit flipped in the last byte but 14': (bytes) => flipped(bytes, bytes.length - 14),
  'a bit flipped in the last byte': (bytes) => flipped(bytes, bytes.length - 1),
  'its tail cut off': (bytes) => bytes.subarray(0, bytes.length - 5),
  'its second half cut off': (bytes) => bytes.subarray(0, Math.floor(bytes.length / 2)),
  'nothing left': () => Buffer.alloc(0),
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ 1
  return changed
}

describe.each(Object.entries(KINDS))('a damaged %s', (_, prefix) => {
  it.each(Object.entries(DAMAGES))(
    'with %s is named, and never restored as if it were right',
    async (_what, damage) => {
      const [path = ''] = objects(prefix)
      writeFileSync(path, damage(readFileSync(path)))
      const name = path.slice(folder.folder.length + 1)
      const found = await findings()
      expect(found.filter((message) => message.includes(name))).not.toEqual([])
      await expectNothingWrongRestored()
    },
  )

  it('in another one of its kind’s place is named', async () => {
    const [first = '', second = ''] = objects(prefix)
    renameSync(first, `${first}.aside`)
    renameSync(second, first)
    renameSync(`${first}.aside`, second)
    expect((await findings()).length).toBeGreaterThan(0)
    await expectNothingWrongRestored()
  })
})

it.each(['pack', 'map', 'manifest'] as const)('a missing %s is found: by name, or the copy is gone', async (kind) => {
  const [path = ''] = objects(KINDS[kind])
  rmSync(path)
  if (kind === 'manifest') expect(await listCopies(folder.vault)).toHaveLength(copies.length - 1)
  else expect((await findings()).join()).toContain(path.slice(folder.folder.length + 1))
})

it('an older manifest under the newest one’s name is refused', async () => {
  const [older = '', newest = ''] = objects(PREFIX.disks)
  cpSync(older, newest)
  expect((await findings()).join()).toContain(newest.slice(folder.folder.length + 1))
})

it('a damaged index part harms no copy, and new ones are still right', async () => {
  const [path = ''] = objects(PREFIX.index)
  writeFileSync(path, 'nonsense')
  expect(await expectNothingWrongRestored()).toBe(0)
  const content = image('AB#')
  const { name } = await folder.copy(content, { disk: 'vol-2' })
  expect((await folder.restore(name)).equals(content)).toBe(true)
})

it('names the object, the disk and the block', async () => {
  const [path = ''] = objects(PREFIX.packs)
  writeFileSync(path, flipped(readFileSync(path), 60))
  expect((await findings()).join('\n')).toMatch(/packs\/[0-9a-f]{32} .*: block \d+ of vol-1 is lost in this copy/)
})
