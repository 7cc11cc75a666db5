import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { IdTable } from '../../mover/pipeline/id-table.ts'

it('finds ids by numbers and numbers by ids, in whatever order they came and with gaps', () => {
  const table = new IdTable()
  const ids = new Map(Array.from({ length: 5000 }, (_, index) => [(index * 7919) % 20_000, randomBytes(16)]))
  for (const [number, id] of ids) table.set(number, id)
  for (const [number, id] of ids) {
    expect(table.numberOf(id)).toBe(number)
    expect(table.idOf(number).equals(id)).toBe(true)
  }
  expect(table.numberOf(randomBytes(16))).toBeUndefined()
  expect(() => table.idOf(20_000)).toThrow(RangeError)
})

it('needs some 32 bytes for the id of a pack: 16 TiB that hardly compress are half a million packs', () => {
  const before = process.memoryUsage()
  const table = new IdTable()
  for (let round = 0; round < 128; round += 1) {
    const ids = randomBytes(4096 * 16)
    for (let at = 0; at < ids.length; at += 16) table.add(ids.subarray(at, at + 16))
  }
  const { arrayBuffers } = process.memoryUsage()
  expect(table.end).toBe(524_288)
  // What it outgrew may not have been collected yet.
  expect(arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024)
})
