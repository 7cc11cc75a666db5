const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1.4 GiB`. */
export function bytesInWords(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
