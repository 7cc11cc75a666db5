import { createHash } from 'node:crypto'
import { constants, open, type FileHandle } from 'node:fs/promises'

/** As far as it is used here: TypeScript declares it only together with the whole of the browser. */
declare const WebAssembly: { readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer } }

/** 64 pages of 64 KiB: a disk is read in pieces of 4 MiB. */
const READ_PAGE_COUNT = 64

/**
 * SHA-256 of a whole disk, holes included, as hex.
 *
 * Reads past the page cache where the file system allows it: through the cache, the kernel would first fill a gigabyte of pages with the
 * zeros of a sparse disk, which takes several times as long as hashing it. Direct reads need an aligned buffer, which a
 * WebAssembly memory is and a Buffer is not.
 */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.from(new WebAssembly.Memory({ initial: READ_PAGE_COUNT }).buffer)
  const file = await openDirect(path)
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}

async function openDirect(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return open(path)
    throw error
  }
}

export interface Check {
  readonly claim: string
  readonly holds: boolean
  /** What was seen: a number, an id, the beginning of a hash. */
  readonly seen: string
}

export const check = (claim: string, holds: boolean, seen: string): Check => ({ claim, holds, seen })
