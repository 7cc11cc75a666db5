import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { keyFile } from '../../mover/key-holders.ts'
import { listCopies, openVault } from '../../mover/vault.ts'
import { verifyCopies } from '../../mover/verify-vault.ts'
import { image, makeVaultFolder, type VaultFolder } from './vault-folder.ts'

let folder: VaultFolder
beforeEach(async () => {
  folder = await makeVaultFolder()
})
afterEach(() => folder[Symbol.dispose]())

describe('a copy', () => {
  it('comes back byte for byte, also when the disk is no whole number of blocks', async () => {
    const content = image('A.B#.A', 1234)
    const { name, manifest } = await folder.copy(content)
    expect((await folder.restore(name)).equals(content)).toBe(true)
    expect(manifest.blockCount).toBe(5)
    expect(manifest.mode).toBe('full')
  })

  it('stores a block once, and zeros not at all', async () => {
    const { manifest } = await folder.copy(image('AAAA....'))
    expect(manifest.stats).toMatchObject({
      zeroBytes: 4 * BLOCK_BYTES,
      knownBytes: 3 * BLOCK_BYTES,
      newBytes: BLOCK_BYTES,
    })
  })

  it('reads the listed blocks alone, and is as complete as a full one', async () => {
    const before = image('AB#D.F')
    await folder.copy(before)
    const after = Buffer.concat([before.subarray(0, BLOCK_BYTES), image('X'), before.subarray(2 * BLOCK_BYTES)])
    const { name, manifest } = await folder.copy(after, { changedBlocks: [1] })
    expect(manifest.mode).toBe('incremental')
    expect(manifest.stats.readBytes).toBe(BLOCK_BYTES)
    expect((await folder.restore(name)).equals(after)).toBe(true)
  })

  it('reads what the disk has grown by, listed or not', async () => {
    await folder.copy(image('AB'))
    const grown = image('ABCD')
    const { name, manifest } = await folder.copy(grown, { changedBlocks: [] })
    expect(manifest.stats.readBytes).toBe(2 * BLOCK_BYTES)
    expect((await folder.restore(name)).equals(grown)).toBe(true)
  })

  it('without a list stores changes only', async () => {
    const before = image('AB#D')
    await folder.copy(before)
    const after = Buffer.concat([image('Z'), before.subarray(BLOCK_BYTES)])
    const { name, manifest } = await folder.copy(after)
    expect(manifest.stats).toMatchObject({ newBytes: BLOCK_BYTES, knownBytes: 3 * BLOCK_BYTES })
    expect((await folder.restore(name)).equals(after)).toBe(true)
  })

  it('refuses a disk that shrinks while it is read, and commits nothing', async () => {
    const content = image('ABC')
    await expect(folder.copy(content, { sizeBytes: content.length + 1 })).rejects.toMatchObject({
      name: 'DiskUnreadable',
      message: expect.stringContaining('it has shrunk while it was read'),
    })
    expect(await listCopies(folder.vault)).toEqual([])
  })

  it('is not opened with another key', async () => {
    const other = await makeVaultFolder()
    await expect(openVault(folder.vault.store, keyFile(other.keyPath))).rejects.toMatchObject({ name: 'VaultKeyWrong' })
    other[Symbol.dispose]()
  })

  it('is the identity for any disk and any sequence of changes', async () => {
    const blocks = fc.array(fc.constantFrom('.', '#', 'A', 'B', 'C'), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(fc.array(blocks, { minLength: 1, maxLength: 3 }), fc.nat(1000), async (versions, extra) => {
        using fresh = await makeVaultFolder()
        const copies: { name: string; content: Buffer }[] = []
        for (const version of versions) {
          const content = image(version.join(''), extra)
          copies.push({ name: (await fresh.copy(content)).name, content })
        }
        for (const { name, content } of copies) expect((await fresh.restore(name)).equals(content)).toBe(true)
        const findings = await verifyCopies(fresh.vault, await listCopies(fresh.vault), {
          readData: true,
          location: fresh.location,
          threadCount: 1,
        })
        expect(findings).toEqual([])
      }),
      { numRuns: 5, seed: 4 },
    )
  })
})
