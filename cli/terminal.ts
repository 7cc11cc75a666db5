import { createInterface } from 'node:readline/promises'
import colors from 'picocolors'
import { Interrupted } from './failure.ts'

// Not by name: the package is CommonJS, and Node finds only the default.
const { createColors, isColorSupported } = colors

export type Colors = ReturnType<typeof createColors>

/** Where a command's words go, and where they come from. Results go out, everything else goes to the error stream. */
export interface Terminal {
  /** Somebody is there to be asked. */
  readonly isInteractive: boolean
  /** Of the two streams: colours only where a person reads, and never with NO_COLOR. */
  readonly outColors: Colors
  readonly errColors: Colors
  out(text: string): void
  err(text: string): void
  /** A line on the error stream that the next one replaces. Absent where lines cannot be replaced. */
  readonly passing?: (line: string) => void
  /** Throws Interrupted when the answer is Ctrl-C or Ctrl-D. */
  ask(question: string): Promise<string>
  /** Calls back at Ctrl-C, instead of ending the process, until the returned function is called. */
  onInterrupt(act: () => void): () => void
}

const colorsOf = (stream: { readonly isTTY?: boolean }): Colors =>
  createColors(isColorSupported && stream.isTTY === true)

/** Back to the first column, and the line erased (ECMA-48, EL). */
const ERASE_LINE = '\r\u001B[2K'

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process
  const err = (text: string): void => void stderr.write(text)
  let erase = ''
  const passing = (line: string): void => {
    // A line that wraps could not be erased as one.
    err(erase + line.slice(0, (stderr.columns || 80) - 1))
    erase = ERASE_LINE
  }
  const settled = (text: string): void => {
    err(`${erase}${text}\n`)
    erase = ''
  }
  return {
    isInteractive: stdin.isTTY && stderr.isTTY,
    outColors: colorsOf(stdout),
    errColors: colorsOf(stderr),
    out(text) {
      err(erase)
      erase = ''
      stdout.write(`${text}\n`)
    },
    err: settled,
    ...(stderr.isTTY ? { passing } : {}),
    ask,
    onInterrupt(act) {
      process.once('SIGINT', act)
      return () => void process.off('SIGINT', act)
    },
  }
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const gaveUp = new AbortController()
  lines.once('SIGINT', () => gaveUp.abort())
  lines.once('close', () => gaveUp.abort())
  try {
    return await lines.question(question, { signal: gaveUp.signal })
  } catch (error) {
    if (!gaveUp.signal.aborted) throw error
    throw new Interrupted('Nothing was started.', { cause: error })
  } finally {
    lines.close()
  }
}
