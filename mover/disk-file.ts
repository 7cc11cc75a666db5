/** Block devices and files as disks. */
import { readFile, stat } from 'node:fs/promises'
import { TandemError } from '../core/errors.ts'
import { blockCountOf } from './format/parameters.ts'

/** Linux counts the size of block devices in these. */
const SECTOR_BYTES = 512

const MAJOR_SHIFT = 8
const MAJOR_MASK = 0xfff
/** The minor number's low 8 bits are below the major one, its high bits above (makedev(3)). */
const minorOf = (device: number): number => (device & 0xff) | ((device >> 12) & 0xfff00)

/** @throws TandemError DiskUnreadable */
export async function deviceSize(path: string, device: number): Promise<number> {
  const name = `${(device >> MAJOR_SHIFT) & MAJOR_MASK}:${minorOf(device)}`
  try {
    return Number(await readFile(`/sys/dev/block/${name}/size`, 'utf8')) * SECTOR_BYTES
  } catch (cause) {
    throw new TandemError('DiskUnreadable', `The size of ${path} (device ${name}) cannot be read.`, { cause })
  }
}

/** Bytes of a block device or file. @throws TandemError DiskUnreadable */
export async function diskSizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new TandemError('DiskUnreadable', `${path} cannot be read: there is no such file, or no permission.`, {
      cause,
    })
  })
  const sizeBytes = found.isBlockDevice() ? await deviceSize(path, found.rdev) : found.size
  if (!found.isBlockDevice() && !found.isFile())
    throw new TandemError('DiskUnreadable', `${path} is neither a block device nor a file.`)
  if (sizeBytes === 0) throw new TandemError('DiskUnreadable', `${path} is empty: there is nothing to copy.`)
  return sizeBytes
}

/**
 * Reads a list of changed blocks: a number, or an inclusive range `first-last`, per line.
 * @returns ascending, each once @throws TandemError InvalidInput with the line
 */
export function checkBlockList(text: string, path: string, sizeBytes: number): number[] {
  const blocks = new Set<number>()
  const limit = blockCountOf(sizeBytes)
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(line) ?? []
    const [from, to] = [Number(first), Number(last)]
    if (first === undefined || from > to || to >= limit)
      throw new TandemError(
        'InvalidInput',
        `${path}, line ${index + 1}: "${line.trim()}" is no block of this disk: expected a number from 0 to ${limit - 1}, or a range of them.`,
      )
    for (let block = from; block <= to; block += 1) blocks.add(block)
  }
  return [...blocks].toSorted((left, right) => left - right)
}
