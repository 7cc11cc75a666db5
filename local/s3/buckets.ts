import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import type { Checksum } from './checksums.ts'
import { objectPath } from './object-files.ts'

/** Headers that S3 keeps with an object and gives back as they came. */
export interface ObjectHeaders {
  readonly CacheControl?: string
  readonly ContentDisposition?: string
  readonly ContentEncoding?: string
  readonly ContentLanguage?: string
  readonly ContentType: string
  readonly Metadata?: Record<string, string>
  readonly SSEKMSKeyId?: string
  readonly ServerSideEncryption: 'AES256' | 'aws:kms'
}

export interface StoredObject {
  readonly key: string
  readonly sizeBytes: number
  /** With its quotes, as S3 gives it. */
  readonly etag: string
  readonly lastModified: Date
  readonly checksum: Checksum
  readonly headers: ObjectHeaders
}

/** One bucket: an index in memory, the bytes in files. Reading and writing is synchronous: no call sees half an object. */
export class Bucket {
  readonly name: string
  readonly createdAt: Date
  readonly #directory: string
  readonly #clock: Clock
  readonly #objects = new Map<string, StoredObject>()
  #sortedKeys: string[] | undefined

  constructor(name: string, directory: string, clock: Clock) {
    this.name = name
    this.#directory = join(directory, name)
    this.#clock = clock
    // S3 tells times in whole seconds.
    this.createdAt = this.#nowSeconds()
    mkdirSync(this.#directory, { recursive: true })
  }

  find(key: string): StoredObject | undefined {
    return this.#objects.get(key)
  }

  readBytes(object: StoredObject): Uint8Array {
    return readFileSync(objectPath(this.#directory, object.key))
  }

  write(key: string, body: Uint8Array, checksum: Checksum, headers: ObjectHeaders): StoredObject {
    const path = objectPath(this.#directory, key)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, body)
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    const lastModified = this.#nowSeconds()
    const object = { key, sizeBytes: body.length, etag, lastModified, checksum, headers }
    if (!this.#objects.has(key)) this.#sortedKeys = undefined
    this.#objects.set(key, object)
    return object
  }

  delete(key: string): void {
    if (!this.#objects.delete(key)) return
    this.#sortedKeys = undefined
    rmSync(objectPath(this.#directory, key), { force: true })
  }

  /** Keys in S3's order, that of their UTF-8 bytes. */
  keys(): readonly string[] {
    this.#sortedKeys ??= [...this.#objects.keys()].toSorted(compareUtf8)
    return this.#sortedKeys
  }

  #nowSeconds(): Date {
    return new Date(Math.floor(this.#clock.now() / 1000) * 1000)
  }
}

/** Order of the UTF-8 encodings; differs from JavaScript's own order of strings beyond the Basic Multilingual Plane. */
export const compareUtf8 = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export class Buckets {
  readonly #buckets = new Map<string, Bucket>()
  readonly #directory: string
  readonly #clock: Clock

  constructor(directory: string, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  /** @throws AwsError `InvalidBucketName`, `BucketAlreadyOwnedByYou` */
  create(name: string): Bucket {
    const isValid = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^[\d.]+$/.test(name)
    if (!isValid) {
      throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', { fields: { BucketName: name } })
    }
    if (this.#buckets.has(name)) {
      const message = 'Your previous request to create the named bucket succeeded and you already own it.'
      throw new AwsError('BucketAlreadyOwnedByYou', message, { status: 409, fields: { BucketName: name } })
    }
    const bucket = new Bucket(name, this.#directory, this.#clock)
    this.#buckets.set(name, bucket)
    return bucket
  }

  find(name: string | undefined): Bucket | undefined {
    return this.#buckets.get(name ?? '')
  }

  /** @throws AwsError `NoSuchBucket` */
  get(name: string | undefined): Bucket {
    const bucket = this.find(name)
    if (bucket) return bucket
    const fields = { BucketName: name ?? '' }
    throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', { status: 404, fields })
  }
}

/** What S3 takes when a request says nothing. */
export const DEFAULT_HEADERS = { ContentType: 'binary/octet-stream', ServerSideEncryption: 'AES256' } as const
