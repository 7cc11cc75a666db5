const UNIT_MS: Readonly<Record<string, number>> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** What coreutils' sleep takes: numbers with an optional unit, added up. Infinity for `infinity`, undefined for what it refuses. */
export function durationMs(words: readonly string[]): number | undefined {
  let totalMs = 0
  for (const word of words) {
    const [, number, unit] = /^(infinity|\d+\.?\d*|\.\d+)([smhd]?)$/.exec(word) ?? []
    if (number === undefined) return undefined
    totalMs += (number === 'infinity' ? Infinity : Number(number)) * (UNIT_MS[unit ?? ''] ?? 0)
  }
  return totalMs
}
