/** Chance with a seed, so that a run with jitter repeats exactly. */
export interface Random {
  /** In [0, 1). */
  fraction(): number
  bytes(byteCount: number): Uint8Array
  uuid(): string
  /** All that the next ones depend on: a seed that goes on from here. */
  readonly seed: number
  reseed(seed: number): void
}

/** mulberry32: 32 bits of state are plenty for jitter and names. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const bytes = (byteCount: number): Uint8Array => Uint8Array.from({ length: byteCount }, () => fraction() * 256)
  const uuid = (): string => {
    const hex = Buffer.from(bytes(16)).toString('hex')
    const variant = '89ab'.charAt(Math.floor(fraction() * 4))
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `${variant}${hex.slice(17, 20)}`,
      hex.slice(20),
    ].join('-')
  }
  return {
    fraction,
    bytes,
    uuid,
    get seed() {
      return state
    },
    reseed: (next) => {
      state = next >>> 0
    },
  }
}
