import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import type { Caller } from '../wire/service.ts'
import { Bucket, Files } from './bucket.ts'
import { accessDenied, bucketNotEmpty, noSuchBucket } from './errors.ts'
import type { BucketState, S3State } from './model.ts'

/** What every request on a bucket says of it. */
export interface BucketRequest {
  readonly Bucket?: string
  readonly ExpectedBucketOwner?: string
}

/** Tells IAM the policy of a bucket; undefined takes it away. @throws AwsError for one that IAM does not understand */
export type PutPolicy = (bucketArn: string, document: string | undefined) => void

/** Default quota of an account (since November 2024). */
const MAX_BUCKETS = 10_000

/** Blocked since April 2023 in every new bucket. */
const NOTHING_PUBLIC = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
} as const

/** All buckets of the process: their names are one space for all accounts and Regions, as on AWS. */
export class Buckets {
  readonly #directory: string
  readonly #clock: Clock
  readonly #putPolicy: PutPolicy
  readonly #files = new Files()
  #state: S3State = { buckets: new Map() }
  #buckets = new Map<string, Bucket>()

  constructor(directory: string, clock: Clock, putPolicy: PutPolicy) {
    this.#putPolicy = putPolicy
    this.#directory = directory
    this.#clock = clock
  }

  /** @throws AwsError `InvalidBucketName`, `BucketAlreadyOwnedByYou`, `BucketAlreadyExists`, `TooManyBuckets` */
  create(name: string, owner: { readonly accountId: string; readonly region: string }): Bucket {
    const fields = { BucketName: name }
    if (!isBucketName(name)) throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', { fields })
    const existing = this.#buckets.get(name)
    if (existing) throw taken(existing, owner.accountId)
    if (this.ownedBy(owner.accountId).length >= MAX_BUCKETS) {
      throw new AwsError('TooManyBuckets', 'You have attempted to create more buckets than allowed')
    }
    const state: BucketState = {
      name,
      ownerId: owner.accountId,
      region: owner.region,
      createdMs: Math.floor(this.#clock.now() / 1000) * 1000,
      encryption: { algorithm: 'AES256' },
      publicAccessBlock: NOTHING_PUBLIC,
      versions: new Map(),
      uploads: new Map(),
      fileCount: 0,
    }
    this.#state.buckets.set(name, state)
    return this.#open(state)
  }

  find(name: string | undefined): Bucket | undefined {
    return this.#buckets.get(name ?? '')
  }

  /** @throws AwsError `NoSuchBucket` */
  get(name: string | undefined): Bucket {
    const bucket = this.find(name)
    if (bucket) return bucket
    throw noSuchBucket({ BucketName: name ?? '' })
  }

  /**
   * The bucket that a request means, if the caller may know of it.
   * @throws AwsError `NoSuchBucket`, `PermanentRedirect` (301) for one of another Region, `AccessDenied` for one of another
   * account that has no policy, or of another owner than expected
   */
  of({ Bucket: name, ExpectedBucketOwner: expected }: BucketRequest, caller: Caller): Bucket {
    const bucket = this.get(name)
    const { ownerId, region, policy } = bucket.state
    if (region !== caller.region) throw elsewhere(bucket)
    if (expected !== undefined && expected !== ownerId) throw accessDenied()
    if (caller.accountId !== ownerId && policy === undefined) throw accessDenied()
    return bucket
  }

  /** In the order of their names. */
  ownedBy(accountId: string): Bucket[] {
    return [...this.#buckets.values()]
      .filter(({ state }) => state.ownerId === accountId)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws AwsError `BucketNotEmpty`, as long as there is any version, delete marker or unfinished upload */
  delete(bucket: Bucket): void {
    const { name, uploads } = bucket.state
    if (!bucket.isEmpty || uploads.size > 0) throw bucketNotEmpty({ BucketName: name })
    this.#state.buckets.delete(name)
    this.#buckets.delete(name)
    this.#putPolicy(`arn:aws:s3:::${name}`, undefined)
    rmSync(bucket.directory, { recursive: true, force: true })
  }

  /** Sets the policy of a bucket, or takes it away; from now on IAM decides by it. */
  setPolicy({ state }: Bucket, document: string | undefined): void {
    try {
      this.#putPolicy(`arn:aws:s3:::${state.name}`, document)
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== 'MalformedPolicyDocument') throw error
      throw new AwsError('MalformedPolicy', error.message)
    }
    if (document === undefined) delete state.policy
    else state.policy = document
  }

  /** The state, to be saved at once. */
  save(): S3State {
    this.#files.saving()
    return this.#state
  }

  /** Takes over a saved state; what was written after the saving, and what was under way, is removed from the disk. */
  restore(state: S3State): void {
    this.#state = state
    this.#buckets = new Map()
    for (const bucket of state.buckets.values()) {
      rmSync(join(this.#directory, bucket.name, '%incoming'), { recursive: true, force: true })
      this.#checkFiles(this.#open(bucket))
    }
  }

  #open(state: BucketState): Bucket {
    const bucket = new Bucket(state, join(this.#directory, state.name), this.#clock, this.#files)
    this.#buckets.set(state.name, bucket)
    return bucket
  }

  /** @throws Error naming a file that a saved state needs and that is not there */
  #checkFiles(bucket: Bucket): void {
    for (const versions of bucket.state.versions.values()) {
      for (const version of versions) {
        const missing = version.kind === 'object' && bucket.pathsOf(version).find((path) => !existsSync(path))
        if (missing) throw new Error(`The file ${missing} of s3://${bucket.name}/${version.key} is missing.`)
      }
    }
  }
}

function isBucketName(name: string): boolean {
  const isWellFormed = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !/\.[.-]|-\./.test(name)
  const isReserved = /^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name)
  return isWellFormed && !isReserved && !/^\d+\.\d+\.\d+\.\d+$/.test(name)
}

function taken(existing: Bucket, accountId: string): AwsError {
  const options = { status: 409, fields: { BucketName: existing.name } }
  if (existing.state.ownerId === accountId) {
    const message = 'Your previous request to create the named bucket succeeded and you already own it.'
    return new AwsError('BucketAlreadyOwnedByYou', message, options)
  }
  const message =
    'The requested bucket name is not available. The bucket namespace is shared by all users of the system. ' +
    'Please select a different name and try again.'
  return new AwsError('BucketAlreadyExists', message, options)
}

function elsewhere({ name, state }: Bucket): AwsError {
  const message =
    'The bucket you are attempting to access must be addressed using the specified endpoint. ' +
    'Please send all future requests to this endpoint.'
  return new AwsError('PermanentRedirect', message, {
    status: 301,
    fields: { Endpoint: `s3.${state.region}.amazonaws.com`, Bucket: name },
    headers: { 'x-amz-bucket-region': state.region },
  })
}
