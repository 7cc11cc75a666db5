import { createHash } from 'node:crypto'
import { constants, open, type FileHandle } from 'node:fs/promises'
import { DIRECT, isNotDirect, pageBuffer } from '../mover/direct-io.ts'

/** A disk is read in such pieces. */
const READ_BYTES = 4 * 1024 ** 2

const SHOWN_HASH_LENGTH = 12

/** SHA-256 of a whole disk, holes included, as hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of piecesOf(path)) hash.update(piece)
  return hash.digest('hex')
}

/**
 * A disk from its beginning to its end; each piece is good until the next.
 *
 * Reads past the page cache where the file system allows it: through the cache, the kernel would first fill a gigabyte of pages with the
 * zeros of a sparse disk, which takes several times as long as hashing it.
 */
export async function* piecesOf(path: string): AsyncIterable<Buffer> {
  const buffer = pageBuffer(READ_BYTES)
  const file = await openDirect(path)
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function openDirect(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | DIRECT)
  } catch (error) {
    if (isNotDirect(error)) return open(path)
    throw error
  }
}

/** The beginning of a hash, for people. */
export const shown = (hash: string): string => `sha256 ${hash.slice(0, SHOWN_HASH_LENGTH)}…`

export interface Check {
  readonly claim: string
  readonly holds: boolean
  /** What was seen: a number, an id, the beginning of a hash. */
  readonly seen: string
}

export const check = (claim: string, holds: boolean, seen: string): Check => ({ claim, holds, seen })
