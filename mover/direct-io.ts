/**
 * Writing past the page cache (O_DIRECT): half the processor time, nothing left to wait for at the end, and the cache keeps what
 * others use. The kernel takes whole pages only, from memory that begins at one; some file systems take none at all.
 */
import { constants } from 'node:fs'
import { codeOf } from './system-errors.ts'

/** Of memory and of devices; a multiple of what any of them wants. */
export const PAGE_BYTES = 4096

/** To be opened with, beside the mode. */
export const DIRECT = constants.O_DIRECT

/** Memory that begins at a page: that of a buffer that could grow comes from the system, other buffers begin anywhere. */
export const pageBuffer = (bytes: number): Buffer<ArrayBuffer> =>
  Buffer.from(new ArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes)

/** True when memory, place or file system are not fit for it: whoever wrote writes in the usual way then. */
export const isNotDirect = (error: unknown): boolean => codeOf(error) === 'EINVAL'
