/** The two cyclic redundancy checks of S3 that zlib does not have. */
import type { RunningChecksum } from './checksums.ts'

/** Reflected polynomials. */
const CRC32C_POLYNOMIAL = 0x82f63b78n
const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n

/** Eight bytes are taken at a time, each through a table of its own: five times as fast as one at a time. */
const SLICES = 8

/** Remainder of byte `b` followed by `n` zero bytes, at `n * 256 + b`. */
function sliceTables(polynomial: bigint): bigint[] {
  const tables: bigint[] = []
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = BigInt(byte)
    for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1n ? (remainder >> 1n) ^ polynomial : remainder >> 1n
    tables.push(remainder)
  }
  for (let index = 256; index < SLICES * 256; index += 1) {
    const shorter = tables[index - 256] ?? 0n
    tables.push((shorter >> 8n) ^ (tables[Number(shorter & 0xffn)] ?? 0n))
  }
  return tables
}

const lowWords = (tables: readonly bigint[]): Int32Array =>
  Int32Array.from(tables, (entry) => Number(BigInt.asIntN(32, entry)))
const highWords = (tables: readonly bigint[]): Int32Array =>
  Int32Array.from(tables, (entry) => Number(BigInt.asIntN(32, entry >> 32n)))

/** Tables are made when first needed: most processes never compute these. */
const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => (made ??= make())
}

const tables32c = once(() => lowWords(sliceTables(CRC32C_POLYNOMIAL)))
const tables64 = once(() => {
  const tables = sliceTables(CRC64NVME_POLYNOMIAL)
  return { lowTable: lowWords(tables), highTable: highWords(tables) }
})

function base64Of(...words: number[]): string {
  const bytes = Buffer.alloc(4 * words.length)
  words.forEach((word, index) => bytes.writeUInt32BE(word >>> 0, 4 * index))
  return bytes.toString('base64')
}

const viewOf = (chunk: Uint8Array): DataView => new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)

export class Crc32c implements RunningChecksum {
  #remainder = -1

  update(chunk: Uint8Array): void {
    const table = tables32c()
    const view = viewOf(chunk)
    let crc = this.#remainder
    let at = 0
    for (const end = chunk.length - (SLICES - 1); at < end; at += SLICES) {
      const a = crc ^ view.getInt32(at, true)
      const b = view.getInt32(at + 4, true)
      crc = xorOf(table, a, 4) ^ xorOf(table, b, 0)
    }
    for (; at < chunk.length; at += 1) crc = (crc >>> 8) ^ (table[(crc ^ (chunk[at] ?? 0)) & 0xff] ?? 0)
    this.#remainder = crc
  }

  digest(): string {
    return base64Of(~this.#remainder)
  }
}

/** Four bytes of a word through the tables of `zeros` to `zeros + 3` zero bytes behind them; the first byte has the most. */
function xorOf(table: Int32Array, word: number, zeros: number): number {
  return (
    (table[(zeros + 3) * 256 + (word & 0xff)] ?? 0) ^
    (table[(zeros + 2) * 256 + ((word >>> 8) & 0xff)] ?? 0) ^
    (table[(zeros + 1) * 256 + ((word >>> 16) & 0xff)] ?? 0) ^
    (table[zeros * 256 + (word >>> 24)] ?? 0)
  )
}

export class Crc64nvme implements RunningChecksum {
  #low = -1
  #high = -1

  update(chunk: Uint8Array): void {
    const { lowTable, highTable } = tables64()
    const view = viewOf(chunk)
    let low = this.#low
    let high = this.#high
    let at = 0
    for (const end = chunk.length - (SLICES - 1); at < end; at += SLICES) {
      const a = low ^ view.getInt32(at, true)
      const b = high ^ view.getInt32(at + 4, true)
      low = xorOf(lowTable, a, 4) ^ xorOf(lowTable, b, 0)
      high = xorOf(highTable, a, 4) ^ xorOf(highTable, b, 0)
    }
    for (; at < chunk.length; at += 1) {
      const index = (low ^ (chunk[at] ?? 0)) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ (lowTable[index] ?? 0)
      high = (high >>> 8) ^ (highTable[index] ?? 0)
    }
    this.#low = low
    this.#high = high
  }

  digest(): string {
    return base64Of(~this.#high, ~this.#low)
  }
}
