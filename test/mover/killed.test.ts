import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PREFIX } from '../../mover/format/names.ts'
import { PACK_ID_BYTES } from '../../mover/format/parameters.ts'
import { listCopies } from '../../mover/vault.ts'
import { Died, InterposedStore, dyingAt, type Interposer } from './interposed-store.ts'
import type { MemoryStore } from './memory-store.ts'
import { image } from './vault-folder.ts'
import { makeVaultInMemory, TAKEN_AT_MS } from './vault-memory.ts'

/** Copies die at every call of their store, before and after it; over small disks that fill several packs. */
const FIRST = image('A##.C#')
const SECOND = Buffer.concat([image('#Z'), FIRST.subarray(2 * 524_288), image('#')])

const countCalls = async (copy: (store: InterposedStore) => Promise<unknown>): Promise<number> => {
  const vault = makeVaultInMemory()
  const store = new InterposedStore(vault.store, {})
  await copy(store)
  return store.callCount
}

/** Objects of each kind that a store was asked to write. */
const countPuts = (): Interposer & { readonly packs: string[] } => {
  const packs: string[] = []
  return {
    packs,
    after: ({ operation, name }) => void (operation === 'put' && name.startsWith('packs/') && packs.push(name)),
  }
}

const packCount = (store: MemoryStore): number =>
  [...store.objects.keys()].filter((name) => name.startsWith(PREFIX.packs)).length

describe.each(['before', 'after'] as const)('a copy that dies %s any call of its store', (when) => {
  it('is finished by running it again: nothing is stored twice, every copy is readable', async () => {
    const probe = makeVaultInMemory()
    const callCount = await countCalls((store) => probe.copy(FIRST, store))
    await probe.copy(FIRST, probe.store)
    const packsOfFirst = packCount(probe.store)
    expect(packsOfFirst).toBeGreaterThan(2)
    for (let ordinal = 1; ordinal <= callCount; ordinal += 1) {
      const vault = makeVaultInMemory()
      const copyId = randomBytes(PACK_ID_BYTES)
      await expect(
        vault.copy(FIRST, new InterposedStore(vault.store, dyingAt(ordinal, when)), { copyId }),
      ).rejects.toBeInstanceOf(Died)
      expect(await vault.findings()).toEqual([])
      const finished = packCount(vault.store)
      const counted = countPuts()
      const { name } = await vault.copy(FIRST, new InterposedStore(vault.store, counted), { copyId })
      // A pack that was finished is not written again; one that was not may have been cut elsewhere.
      expect(counted.packs.length).toBeLessThanOrEqual(packsOfFirst - finished + 1)
      expect(await listCopies(vault.vaultOf(vault.store))).toMatchObject([{ name }])
      expect((await vault.restore(name)).equals(FIRST)).toBe(true)
    }
  })

  it('and is not run again leaves the copies before it as they are', async () => {
    const vault = makeVaultInMemory()
    const { name } = await vault.copy(FIRST, vault.store)
    const sound = new Map(vault.store.objects)
    const again = { takenAtMs: Date.UTC(2026, 10, 24), changedBlocks: [0, 1, 6] }
    const counting = new InterposedStore(vault.store, {})
    await vault.copy(SECOND, counting, again)
    for (let ordinal = 1; ordinal <= counting.callCount; ordinal += 1) {
      vault.store.objects.clear()
      for (const [key, object] of sound) vault.store.objects.set(key, object)
      await expect(
        vault.copy(SECOND, new InterposedStore(vault.store, dyingAt(ordinal, when)), again),
      ).rejects.toBeInstanceOf(Died)
      expect(await vault.findings()).toEqual([])
      expect((await vault.restore(name)).equals(FIRST)).toBe(true)
    }
  })
})

/** A number from 0 to below `limit` that a seed and a place always give. */
const drawn = (seed: number, place: string, limit: number): number =>
  createHash('sha256').update(`${seed} ${place}`).digest().readUInt32LE(0) % limit

const BLOCKS = ['.', 'A', 'B', 'C', '#'].map((kind) => image(kind))
const drawDisk = (seed: number, version: string): Buffer =>
  Buffer.concat(
    Array.from(
      { length: 1 + drawn(seed, `${version} size`, 2) },
      (_, at) => BLOCKS[drawn(seed, `${version} ${at}`, 5)] ?? Buffer.of(),
    ),
  )

/** Runs a copy again and again, each time dying at some call, until it lives. */
async function untilDone(
  seed: number,
  version: string,
  run: (interposer: Interposer) => Promise<unknown>,
): Promise<number> {
  for (let deaths = 0; ; deaths += 1)
    try {
      const at = deaths === 5 ? Infinity : 1 + drawn(seed, `${version} death ${deaths}`, 25)
      await run(dyingAt(at, drawn(seed, `${version} when ${deaths}`, 2) === 0 ? 'before' : 'after'))
      return deaths
    } catch (error) {
      if (!(error instanceof Died)) throw error
    }
}

it(
  'however often copies die and at whatever moments, there is one of each in the end, and all are right',
  { timeout: 240_000 },
  async () => {
    let deaths = 0
    for (let seed = 0; seed < 200; seed += 1) {
      const vault = makeVaultInMemory()
      const versions = ['first', 'second'].slice(seed % 8 === 0 ? 0 : 1).map((name, index) => ({
        content: drawDisk(seed, name),
        takenAtMs: TAKEN_AT_MS + index * 1000,
        copyId: randomBytes(16),
      }))
      for (const { content, takenAtMs, copyId } of versions)
        deaths += await untilDone(seed, String(takenAtMs), (interposer) =>
          vault.copy(content, new InterposedStore(vault.store, interposer), { takenAtMs, copyId }),
        )
      const copies = await listCopies(vault.vaultOf(vault.store))
      expect(copies).toHaveLength(versions.length)
      for (const [index, { content }] of versions.entries())
        expect((await vault.restore(copies[index]?.name ?? '')).equals(content), `seed ${seed}`).toBe(true)
    }
    expect(deaths).toBeGreaterThan(150)
  },
)

it('two copies at once into one vault, in any order of their calls, are both right', async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const vault = makeVaultInMemory()
    const contents = [drawDisk(seed, 'left'), drawDisk(seed, 'right')]
    const turns: Interposer = {
      async before({ name, ordinal }) {
        for (let wait = drawn(seed, `${name} ${ordinal}`, 4); wait > 0; wait -= 1) await new Promise(setImmediate)
      },
    }
    // Half of the time of the same disk, at the same moment.
    const disks = seed % 2 === 0 ? ['vol-1', 'vol-1'] : ['vol-1', 'vol-2']
    const copies = await Promise.all(
      contents.map((content, index) =>
        vault.copy(content, new InterposedStore(vault.store, turns), { disk: disks[index] ?? '' }),
      ),
    )
    for (const [index, { name }] of copies.entries())
      expect((await vault.restore(name)).equals(contents[index] ?? Buffer.of())).toBe(true)
  }
})

it('one and the same copy by two movers at once is committed once, and both have it', async () => {
  const vault = makeVaultInMemory()
  const copyId = randomBytes(PACK_ID_BYTES)
  const results = await Promise.all([FIRST, FIRST].map((content) => vault.copy(content, vault.store, { copyId })))
  expect(results[0]).toEqual(results[1])
  expect(await listCopies(vault.vaultOf(vault.store))).toHaveLength(1)
  expect((await vault.restore(results[0]?.name ?? '')).equals(FIRST)).toBe(true)
})
