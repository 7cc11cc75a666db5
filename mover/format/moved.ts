/** Where the live blocks of a repacked pack are now (docs/vault-format.md, section 5). */
import type { Place } from './pack.ts'
import { PACK_ID_BYTES } from './parameters.ts'

/** `ordinal u16 ‖ pack id ‖ new ordinal u16 ‖ offset u32 ‖ length u32`. */
const ENTRY_BYTES = 2 + PACK_ID_BYTES + 2 + 4 + 4

/** A record of a pack, by its place in another one. */
export interface NewPlace extends Place {
  readonly packId: Buffer
}

export interface Move {
  /** In the pack that was repacked. */
  readonly from: number
  readonly to: NewPlace
}

export function writeMoves(moves: readonly Move[]): Buffer {
  const bytes = Buffer.alloc(4 + moves.length * ENTRY_BYTES)
  let at = bytes.writeUInt32LE(moves.length, 0)
  for (const { from, to } of moves) {
    at = bytes.writeUInt16LE(from, at)
    bytes.set(to.packId, at)
    at = bytes.writeUInt16LE(to.ordinal, at + PACK_ID_BYTES)
    at = bytes.writeUInt32LE(to.offset, at)
    at = bytes.writeUInt32LE(to.length, at)
  }
  return bytes
}

/** Reads moves; undefined when they are malformed. */
export function readMoves(bytes: Buffer): Move[] | undefined {
  if (bytes.length < 4 || bytes.length !== 4 + bytes.readUInt32LE(0) * ENTRY_BYTES) return undefined
  return Array.from({ length: bytes.readUInt32LE(0) }, (_, index) => {
    const at = 4 + index * ENTRY_BYTES
    const to = at + 2 + PACK_ID_BYTES
    return {
      from: bytes.readUInt16LE(at),
      to: {
        packId: bytes.subarray(at + 2, to),
        ordinal: bytes.readUInt16LE(to),
        offset: bytes.readUInt32LE(to + 2),
        length: bytes.readUInt32LE(to + 6),
      },
    }
  })
}
