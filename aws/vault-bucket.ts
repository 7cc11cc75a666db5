import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3'
import type { StoredObject, VaultStore } from '../core/vault-store.ts'
import { calling, codeOf } from './calling.ts'
import { systemClock } from './clock.ts'

const MISSING = new Set(['NoSuchKey', 'NotFound', 'InvalidRange'])

/** Two writers of one name at once: one wins, the other has to look again. */
const CONFLICT = 'ConditionalRequestConflict'
const CONFLICT_TRIES = 5

/** The bucket and what is below a prefix, which is empty or ends with `/`. */
class BucketStore implements VaultStore {
  readonly url: string
  readonly #s3: S3Client
  readonly #bucket: string
  readonly #prefix: string

  constructor(s3: S3Client, bucket: string, prefix: string) {
    this.#s3 = s3
    this.#bucket = bucket
    this.#prefix = prefix
    this.url = `s3://${bucket}/${prefix}`
  }

  put(name: string, bytes: Uint8Array): Promise<'written' | 'taken'> {
    return this.#calling('PutObject', name, async (at) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await this.#s3.send(new PutObjectCommand({ ...at, Body: bytes, IfNoneMatch: '*' }))
          return 'written'
        } catch (error) {
          if (codeOf(error) === 'PreconditionFailed') return 'taken'
          if (codeOf(error) !== CONFLICT || attempt === CONFLICT_TRIES) throw error
        }
      }
    })
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#read(name)
  }

  range(name: string, offset: number, length: number): Promise<Buffer | undefined> {
    return this.#read(name, `bytes=${offset}-${offset + length - 1}`)
  }

  tail(name: string, length: number): Promise<Buffer | undefined> {
    return this.#read(name, `bytes=-${length}`)
  }

  async *list(below: string): AsyncIterable<StoredObject> {
    let token: string | undefined
    do {
      const page = await this.#calling('ListObjectsV2', below, ({ Bucket, Key }) =>
        this.#s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key, ContinuationToken: token })),
      )
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
        yield { name: Key.slice(this.#prefix.length), sizeBytes: Size, writtenMs: LastModified?.getTime() ?? 0 }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  remove(name: string): Promise<'removed' | 'absent' | 'locked'> {
    return this.#calling('DeleteObject', name, async (at) => {
      const found = await this.#head(at)
      if (!found) return 'absent'
      // Without a version a delete of a locked object succeeds, and hides it behind a marker.
      if (isLocked(found)) return 'locked'
      await this.#s3.send(new DeleteObjectCommand(at))
      return 'removed'
    })
  }

  #read(name: string, Range?: string): Promise<Buffer | undefined> {
    return this.#calling('GetObject', name, (at) =>
      orMissing(async () => {
        const { Body } = await this.#s3.send(new GetObjectCommand({ ...at, Range }))
        return Buffer.from((await Body?.transformToByteArray()) ?? [])
      }),
    )
  }

  #head(at: Location): Promise<HeadObjectCommandOutput | undefined> {
    return orMissing(() => this.#s3.send(new HeadObjectCommand(at)))
  }

  #calling<T>(operation: string, name: string, call: (at: Location) => Promise<T>): Promise<T> {
    const at = { Bucket: this.#bucket, Key: `${this.#prefix}${name}` }
    return calling({ operation, subject: `${this.url}${name}` }, () => call(at))
  }
}

interface Location {
  readonly Bucket: string
  readonly Key: string
}

async function orMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (MISSING.has(codeOf(error) ?? '')) return undefined
    throw error
  }
}

const isLocked = ({ ObjectLockLegalHoldStatus, ObjectLockRetainUntilDate }: HeadObjectCommandOutput): boolean =>
  ObjectLockLegalHoldStatus === 'ON' || (ObjectLockRetainUntilDate?.getTime() ?? 0) > Date.parse(systemClock.now())

/** A vault in a bucket, with the SDK's usual settings. @param prefix empty, or ends with `/` */
export const openBucketStore = (bucket: string, prefix: string): VaultStore =>
  new BucketStore(new S3Client({}), bucket, prefix)
