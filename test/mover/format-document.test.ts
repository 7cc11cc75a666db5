import { expect, it } from 'vitest'
import { readNewest } from './plain-reader.ts'
import { image, makeVaultFolder } from './vault-folder.ts'

it('is complete: a reader written from docs/vault-format.md alone reads what the mover wrote', async () => {
  using folder = await makeVaultFolder()
  const first = image('AB#.D', 4321)
  await folder.copy(first)
  expect(readNewest(folder.folder, folder.keyPath, 'vol-1').equals(first)).toBe(true)
  const second = Buffer.concat([image('#'), first.subarray(524_288)])
  await folder.copy(second, { changedBlocks: [0] })
  expect(readNewest(folder.folder, folder.keyPath, 'vol-1').equals(second)).toBe(true)
})

it('copies and reads a disk that is worth several threads in the same way', async () => {
  using folder = await makeVaultFolder()
  const content = Buffer.concat([image('AB#'), Buffer.alloc(190 * 524_288), image('#Z')])
  const { name, manifest } = await folder.copy(content, { threadCount: 2 })
  expect(manifest.stats.readBytes).toBe(content.length)
  expect((await folder.restore(name)).equals(content)).toBe(true)
  expect(readNewest(folder.folder, folder.keyPath, 'vol-1').equals(content)).toBe(true)
})
