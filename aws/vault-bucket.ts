import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectRetentionCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { Clock } from '../core/ports.ts'
import type { ObjectStore, StoredObject } from '../core/vault-store.ts'
import { calling, codeOf } from './calling.ts'
import { systemClock } from './clock.ts'
import { requireRegion } from './region.ts'

/** InvalidRange: the object is empty. */
const MISSING = new Set(['NoSuchKey', 'NotFound', 'InvalidRange'])
/** The bucket has no Object Lock: then no object of it is asked again. */
const NEVER_LOCKS = new Set(['InvalidRequest', 'ObjectLockConfigurationNotFoundError', 'NotImplemented'])
const NOT_LOCKED = new Set([...NEVER_LOCKS, 'NoSuchObjectLockConfiguration'])

/** A bucket that is not there, or is in another Region than the one asked. */
const NO_VAULT = {
  NoSuchBucket: 'VaultNotFound',
  PermanentRedirect: 'VaultNotFound',
  AuthorizationHeaderMalformed: 'VaultNotFound',
} as const

/** Two writers of one name at once: one wins, the other has to look again. */
const CONFLICT = 'ConditionalRequestConflict'
const CONFLICT_TRIES = 5

export interface BucketStoreOptions {
  /** By which a retention has ended. */
  readonly clock?: Clock
  /** Of one page of a listing; S3's 1000 unless told. */
  readonly pageKeys?: number
}

/** The bucket and what is below a prefix, which is empty or ends with `/`. */
class BucketStore implements ObjectStore {
  readonly url: string
  readonly #s3: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #clock: Clock
  readonly #pageKeys: number | undefined
  #mayLock = true

  constructor(s3: S3Client, bucket: string, prefix: string, { clock = systemClock, pageKeys }: BucketStoreOptions) {
    this.#s3 = s3
    this.#bucket = bucket
    this.#prefix = prefix
    this.#clock = clock
    this.#pageKeys = pageKeys
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
        this.#s3.send(
          new ListObjectsV2Command({ Bucket, Prefix: Key, ContinuationToken: token, MaxKeys: this.#pageKeys }),
        ),
      )
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
        yield { name: Key.slice(this.#prefix.length), sizeBytes: Size, writtenMs: LastModified?.getTime() ?? 0 }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  remove(name: string): Promise<'removed' | 'absent' | 'locked'> {
    return this.#calling('DeleteObject', name, async (at) => {
      if (!(await this.#isListed(at))) return 'absent'
      // Without a version a delete of a locked object succeeds, and hides it behind a marker.
      if (await this.#isLocked(at)) return 'locked'
      await this.#s3.send(new DeleteObjectCommand(at))
      return 'removed'
    })
  }

  /** A PutObject leaves a whole object or nothing. */
  async removeUnfinished(): Promise<number> {
    return 0
  }

  /** Asks by operations of their own: HeadObject leaves locks out, without a word, for who may not read them. */
  async #isLocked(at: Location): Promise<boolean> {
    if (!this.#mayLock) return false
    const retention = await this.#lockOf(() => this.#s3.send(new GetObjectRetentionCommand(at)))
    const untilMs = retention?.Retention?.RetainUntilDate?.getTime() ?? 0
    if (untilMs > Date.parse(this.#clock.now())) return true
    const hold = await this.#lockOf(() => this.#s3.send(new GetObjectLegalHoldCommand(at)))
    return hold?.LegalHold?.Status === 'ON'
  }

  async #lockOf<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      const code = codeOf(error) ?? ''
      if (!NOT_LOCKED.has(code)) throw error
      if (NEVER_LOCKS.has(code)) this.#mayLock = false
      return undefined
    }
  }

  #read(name: string, Range?: string): Promise<Buffer | undefined> {
    return this.#calling('GetObject', name, (at) =>
      this.#ifThere(at, async () => {
        const { Body } = await this.#s3.send(new GetObjectCommand({ ...at, Range }))
        return Buffer.from((await Body?.transformToByteArray()) ?? [])
      }),
    )
  }

  /**
   * What a read answers; undefined when there is no such object. S3 says so only to who may list the whole bucket; to who may
   * list below the vault's prefix it says AccessDenied, as if the object were there (unverified; the embedded account does too).
   */
  async #ifThere<T>(at: Location, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      const code = codeOf(error) ?? ''
      if (MISSING.has(code)) return undefined
      if (code !== 'AccessDenied' || (await this.#isListed(at).catch(() => true))) throw error
      return undefined
    }
  }

  async #isListed({ Bucket, Key }: Location): Promise<boolean> {
    const { Contents = [] } = await this.#s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }))
    return Contents[0]?.Key === Key
  }

  #calling<T>(operation: string, name: string, call: (at: Location) => Promise<T>): Promise<T> {
    const at = { Bucket: this.#bucket, Key: `${this.#prefix}${name}` }
    return calling({ operation, subject: `${this.url}${name}`, meaning: NO_VAULT }, () => call(at))
  }
}

interface Location {
  readonly Bucket: string
  readonly Key: string
}

/**
 * A vault in a bucket, with the SDK's usual settings. What it removes is deleted without a version: a bucket that keeps versions
 * keeps it, until its lifecycle rule for noncurrent versions takes it.
 * @param prefix empty, or ends with `/` @throws TandemError InvalidInput without a Region
 */
export async function openBucketStore(
  bucket: string,
  prefix: string,
  options: BucketStoreOptions = {},
): Promise<ObjectStore> {
  const s3 = new S3Client({})
  await requireRegion(s3)
  return new BucketStore(s3, bucket, prefix, options)
}
