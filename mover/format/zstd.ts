import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { release } from '../release.ts'
import { BLOCK_BYTES } from './parameters.ts'

/** Room for the frame of a block that cannot be compressed, and for a block: with less, zstd copies all of it once more. */
const ROOM_BYTES = BLOCK_BYTES + 16 * 1024
/** A window of half a block, and a larger table: 7 % faster than the level's own, and half a percent smaller (measured on the disk of `npm run bench:mover`). */
const PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: 1,
  [constants.ZSTD_c_windowLog]: 18,
  [constants.ZSTD_c_hashLog]: 15,
}

/** Compression has to save 3 %, or a block is kept as it is. */
const WORTHWHILE_BYTES = Math.floor(BLOCK_BYTES * 0.97)

export const compress = (bytes: Uint8Array): Buffer =>
  zstdCompressSync(bytes, { chunkSize: ROOM_BYTES, params: PARAMETERS })

/** The zstd frame of a block, or the block itself when that is hardly longer. */
export function packBlock(block: Uint8Array): Uint8Array {
  const frame = compress(block)
  if (frame.length <= WORTHWHILE_BYTES) return frame
  release(frame)
  return block
}

/** @throws Error when it is no frame, or not of one block */
export function unpackBlock(packed: Uint8Array): Uint8Array {
  if (packed.length === BLOCK_BYTES) return packed
  const block = zstdDecompressSync(packed, { chunkSize: ROOM_BYTES, maxOutputLength: BLOCK_BYTES })
  if (block.length !== BLOCK_BYTES) throw new RangeError(`a block of ${block.length} bytes`)
  return block
}

/** @throws Error when it is no frame, or longer than `limitBytes` */
export const decompress = (frame: Uint8Array, limitBytes: number): Buffer =>
  zstdDecompressSync(frame, { maxOutputLength: limitBytes })
