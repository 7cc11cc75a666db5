import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { BLOCK_BYTES } from './parameters.ts'

/**
 * What Node hands out at a time. Each use of zstd leaves one such piece behind, held by a handle that outlives minor collections:
 * a whole block of room would be half a MiB of such garbage per block. Smaller pieces than this cost time.
 */
export const PIECE_BYTES = 64 * 1024
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 }

/** Compression has to save 3 %, or a block is kept as it is. */
const WORTHWHILE_BYTES = Math.floor(BLOCK_BYTES * 0.97)

export const compress = (bytes: Uint8Array): Buffer =>
  zstdCompressSync(bytes, { chunkSize: PIECE_BYTES, params: LEVEL })

/** The zstd frame of a block, or the block itself when that is hardly longer. */
export function packBlock(block: Uint8Array): Uint8Array {
  const frame = compress(block)
  return frame.length > WORTHWHILE_BYTES ? block : frame
}

/** @throws Error when it is no frame, or not of one block */
export function unpackBlock(packed: Uint8Array): Uint8Array {
  if (packed.length === BLOCK_BYTES) return packed
  const block = zstdDecompressSync(packed, { chunkSize: PIECE_BYTES, maxOutputLength: BLOCK_BYTES })
  if (block.length !== BLOCK_BYTES) throw new RangeError(`a block of ${block.length} bytes`)
  return block
}

/** @throws Error when it is no frame, or longer than `limitBytes` */
export const decompress = (frame: Uint8Array, limitBytes: number): Buffer =>
  zstdDecompressSync(frame, { maxOutputLength: limitBytes })
