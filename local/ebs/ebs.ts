/**
 * The EBS direct APIs of the embedded account: snapshots read and made block by block, without a volume (AWS facts B). What they
 * make is an ordinary snapshot, whose lineage goes on from the parent that it was started with.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { DirectSnapshots } from '../ec2/snapshots/direct-snapshots.ts'
import type { Service } from '../wire/service.ts'
import { ebsAccess } from './access.ts'
import { throttled } from './errors.ts'
import type { EbsPlace, EbsState } from './place.ts'
import { readingOperations } from './reading.ts'
import { Tokens } from './tokens.ts'
import { watch, writingOperations } from './writing.ts'

/** Blocks read or written per second of one snapshot (AWS facts B). */
const BLOCK_RATE = 1_000

export interface EbsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly snapshots: DirectSnapshots
  /** Blocks per second of one snapshot; AWS's 1,000 unless told. */
  readonly blockRate?: number
}

interface Ebs {
  readonly service: Service
  readonly durable: Durable
}

/** A bucket for each snapshot, which fills up in a second. */
function blockRateLimit(clock: Clock, rate: number): EbsPlace['limitRate'] {
  const buckets = new Map<string, { left: number; atMs: number }>()
  return (snapshotId) => {
    const nowMs = clock.now()
    const bucket = buckets.get(snapshotId) ?? { left: rate, atMs: nowMs }
    bucket.left = Math.min(rate, bucket.left + ((nowMs - bucket.atMs) / 1_000) * rate)
    bucket.atMs = nowMs
    buckets.set(snapshotId, bucket)
    if (bucket.left < 1)
      throw throttled('RESOURCE_LEVEL_THROTTLE', `More than ${rate} blocks a second of one snapshot.`)
    bucket.left -= 1
  }
}

export function createEbs(options: EbsOptions): Ebs {
  const { clock, accountId, region, snapshots, blockRate = BLOCK_RATE } = options
  const secret = new Uint8Array(randomBytes(32))
  const state: EbsState = { secret, uploads: new Map(), started: new Map() }
  const place: EbsPlace = {
    clock,
    accountId,
    region,
    snapshots,
    tokens: new Tokens(secret),
    state,
    limitRate: blockRateLimit(clock, blockRate),
  }
  return {
    service: {
      sdk: () => import('@aws-sdk/client-ebs'),
      clientName: 'EBSClient',
      signingName: 'ebs',
      operations: { ...readingOperations(place), ...writingOperations(place) },
      access: ebsAccess(place),
    },
    durable: {
      name: 'ebs',
      save: () => state,
      restore(saved) {
        const { secret: before, uploads, started } = saved as EbsState
        secret.set(before)
        for (const [id, upload] of uploads) state.uploads.set(id, upload)
        for (const [token, start] of started) state.started.set(token, start)
      },
      resume() {
        for (const upload of state.uploads.values()) watch(place, upload)
      },
    },
  }
}
