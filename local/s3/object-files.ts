import { createHash, randomBytes, type Hash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { closeSync, createReadStream, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { startChecksum } from '../wire/checksums.ts'
import type { ChecksumAlgorithm, RunningChecksum } from '../wire/checksums.ts'
import type { Checksum } from './checksums.ts'
import { entityTooLarge } from './errors.ts'

/** File systems allow 255 bytes; the rest is for the mark of a folder or the number of a file. */
const MAX_SEGMENT_CHARS = 200

/** Large enough that a 16 MiB pack takes few turns of the event loop. */
const READ_BYTES = 1024 * 1024

/**
 * The file of an object below its bucket's folder: folders as the key's `/` suggest, so that people find their way, and a
 * number, because a file is never written twice. No two keys share a file: folders end in `%2F`, which no file does, so that
 * `a` and `a/b` can both exist; and a number follows a `%`, which no key puts there, because two digits would be encoded.
 */
export function objectFile(key: string, number: number): string {
  const segments = key.split('/').map(encodeSegment)
  const folders = segments.slice(0, -1).map((segment) => `${segment}%2F`)
  return join(...folders, `${segments.at(-1) ?? ''}%v${number}`)
}

function encodeSegment(segment: string): string {
  // The names `.` and `..` mean something else to a file system.
  const encoded = /^\.+$/.test(segment) ? segment.replaceAll('.', '%2E') : encodeURIComponent(segment.toWellFormed())
  if (encoded.length <= MAX_SEGMENT_CHARS) return encoded
  return `%${createHash('sha256').update(segment).digest('hex')}`
}

/** A body that has been received in full and lies in a file that nobody sees yet. */
export interface Received {
  readonly sizeBytes: number
  /** 16 bytes, of which the entity tag is made. */
  readonly digest: Buffer
  /** When one was to be computed. */
  readonly computed?: Checksum
  /** Moves the file to where it belongs: from then on it is whole or not there. */
  moveTo(path: string): void
  /** Removes what has not been moved. */
  discard(): void
}

export interface ReceiveOptions {
  /** A checksum to compute beside the MD5; none when the sender gives one, which the wire verifies. */
  readonly computes?: ChecksumAlgorithm
  readonly limitBytes: number
  /** Encrypted under a KMS key: the entity tag is then no MD5 of the bytes, on AWS neither, and may be anything. */
  readonly isKeyed: boolean
}

/** Takes a body in, hashing it on the way: written to a file of its own, which is moved into place only when it is complete. */
export class Receiver {
  readonly #path: string
  readonly #file: number
  readonly #limitBytes: number
  readonly #md5: Hash | undefined
  readonly #computes: ChecksumAlgorithm | undefined
  readonly #checksum: RunningChecksum | undefined
  #sizeBytes = 0

  constructor(path: string, { computes, limitBytes, isKeyed }: ReceiveOptions) {
    mkdirSync(dirname(path), { recursive: true })
    this.#path = path
    this.#file = openSync(path, 'w')
    this.#limitBytes = limitBytes
    this.#md5 = isKeyed ? undefined : createHash('md5')
    this.#computes = computes
    this.#checksum = computes && startChecksum(computes)
  }

  /** @throws AwsError EntityTooLarge */
  write(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length
    if (this.#sizeBytes > this.#limitBytes) throw entityTooLarge({ ProposedSize: this.#sizeBytes })
    this.#md5?.update(chunk)
    this.#checksum?.update(chunk)
    // Written at once: it goes to the page cache at 2.7 GB/s, and nothing waits for a thread of the pool.
    for (let at = 0; at < chunk.length;) at += writeSync(this.#file, chunk, at)
  }

  end(): Received {
    closeSync(this.#file)
    const path = this.#path
    const algorithm = this.#computes
    const value = this.#checksum?.digest()
    return {
      sizeBytes: this.#sizeBytes,
      digest: this.#md5?.digest() ?? randomBytes(16),
      ...(algorithm && value !== undefined ? { computed: { algorithm, type: 'FULL_OBJECT', value } } : {}),
      moveTo(target) {
        mkdirSync(dirname(target), { recursive: true })
        renameSync(path, target)
      },
      discard: () => rmSync(path, { force: true }),
    }
  }

  abort(): void {
    closeSync(this.#file)
    rmSync(this.#path, { force: true })
  }
}

/** Bytes of a file, `end` excluded. */
export interface Slice {
  readonly path: string
  readonly start: number
  readonly end: number
}

async function* bytesOf(slices: readonly Slice[]): AsyncGenerator<Uint8Array, void> {
  for (const { path, start, end } of slices) {
    if (end > start) yield* createReadStream(path, { start, end: end - 1, highWaterMark: READ_BYTES })
  }
}

/** The slices as one stream; `closed` is called when it has been read or given up. */
export function readSlices(slices: readonly Slice[], closed: () => void): Readable {
  const stream = Readable.from(bytesOf(slices), { objectMode: false, highWaterMark: READ_BYTES })
  stream.once('close', closed)
  return stream
}
