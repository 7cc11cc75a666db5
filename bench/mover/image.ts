/**
 * The disk that is measured: laid out as ext4 does it (files at 4 KiB boundaries, in groups of 128 MiB that are not full), and
 * the same disk after 2 % of its blocks have changed. The same on every run on one machine: programs and libraries come from
 * `/usr`, everything else is made from seeds.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { databasePages, logLines, noise, randomOf, seededNoise } from './content.ts'

const MIB = 1024 * 1024
export const DISK_BYTES = 4 * 1024 * MIB
const PAGE_BYTES = 4096
const GROUP_BYTES = 128 * MIB
/** Of each group. 32 of these are 2.75 GiB, of which 2.5 are used. */
const FILLED_BYTES = 88 * MIB
/** Superblock, descriptors, bitmaps and inodes of a group: hardly anything of them is used. */
const GROUP_HEAD_BYTES = 512 * 1024

const SYSTEM_BYTES = 1400 * MIB
const DUPLICATE_BYTES = 72 * MIB
const LOG_BYTES = 480 * MIB
const NOISE_BYTES = 330 * MIB
const DATABASE_BYTES = 260 * MIB

/** 2 % of 8192. */
const CHANGED_BLOCKS = 164
const SMALL_CHANGE_BYTES = 16 * 1024

export interface Images {
  readonly before: string
  readonly after: string
  /** Which blocks differ: a number per line. */
  readonly changedBlocks: string
  /** Blocks of `before` that hold anything. */
  readonly filledBlockCount: number
  /** SHA-256 of `before`. */
  readonly digest: string
}

/** Makes them below a folder, unless they are there. */
export function makeImages(folder: string): Images {
  mkdirSync(folder, { recursive: true })
  const images = {
    before: join(folder, 'before.img'),
    after: join(folder, 'after.img'),
    changedBlocks: join(folder, 'changed-blocks'),
  }
  const made = join(folder, 'made.json')
  if (!existsSync(made)) {
    const layout = new Layout(images.before)
    fill(layout)
    const filled = layout.close()
    change(images, filled)
    writeFileSync(made, JSON.stringify({ filledBlockCount: filled.length, digest: digestOf(images.before) }))
  }
  return { ...images, ...(JSON.parse(readFileSync(made, 'utf8')) as Pick<Images, 'filledBlockCount' | 'digest'>) }
}

/** Where the next file goes. */
class Layout {
  readonly #file: number
  readonly #filled = new Set<number>()
  #group = 0
  #used = GROUP_HEAD_BYTES

  constructor(path: string) {
    this.#file = openSync(path, 'w+')
    ftruncateSync(this.#file, DISK_BYTES)
  }

  add(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      if (this.#used >= FILLED_BYTES) this.#nextGroup()
      const piece = bytes.subarray(done, done + FILLED_BYTES - this.#used)
      const start = this.#group * GROUP_BYTES + this.#used
      writeSync(this.#file, piece, 0, piece.length, start)
      for (let at = start; at < start + piece.length; at += PAGE_BYTES) this.#filled.add(Math.floor(at / BLOCK_BYTES))
      this.#used += Math.ceil(piece.length / PAGE_BYTES) * PAGE_BYTES
      done += piece.length
    }
  }

  /** Returns the blocks that hold anything, ascending. */
  close(): number[] {
    closeSync(this.#file)
    return [...this.#filled].toSorted((left, right) => left - right)
  }

  #nextGroup(): void {
    this.#group += 1
    this.#used = GROUP_HEAD_BYTES
    if (this.#group * GROUP_BYTES >= DISK_BYTES) throw new RangeError('more than the disk holds')
  }
}

function fill(layout: Layout): void {
  for (const file of filesOf('/usr', SYSTEM_BYTES)) layout.add(file)
  for (const lines of logLines(LOG_BYTES)) layout.add(lines)
  for (const bytes of noise(NOISE_BYTES)) layout.add(bytes)
  for (const pages of databasePages(DATABASE_BYTES)) layout.add(pages)
  for (const file of filesOf('/usr', DUPLICATE_BYTES)) layout.add(file)
}

/** Content of files, in the order of their paths, until they are so many bytes. */
function* filesOf(folder: string, limitBytes: number): Iterable<Buffer> {
  let bytes = 0
  for (const path of pathsBelow(folder)) {
    const content = readFileSync(path).subarray(0, limitBytes - bytes)
    bytes += content.length
    yield content
    if (bytes >= limitBytes) return
  }
  throw new RangeError(`${folder} has less than ${limitBytes} bytes`)
}

function* pathsBelow(folder: string): Iterable<string> {
  const entries = readdirSync(folder, { withFileTypes: true })
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* pathsBelow(path)
    else if (entry.isFile()) yield path
  }
}

/** Half of the changes are 16 KiB somewhere in a block, half replace a block by what compresses to a half. */
function change({ before, after, changedBlocks }: Omit<Images, 'filledBlockCount' | 'digest'>, filled: number[]): void {
  execFileSync('cp', ['--sparse=always', before, after])
  const random = randomOf(7)
  const rest = [...filled]
  const changed = Array.from(
    { length: CHANGED_BLOCKS },
    () => rest.splice(Math.floor(random() * rest.length), 1)[0] ?? 0,
  )
  const file = openSync(after, 'r+')
  for (const [index, block] of changed.entries()) {
    const start = block * BLOCK_BYTES
    if (index % 2 === 0) {
      const offset = Math.floor(random() * (BLOCK_BYTES / SMALL_CHANGE_BYTES)) * SMALL_CHANGE_BYTES
      writeSync(file, seededNoise(`change ${index}`, SMALL_CHANGE_BYTES), 0, SMALL_CHANGE_BYTES, start + offset)
    } else {
      const bytes = seededNoise(`change ${index}`, BLOCK_BYTES)
      for (let at = 0; at < BLOCK_BYTES; at += 2 * PAGE_BYTES) bytes.fill('half of it is text. ', at, at + PAGE_BYTES)
      writeSync(file, bytes, 0, BLOCK_BYTES, start)
    }
  }
  closeSync(file)
  writeFileSync(changedBlocks, changed.toSorted((left, right) => left - right).join('\n'))
}

export function digestOf(path: string): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  const piece = Buffer.alloc(8 * MIB)
  for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read))
  closeSync(file)
  return hash.digest('hex')
}
