/**
 * The processes of a guest, as /proc tells. A guest is more than one process group: its user data, every command that runs in
 * it, and what those left in the background. A process is the guest's when it is in a session that we started for it, or when its
 * environment names the guest's root (which finds what left its session with `setsid`).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Which processes are a guest's. */
export interface Belonging {
  /** The value of GUEST_ROOT in their environment. */
  readonly root: string
  /** Sessions started for the guest; a session's id is the process id of its leader. */
  readonly sessions: ReadonlySet<number>
}

interface ProcessStatus {
  /** One letter of /proc/<pid>/stat: R running, S and D sleeping, T and t stopped, Z and X dead. */
  readonly state: string
  readonly session: number
}

/** How long stopping may take before we call it a defect: a process stops at its next return from the kernel. */
const STOP_LIMIT_MS = 5_000
const STOP_POLL_MS = 1

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined // the process ended meanwhile, or is not ours to look at
  }
}

function statusFrom(path: string): ProcessStatus | undefined {
  const stat = readText(path)
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (!fields) return undefined
  return { state: fields[0] ?? 'X', session: Number(fields[3]) }
}

const isDead = (state: string): boolean => state === 'Z' || state === 'X' || state === 'x'
const isStopped = (state: string): boolean => state === 'T' || state === 't'

function numericEntries(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** The living processes of a guest, dead ones that nobody has reaped yet left out. */
export function processesOf(guest: Belonging): number[] {
  const mark = `GUEST_ROOT=${guest.root}\0`
  return numericEntries('/proc').filter((pid) => {
    const status = statusFrom(`/proc/${pid}/stat`)
    if (!status || isDead(status.state) || pid === process.pid) return false
    return guest.sessions.has(status.session) || `\0${readText(`/proc/${pid}/environ`) ?? ''}`.includes(`\0${mark}`)
  })
}

/** True when every thread of the process is stopped (or gone): only then can it not be inside a write. */
function allThreadsStopped(pid: number): boolean {
  return numericEntries(`/proc/${pid}/task`).every((thread) => {
    const status = statusFrom(`/proc/${pid}/task/${thread}/stat`)
    return !status || isStopped(status.state) || isDead(status.state)
  })
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended meanwhile, which is what every caller wants or can live with.
  }
}

export function signalAll(pids: Iterable<number>, name: NodeJS.Signals): void {
  for (const pid of pids) signal(pid, name)
}

/**
 * Stops every process of a guest and returns when they are really stopped: a signal is only a wish until the kernel has acted
 * on it. Synchronous, so that nothing of ours happens in between.
 *
 * Done means: two looks in a row found the same processes, all stopped. One look is not enough, since a process seen as stopped
 * may have forked after we had listed the processes and before it stopped; the second look finds that child.
 *
 * @returns the processes that this call stopped: those that were stopped already (a frozen file system) are not ours to continue.
 */
export function stopProcesses(guest: Belonging): number[] {
  const stoppedByUs = new Set<number>()
  const deadline = performance.now() + STOP_LIMIT_MS
  let before = ''
  for (;;) {
    const pids = processesOf(guest)
    const running = pids.filter((pid) => !allThreadsStopped(pid))
    if (running.length === 0 && pids.join() === before) return [...stoppedByUs]
    before = running.length === 0 ? pids.join() : ''
    for (const pid of running) {
      stoppedByUs.add(pid)
      signal(pid, 'SIGSTOP')
    }
    if (performance.now() > deadline) throw new Error(`Processes of ${guest.root} do not stop: ${running.join(', ')}`)
    if (running.length > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOP_POLL_MS)
  }
}

/** The processes of a guest that have this file open. */
export function processesWithOpen(guest: Belonging, path: string): number[] {
  return processesOf(guest).filter((pid) =>
    numericEntries(`/proc/${pid}/fd`).some((descriptor) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === path
      } catch {
        return false
      }
    }),
  )
}
