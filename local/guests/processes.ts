/**
 * The processes of a guest, as /proc tells. A guest is more than one process group: its user data, every command that runs in
 * it, and what those left in the background.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

interface ProcessStatus {
  /** One letter of /proc/<pid>/stat: R running, S and D sleeping, T and t stopped, Z and X dead. */
  readonly state: string
  readonly parent: number
  readonly session: number
  /** In ticks since the boot of this computer: with its id, what tells a process from a later one. */
  readonly startedAt: string
}

/** How long stopping may take before we call it a defect: a process stops at its next return from the kernel. */
const STOP_LIMIT_MS = 5_000
const STOP_POLL_MS = 1
/** After so many looks at a process that does not stop it is taken to wait for a child that we have stopped. */
const LOOKS_BEFORE_UNBLOCKING = 10

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
  const [state = 'X', parent, , session] = fields
  return { state, parent: Number(parent), session: Number(session), startedAt: fields[19] ?? '' }
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

/** Sleeps without giving anybody else a turn. */
const sleepNow = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended meanwhile, which is what every caller wants or can live with.
  }
}

/** True when every thread of the process is stopped (or gone): only then can it not be inside a write. */
function allThreadsStopped(pid: number): boolean {
  return numericEntries(`/proc/${pid}/task`).every((thread) => {
    const status = statusFrom(`/proc/${pid}/task/${thread}/stat`)
    return !status || isStopped(status.state) || isDead(status.state)
  })
}

/** A process and those that it descends from. */
function lineOf(pid: number): Set<number> {
  const line = new Set<number>()
  for (let one = pid; one > 1 && !line.has(one); one = statusFrom(`/proc/${one}/stat`)?.parent ?? 0) line.add(one)
  return line
}

/** SIGINT in a mask of /proc/<pid>/status: bit 1, signal 2. */
const SIGINT_MASK = 1n << 1n

/**
 * The session whose leader waits for this process, or undefined for one in the background: a shell without job control has what
 * it starts with `&` ignore SIGINT (POSIX, asynchronous lists), so that it is enough to ask the process and those that it
 * descends from, up to the leader. What has lost its parent is in the background, too.
 */
export function foregroundSession(pid: number): number | undefined {
  const session = statusFrom(`/proc/${pid}/stat`)?.session
  for (let one = pid; one > 1; one = statusFrom(`/proc/${one}/stat`)?.parent ?? 0) {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readText(`/proc/${one}/status`) ?? '')?.[1] ?? '0'
    if (BigInt(`0x${ignored}`) & SIGINT_MASK) return undefined
    if (one === session) return session
  }
  return undefined
}

/** Readlink, not stat: the link of a deleted file still names it. */
function hasOpen(pid: number, path: string): boolean {
  return numericEntries(`/proc/${pid}/fd`).some((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === path
    } catch {
      return false
    }
  })
}

/**
 * A process is the guest's when its environment names the guest's root, or when it is in a session that we started for the guest.
 * The first finds what left its session with `setsid`; the second finds what has no environment to show, which is everything
 * in the middle of its `exec`. What was the guest's once stays so: a process that is killed loses its environment before it is gone.
 */
export class GuestProcesses {
  readonly #mark: string
  readonly #sessions = new Set<number>()
  /** When they started, by process id. */
  #known = new Map<number, string>()

  /** @param root the value of GUEST_ROOT in the processes' environment */
  constructor(root: string) {
    this.#mark = `\0GUEST_ROOT=${root}\0`
  }

  /** @param leader its process id, which is the session's id */
  addSession(leader: number): void {
    this.#sessions.add(leader)
  }

  /** The living processes of the guest, dead ones that nobody has reaped yet left out. */
  list(): number[] {
    const found: number[] = []
    const known = new Map<number, string>()
    const sessionsSeen = new Set<number>()
    for (const pid of numericEntries('/proc')) {
      const status = statusFrom(`/proc/${pid}/stat`)
      if (!status || pid === process.pid) continue
      sessionsSeen.add(status.session)
      if (isDead(status.state) || !this.#owns(pid, status)) continue
      found.push(pid)
      known.set(pid, status.startedAt)
    }
    this.#known = known
    // Process ids are used again: an empty session's number may be a stranger's tomorrow.
    for (const session of this.#sessions) if (!sessionsSeen.has(session)) this.#sessions.delete(session)
    return found
  }

  #owns(pid: number, { session, startedAt }: ProcessStatus): boolean {
    if (this.#sessions.has(session) || this.#known.get(pid) === startedAt) return true
    return `\0${readText(`/proc/${pid}/environ`) ?? ''}`.includes(this.#mark)
  }

  signal(name: NodeJS.Signals): void {
    for (const pid of this.list()) signal(pid, name)
  }

  /**
   * Stops every process and returns when they are really stopped: a signal is only a wish until the kernel has acted on it.
   * Synchronous, so that nothing of ours happens in between.
   *
   * Done means: two looks in a row found the same processes, all stopped. One look is not enough, since a process seen as stopped
   * may have forked after we had listed the processes and before it stopped; the second look finds that child.
   *
   * @returns continues what this call stopped: what was stopped already (a frozen file system) is not ours to continue.
   * @throws Error when a process does not stop; what was stopped continues
   */
  stopAll(): () => void {
    const stoppedByUs = new Set<number>()
    const proceed = (): void => {
      for (const pid of stoppedByUs) signal(pid, 'SIGCONT')
    }
    const deadline = performance.now() + STOP_LIMIT_MS
    let before = ''
    for (let look = 1; ; look += 1) {
      const pids = this.list()
      const running = pids.filter((pid) => !allThreadsStopped(pid))
      if (running.length === 0 && pids.join() === before) return proceed
      before = running.length === 0 ? pids.join() : ''
      if (running.length === 0) continue
      if (performance.now() > deadline) {
        proceed()
        throw new Error(`Processes do not stop: ${running.join(', ')}`)
      }
      if (look % LOOKS_BEFORE_UNBLOCKING === 0) this.#unblock(running, stoppedByUs)
      for (const pid of running) {
        stoppedByUs.add(pid)
        signal(pid, 'SIGSTOP')
      }
      sleepNow(STOP_POLL_MS)
    }
  }

  /**
   * A parent that used `vfork` cannot stop before its child has come to its `exec`, and we may have stopped the child on the way
   * there. The child gets another chance; the next look stops it again.
   */
  #unblock(waiting: readonly number[], stoppedByUs: ReadonlySet<number>): void {
    for (const pid of stoppedByUs) {
      const status = statusFrom(`/proc/${pid}/stat`)
      if (status && isStopped(status.state) && waiting.includes(status.parent)) signal(pid, 'SIGCONT')
    }
  }

  /**
   * Stops whoever has this file open, in the way of `stopAll`, and returns those that it stopped. Left alone is `caller` with its
   * ancestors: who asks for it waits for the answer.
   */
  stopUsersOf(path: string, caller?: number): Set<number> {
    const spared = caller === undefined ? new Set<number>() : lineOf(caller)
    const stopped = new Set<number>()
    const deadline = performance.now() + STOP_LIMIT_MS
    let before = ''
    for (let look = 1; ; look += 1) {
      const users = this.list().filter((pid) => !spared.has(pid) && hasOpen(pid, path))
      const running = users.filter((pid) => !allThreadsStopped(pid))
      if (running.length === 0 && users.join() === before) return stopped
      before = running.length === 0 ? users.join() : ''
      if (running.length === 0) continue
      if (performance.now() > deadline) throw new Error(`Users of ${path} do not stop: ${running.join(', ')}`)
      if (look % LOOKS_BEFORE_UNBLOCKING === 0) this.#unblock(running, stopped)
      for (const pid of running) {
        stopped.add(pid)
        signal(pid, 'SIGSTOP')
      }
      sleepNow(STOP_POLL_MS)
    }
  }

  continue(pid: number): void {
    signal(pid, 'SIGCONT')
  }

  /**
   * Kills whoever has this file open and returns when nobody has.
   *
   * @returns the process ids of those it killed
   */
  killUsersOf(path: string): number[] {
    const killed = new Set<number>()
    const deadline = performance.now() + STOP_LIMIT_MS
    for (;;) {
      const users = this.list().filter((pid) => hasOpen(pid, path))
      if (users.length === 0) return [...killed]
      if (performance.now() > deadline) throw new Error(`Processes keep ${path} open: ${users.join(', ')}`)
      for (const pid of users) {
        killed.add(pid)
        signal(pid, 'SIGKILL')
      }
      sleepNow(STOP_POLL_MS)
    }
  }
}
