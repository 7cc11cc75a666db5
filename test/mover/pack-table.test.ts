import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BitSets } from '../../mover/expiry/bit-sets.ts'
import { PackTable } from '../../mover/expiry/pack-table.ts'

describe('many small sets in one array', () => {
  it('are the sets that they stand for, in whatever order they grow', () => {
    const member = fc.oneof(fc.nat(80), fc.nat(65_535))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(300), member), { maxLength: 400 }), (additions) => {
        const sets = new BitSets()
        const expected = new Map<number, Set<number>>()
        for (const [set, each] of additions) {
          const known = expected.get(set) ?? new Set<number>()
          expect(sets.add(set, each)).toBe(!known.has(each))
          expected.set(set, known.add(each))
        }
        for (const [set, members] of expected)
          expect(sets.members(set)).toEqual([...members].toSorted((one, other) => one - other))
        expect(sets.members(301)).toEqual([])
        expect(sets.has(301, 0)).toBe(false)
      }),
      { numRuns: 50 },
    )
  })
})

const listed = { name: '', sizeBytes: 16 * 1024 * 1024, writtenMs: 1 }

describe('the table of packs', () => {
  it('counts a record that several copies need once', () => {
    const packs = new PackTable()
    const id = randomBytes(16)
    packs.list(id, listed)
    expect([packs.markLive(id, 7, 100), packs.markLive(id, 7, 100), packs.markLive(id, 3, 50)]).toEqual([
      true,
      false,
      true,
    ])
    expect([packs.liveOf(0), packs.liveCountOf(0), packs.liveBytesOf(0)]).toEqual([[3, 7], 2, 150])
  })

  it('knows of packs that are gone what is needed of them, and does not take them for packs that are there', () => {
    const packs = new PackTable()
    const [there, gone] = [randomBytes(16), randomBytes(16)]
    packs.list(there, listed)
    packs.markLive(gone, 0, 100)
    expect([packs.isThere(there), packs.isThere(gone), packs.isThere(randomBytes(16))]).toEqual([true, false, false])
    expect([...packs.listed()].map(({ pack }) => packs.idOf(pack))).toEqual([there])
    expect(packs.liveCountOf(packs.numberOf(gone) ?? -1)).toBe(1)
    // A segment that begins with the bytes of a pack's id is no pack.
    expect(packs.isThere(Buffer.concat([there, there]))).toBe(false)
  })

  it('takes less than four bytes for each block that is needed, for a hundred thousand of them in packs of a hundred', () => {
    const packs = new PackTable()
    const [packCount, recordCount] = [1000, 100]
    for (let pack = 0; pack < packCount; pack += 1) {
      const id = randomBytes(16)
      packs.list(id, listed)
      for (let ordinal = 0; ordinal < recordCount; ordinal += 1) packs.markLive(id, ordinal, 100_000)
    }
    expect(packs.byteLength / (packCount * recordCount)).toBeLessThan(4)
  })
})
