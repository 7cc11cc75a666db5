/** How many calls a bucket lets through at once, and how many more with each second. */
export interface BucketSize {
  readonly capacity: number
  readonly refillPerSecond: number
}

/** A bucket as it was when it was last touched; what it holds now follows from the time since. */
export interface Bucket {
  tokens: number
  atMs: number
}

/** Refill is a sum of fractions: ten times a tenth of a token is a token. */
const ROUNDING = 1e-9

/** What a bucket holds at `nowMs`, never more than its capacity. */
export const tokensAt = ({ tokens, atMs }: Bucket, size: BucketSize, nowMs: number): number =>
  Math.min(size.capacity, tokens + (Math.max(0, nowMs - atMs) * size.refillPerSecond) / 1000)

export const holds = (bucket: Bucket, size: BucketSize, tokens: number, nowMs: number): boolean =>
  tokensAt(bucket, size, nowMs) + ROUNDING >= tokens

export function take(bucket: Bucket, size: BucketSize, tokens: number, nowMs: number): void {
  bucket.tokens = Math.max(0, tokensAt(bucket, size, nowMs) - tokens)
  bucket.atMs = nowMs
}
