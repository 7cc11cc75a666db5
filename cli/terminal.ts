import { createInterface } from 'node:readline/promises'
import colors from 'picocolors'

/** Where a command's words go, and where they come from. */
export interface Terminal {
  readonly isInteractive: boolean
  out(text: string): void
  err(text: string): void
  ask(question: string): Promise<string>
}

export const processTerminal: Terminal = {
  isInteractive: process.stdin.isTTY && process.stdout.isTTY,
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  async ask(question) {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await lines.question(question)
    } finally {
      lines.close()
    }
  },
}

/** Columns in line, two spaces apart, the heading in bold. Nothing is cut: ids are there to be copied. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [colors.bold(line(heading)), ...rows.map(line)].join('\n')
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `4 min`, `7 h`, `12 d`: how long ago an instant was. */
export function age(instant: string, now: string): string {
  const ms = Date.parse(now) - Date.parse(instant)
  if (ms < HOUR_MS) return `${Math.max(0, Math.floor(ms / MINUTE_MS))} min`
  return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} d`
}

/** An instant to the second, in UTC, as it can be pasted into a query. */
export const shown = (instant: string): string => instant.replace(/\.\d+Z$/, 'Z')
