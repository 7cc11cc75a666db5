/**
 * The blocks of a disk: 512 KiB each (AWS facts B). A block is there when it holds anything but zeros; what distinguishes two
 * blocks is their content. So lists are true whatever wrote the file, and can be made from the file at any time.
 */
import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

export const BLOCK_BYTES = 512 * 1024
/** Of a SHA-256: 128 bits tell blocks apart. */
const DIGEST_BYTES = 16
const ZEROS = Buffer.alloc(BLOCK_BYTES)

/** A part of a file that is not a hole. */
export interface Extent {
  readonly offset: number
  readonly size: number
}

/** The blocks that are there, ascending, each with a digest of its content: 20 bytes a block, 40 KiB for 1 GiB of data. */
export interface BlockList {
  readonly indexes: Uint32Array
  readonly digests: Uint8Array
}

export interface ChangedBlock {
  readonly index: number
  readonly inFirst: boolean
  readonly inSecond: boolean
}

export const NO_BLOCKS: BlockList = { indexes: new Uint32Array(), digests: new Uint8Array() }

function* blocksIn(extents: readonly Extent[]): Generator<number> {
  let next = 0
  for (const { offset, size } of extents) {
    const last = Math.floor((offset + size - 1) / BLOCK_BYTES)
    for (let index = Math.max(next, Math.floor(offset / BLOCK_BYTES)); index <= last; index += 1) yield index
    next = Math.max(next, last + 1)
  }
}

/** Fills `block` with what is at this index; past the end of the file are zeros. */
async function readInto(file: FileHandle, index: number, block: Buffer): Promise<void> {
  const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, index * BLOCK_BYTES)
  if (bytesRead < BLOCK_BYTES) block.fill(0, bytesRead)
}

const isMissing = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'

/** One block of a disk; a disk without a file is all zeros. */
export async function readBlock(path: string, index: number): Promise<Buffer> {
  const block = Buffer.alloc(BLOCK_BYTES)
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    if (isMissing(cause)) return block
    throw cause
  }
  try {
    await readInto(file, index, block)
    return block
  } finally {
    await file.close()
  }
}

/**
 * The blocks of a disk, by reading what of its file is not a hole: all of it where `extents` does not know, which takes longer
 * and is as true. Memory does not grow with the disk but by the list.
 */
export async function listBlocks(
  path: string,
  extentsOf: () => Promise<readonly Extent[] | undefined>,
): Promise<BlockList> {
  const status = await stat(path).catch((cause: unknown) => {
    if (isMissing(cause)) return undefined
    throw cause
  })
  if (!status || status.blocks === 0) return NO_BLOCKS
  const extents = (await extentsOf()) ?? [{ offset: 0, size: status.size }]
  const indexes: number[] = []
  const digests: Buffer[] = []
  const block = Buffer.alloc(BLOCK_BYTES)
  await using file = await open(path, 'r')
  for (const index of blocksIn(extents)) {
    await readInto(file, index, block)
    if (block.equals(ZEROS)) continue
    indexes.push(index)
    digests.push(createHash('sha256').update(block).digest().subarray(0, DIGEST_BYTES))
  }
  return { indexes: Uint32Array.from(indexes), digests: new Uint8Array(Buffer.concat(digests)) }
}

const digestAt = ({ digests }: BlockList, place: number): Uint8Array =>
  digests.subarray(place * DIGEST_BYTES, (place + 1) * DIGEST_BYTES)

/** What differs between two disks, ascending: new blocks, changed ones, and those that hold only zeros now. */
export function* changedBlocks(first: BlockList, second: BlockList): Generator<ChangedBlock> {
  let [one, two] = [0, 0]
  while (one < first.indexes.length || two < second.indexes.length) {
    const left = first.indexes[one] ?? Infinity
    const right = second.indexes[two] ?? Infinity
    const index = Math.min(left, right)
    const [inFirst, inSecond] = [left === index, right === index]
    if (!inFirst || !inSecond || Buffer.compare(digestAt(first, one), digestAt(second, two)) !== 0)
      yield { index, inFirst, inSecond }
    if (inFirst) one += 1
    if (inSecond) two += 1
  }
}

export function countChanged(first: BlockList, second: BlockList): number {
  let count = 0
  for (const _ of changedBlocks(first, second)) count += 1
  return count
}
