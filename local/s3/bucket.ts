import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { DEFAULT_ALGORITHM } from './checksums.ts'
import { noSuchUpload } from './errors.ts'
import type { BucketState, DeleteMarker, ObjectVersion, Piece, Upload, Version } from './model.ts'
import { objectFile, readSlices, Receiver } from './object-files.ts'
import type { ReceiveOptions, Received, Slice } from './object-files.ts'
import { SortedKeys } from './sorted-keys.ts'

/** Version id of what was written while versioning was not enabled. */
export const NULL_VERSION = 'null'

/** Version ids are 32 characters, as S3's. */
export const newVersionId = (): string => randomBytes(24).toString('base64url').replaceAll('-', '.')

/** One bucket: its record, and what belongs to it but is made anew after a restart. */
export class Bucket {
  readonly state: BucketState
  readonly directory: string
  readonly #clock: Clock
  readonly #keys: SortedKeys
  readonly #files: Files

  constructor(state: BucketState, directory: string, clock: Clock, files: Files) {
    this.state = state
    this.directory = directory
    this.#clock = clock
    this.#keys = new SortedKeys(state.versions.keys())
    this.#files = files
    mkdirSync(directory, { recursive: true })
  }

  get name(): string {
    return this.state.name
  }

  get isEmpty(): boolean {
    return this.state.versions.size === 0
  }

  /** S3 tells times in whole seconds. */
  nowMs(): number {
    return Math.floor(this.#clock.now() / 1000) * 1000
  }

  versionsOf(key: string): readonly Version[] {
    return this.state.versions.get(key) ?? []
  }

  current(key: string): Version | undefined {
    return this.versionsOf(key)[0]
  }

  /** The current version; undefined when there is none, or a delete marker. */
  find(key: string): ObjectVersion | undefined {
    const version = this.current(key)
    return version?.kind === 'object' ? version : undefined
  }

  /** Keys in S3's order, those with nothing but delete markers in front included. */
  keysFrom(start: string): Generator<string, void> {
    return this.#keys.from(start)
  }

  upload(uploadId: string | undefined, key: string | undefined): Upload {
    const upload = this.state.uploads.get(uploadId ?? '')
    if (!upload || upload.key !== key) throw noSuchUpload({ UploadId: uploadId })
    return upload
  }

  /**
   * Takes in a body. Nothing of the bucket changes; what is received must be kept or discarded. The clock is held: this waits
   * for bytes, not for virtual time.
   */
  receive(body: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<Received> {
    return this.#clock.holding(async () => {
      const receiver = this.#receiver(options)
      try {
        for await (const chunk of body) receiver.write(chunk)
      } catch (error) {
        receiver.abort()
        throw error
      }
      return receiver.end()
    })
  }

  receiveNow(body: Uint8Array): Received {
    const receiver = this.#receiver({
      computes: DEFAULT_ALGORITHM,
      limitBytes: Number.MAX_SAFE_INTEGER,
      isKeyed: this.state.encryption.algorithm === 'aws:kms',
    })
    receiver.write(body)
    return receiver.end()
  }

  /** Moves received bytes into a file of the bucket. */
  keep(received: Received, key: string): Piece {
    const file = objectFile(key, this.#nextNumber())
    received.moveTo(join(this.directory, file))
    return { file, sizeBytes: received.sizeBytes }
  }

  /**
   * Makes a version the current one. While versioning is not enabled it takes the place of the one that was written so.
   * The record appears whole, in one step: no call sees half an object.
   */
  put(version: Version): void {
    const earlier = this.versionsOf(version.key)
    const replaced = earlier.find(({ versionId }) => versionId === version.versionId)
    const left = earlier.filter((other) => other !== replaced)
    this.state.versions.set(version.key, [version, ...left])
    this.#keys.add(version.key)
    this.#dropFiles(replaced)
  }

  /** What is written next is called so. */
  nextVersionId(): string {
    return this.state.versioning === 'Enabled' ? newVersionId() : NULL_VERSION
  }

  /** Puts a changed record of a version in the place of the old one; the bytes stay. */
  amend(old: ObjectVersion, amended: ObjectVersion): void {
    const versions = this.versionsOf(old.key).map((version) => (version === old ? amended : version))
    this.state.versions.set(old.key, versions)
  }

  /** Takes a version away for good. */
  remove(version: Version): void {
    const left = this.versionsOf(version.key).filter((other) => other !== version)
    if (left.length > 0) this.state.versions.set(version.key, left)
    else {
      this.state.versions.delete(version.key)
      this.#keys.delete(version.key)
    }
    this.#dropFiles(version)
  }

  /** Hides what there is behind a delete marker. */
  mark(key: string): DeleteMarker {
    const marker: DeleteMarker = { kind: 'marker', key, versionId: this.nextVersionId(), modifiedMs: this.nowMs() }
    this.put(marker)
    return marker
  }

  dropPieces(pieces: readonly Piece[]): void {
    for (const { file } of pieces) this.#files.drop(join(this.directory, file))
  }

  /** Bytes `start` to `end` (excluded) of an object; the files stay until the stream has ended, whatever becomes of the object. */
  read(version: ObjectVersion, start = 0, end = version.sizeBytes): Readable {
    const slices = this.#slicesOf(version, start, end)
    const paths = slices.map(({ path }) => path)
    this.#files.pin(paths)
    return readSlices(slices, () => this.#files.unpin(paths))
  }

  /** Paths of an object's files, in order. */
  pathsOf(version: ObjectVersion): string[] {
    return version.pieces.map(({ file }) => join(this.directory, file))
  }

  #slicesOf(version: ObjectVersion, start: number, end: number): Slice[] {
    const slices: Slice[] = []
    let at = 0
    for (const { file, sizeBytes } of version.pieces) {
      const first = Math.max(start - at, 0)
      const last = Math.min(end - at, sizeBytes)
      if (last > first) slices.push({ path: join(this.directory, file), start: first, end: last })
      at += sizeBytes
    }
    return slices
  }

  #receiver(options: ReceiveOptions): Receiver {
    // The name cannot be that of an object: its percent sign encodes nothing.
    return new Receiver(join(this.directory, '%incoming', String(this.#nextNumber())), options)
  }

  #nextNumber(): number {
    return (this.state.fileCount += 1)
  }

  #dropFiles(version: Version | undefined): void {
    if (version?.kind === 'object') this.dropPieces(version.pieces)
  }
}

/**
 * Files that are of no more use, removed when nobody needs them: a file that is being read stays until the reading has ended, and
 * once the account's state is being saved, a file stays until a state has been saved that does not name it. So after a crash
 * the state that was saved last finds all its files.
 */
export class Files {
  readonly #readers = new Map<string, number>()
  readonly #doomed = new Set<string>()
  /** Dropped since the last saving, and between that and the one before; absent as long as nothing is saved. */
  #generations: { young: string[]; old: string[] } | undefined

  pin(paths: readonly string[]): void {
    for (const path of paths) this.#readers.set(path, (this.#readers.get(path) ?? 0) + 1)
  }

  unpin(paths: readonly string[]): void {
    for (const path of paths) {
      const readers = (this.#readers.get(path) ?? 1) - 1
      if (readers > 0) this.#readers.set(path, readers)
      else {
        this.#readers.delete(path)
        if (this.#doomed.delete(path)) this.#remove(path)
      }
    }
  }

  drop(path: string): void {
    if (this.#generations) this.#generations.young.push(path)
    else this.#remove(path)
  }

  /** A state is about to be saved. The one before it lies on disk by now, so what was dropped before that one can go. */
  saving(): void {
    for (const path of this.#generations?.old ?? []) this.#remove(path)
    this.#generations = { young: [], old: this.#generations?.young ?? [] }
  }

  #remove(path: string): void {
    if (this.#readers.has(path)) this.#doomed.add(path)
    else rmSync(path, { force: true })
  }
}
