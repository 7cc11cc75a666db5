/** What commands cost: wall time, processor time of all their processes, and peak memory. Linux only (`/proc`). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface Cost {
  readonly wallSeconds: number
  readonly cpuSeconds: number
  /** Of the first process; of a pipeline it says nothing. */
  readonly peakMiB: number
}

export interface Command {
  readonly words: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly directory?: string
}

/** USER_HZ: what `/proc/<pid>/stat` counts in. */
const TICKS_PER_SECOND = 100
const POLL_MS = 10

/** Processor seconds of all children that have ended, theirs included (proc(5): cutime, cstime). */
function secondsOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  // Counted from the state on, which follows the name in parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
}

const peakKiB = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // it has ended
  }
}

/**
 * Runs a command to its end; with `sync`, until that file is on the disk as well. What earlier commands have written is on the
 * disk before it starts. @throws Error with what it said when it fails
 */
export async function measure(command: Command, sync?: string): Promise<Cost> {
  await finish({ words: ['sync'] })
  const cpuBefore = secondsOfChildren()
  const startedMs = performance.now()
  const { peakMiB } = await finish(command)
  if (sync !== undefined) syncFile(sync)
  const wallSeconds = (performance.now() - startedMs) / 1000
  return { wallSeconds, cpuSeconds: secondsOfChildren() - cpuBefore, peakMiB }
}

/** Runs a command to its end. */
export async function finish({ words, environment = {}, directory }: Command): Promise<{
  readonly out: string
  readonly peakMiB: number
}> {
  const [program = '', ...rest] = words
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment }, cwd: directory })
  let [out, err, peak] = ['', '', 0]
  child.stdout.on('data', (piece) => (out += String(piece)))
  child.stderr.on('data', (piece) => (err += String(piece)))
  const timer = setInterval(() => (peak = Math.max(peak, peakKiB(child.pid ?? 0))), POLL_MS)
  try {
    const [code] = (await once(child, 'close')) as [number]
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${err || out}`)
  } finally {
    clearInterval(timer)
  }
  return { out, peakMiB: peak / 1024 }
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  fsyncSync(file)
  closeSync(file)
}

/** Bytes of all files below a folder, or of a file. */
export function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return 0
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}
