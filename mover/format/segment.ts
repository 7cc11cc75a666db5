/** Map segments: which block of a GiB is where (docs/vault-format.md, section 5). */
import type { Place } from './pack.ts'
import { CHECK_BYTES, ID_BYTES, PACK_ID_BYTES, SEGMENT_BLOCKS } from './parameters.ts'

/** `block u16 ‖ pack u16 ‖ ordinal u16 ‖ offset u32 ‖ length u32 ‖ id ‖ check`. */
const ID_AT = 2 + 2 + 2 + 4 + 4
const CHECK_AT = ID_AT + ID_BYTES
const ENTRY_BYTES = CHECK_AT + CHECK_BYTES

/** What a block is known by (docs/vault-format.md, section 3). */
export interface BlockDigests {
  readonly id: Buffer
  readonly check: Buffer
}

export interface SegmentEntry extends Place, BlockDigests {
  /** Within the segment, 0 to 2047. */
  readonly block: number
  readonly packId: Buffer
}

/** @param entries in the order of blocks @param unusedPackId makes another segment of the same entries */
export function writeSegment(entries: readonly SegmentEntry[], unusedPackId?: Buffer): Buffer {
  const packs = new Map<string, number>()
  /** Entries of one pack usually share its id. */
  const numbers = new Map<Buffer, number>()
  for (const { packId } of entries) {
    if (numbers.has(packId)) continue
    const name = packId.toString('hex')
    const number = packs.get(name) ?? packs.size
    packs.set(name, number)
    numbers.set(packId, number)
  }
  if (unusedPackId) packs.set(unusedPackId.toString('hex'), packs.size)
  const bytes = Buffer.alloc(2 + packs.size * PACK_ID_BYTES + 2 + entries.length * ENTRY_BYTES)
  let at = bytes.writeUInt16LE(packs.size, 0)
  for (const name of packs.keys()) at += bytes.write(name, at, 'hex')
  at = bytes.writeUInt16LE(entries.length, at)
  for (const { block, packId, ordinal, offset, length, id, check } of entries) {
    at = bytes.writeUInt16LE(block, at)
    at = bytes.writeUInt16LE(numbers.get(packId) ?? 0, at)
    at = bytes.writeUInt16LE(ordinal, at)
    at = bytes.writeUInt32LE(offset, at)
    at = bytes.writeUInt32LE(length, at)
    bytes.set(id, at)
    bytes.set(check, at + ID_BYTES)
    at += ID_BYTES + CHECK_BYTES
  }
  return bytes
}

/** Reads a segment; undefined when it is malformed. */
export function readSegment(bytes: Buffer): SegmentEntry[] | undefined {
  if (bytes.length < 4) return undefined
  const packCount = bytes.readUInt16LE(0)
  const listEnd = 2 + packCount * PACK_ID_BYTES
  if (bytes.length < listEnd + 2) return undefined
  const packIds = Array.from({ length: packCount }, (_, index) =>
    bytes.subarray(2 + index * PACK_ID_BYTES, 2 + (index + 1) * PACK_ID_BYTES),
  )
  const entryCount = bytes.readUInt16LE(listEnd)
  if (bytes.length !== listEnd + 2 + entryCount * ENTRY_BYTES) return undefined
  const entries: SegmentEntry[] = []
  let lastBlock = -1
  for (let index = 0; index < entryCount; index += 1) {
    const at = listEnd + 2 + index * ENTRY_BYTES
    const block = bytes.readUInt16LE(at)
    const packId = packIds[bytes.readUInt16LE(at + 2)]
    if (!packId || block <= lastBlock || block >= SEGMENT_BLOCKS) return undefined
    lastBlock = block
    entries.push({
      block,
      packId,
      ordinal: bytes.readUInt16LE(at + 4),
      offset: bytes.readUInt32LE(at + 6),
      length: bytes.readUInt32LE(at + 10),
      id: bytes.subarray(at + ID_AT, at + CHECK_AT),
      check: bytes.subarray(at + CHECK_AT, at + ENTRY_BYTES),
    })
  }
  return entries
}
