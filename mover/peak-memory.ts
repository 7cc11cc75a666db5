import { readFileSync } from 'node:fs'

/**
 * The most memory that this process has had, threads included, in MiB. As Linux tells of its address space alone: what it tells of resource
 * usage begins with what the process that started this one had.
 */
export function peakMiB(): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(statusOfProcess()) ?? []
  return Math.round((kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes)) / 1024)
}

/** Empty where there is no Linux. */
function statusOfProcess(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}
