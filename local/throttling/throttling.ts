/**
 * Throttling by token buckets, per account and Region. A bucket refills with virtual time and is looked at only when a call
 * draws from it. A call that one of its buckets refuses takes nothing from any.
 *
 * A call is throttled before it is authorised: AWS does not say in which order it does so, but the bucket guards the service
 * behind it, its authorisation included. So a denied call costs a token, and a malformed one, which nobody could count, does not.
 */
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import { throttled } from '../refusals.ts'
import type { Caller } from '../wire/service.ts'
import { holds, take, tokensAt } from './bucket.ts'
import type { Bucket, BucketSize } from './bucket.ts'
import { drawsOf } from './limits.ts'

/** Sizes that differ from AWS's defaults, by bucket, e.g. `{ 'ec2:CreateSnapshots': … }`; or no limits at all. */
export type Limits = Readonly<Record<string, BucketSize>> | 'none'

export interface ThrottlingOptions {
  readonly clock: Clock
  readonly limits?: Limits
}

/** A bucket that has been drawn from, as it is now. */
export interface BucketStatus extends BucketSize {
  readonly accountId: string
  readonly region: string
  readonly bucket: string
  readonly tokens: number
  /** Calls that it refused so far. */
  readonly throttledCount: number
}

export interface Throttling {
  /** Lets a call through, or refuses it. @throws AwsError in the words of the service: RequestLimitExceeded, ThrottlingException */
  admit(call: { service: string; operation: string; input: unknown; caller: Caller }): void
  /** Every bucket that was drawn from, in the order of their first call. */
  buckets(): readonly BucketStatus[]
  readonly durable: Durable
}

interface Entry {
  readonly accountId: string
  readonly region: string
  readonly name: string
  /** As of the last call: after a restart the limits may be others. */
  size: BucketSize
  readonly level: Bucket
  throttledCount: number
}

export function createThrottling({ clock, limits = {} }: ThrottlingOptions): Throttling {
  const entries = new Map<string, Entry>()
  const entryOf = ({ accountId, region }: Caller, name: string, size: BucketSize): Entry => {
    const key = `${accountId}/${region}/${name}`
    const full = { tokens: size.capacity, atMs: clock.now() }
    const entry = entries.get(key) ?? { accountId, region, name, size, level: full, throttledCount: 0 }
    entry.size = size
    entries.set(key, entry)
    return entry
  }
  return {
    admit({ caller, ...call }) {
      if (limits === 'none') return
      const nowMs = clock.now()
      const drawn = drawsOf({ ...call, region: caller.region }).map(({ bucket, size, tokens }) => ({
        entry: entryOf(caller, bucket, limits[bucket] ?? size),
        tokens,
      }))
      const short = drawn.find(({ entry, tokens }) => !holds(entry.level, entry.size, tokens, nowMs))
      if (short) {
        short.entry.throttledCount += 1
        throw throttled(call.service)
      }
      for (const { entry, tokens } of drawn) take(entry.level, entry.size, tokens, nowMs)
    },
    buckets: () =>
      [...entries.values()].map(({ accountId, region, name, size, level, throttledCount }) => ({
        accountId,
        region,
        bucket: name,
        ...size,
        tokens: tokensAt(level, size, clock.now()),
        throttledCount,
      })),
    durable: {
      name: 'throttling',
      save: () => [...entries],
      restore(saved) {
        for (const [key, entry] of saved as [string, Entry][]) entries.set(key, entry)
      },
    },
  }
}
