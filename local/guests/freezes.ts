/**
 * Frozen file systems of a guest. On a real machine a frozen file system makes its writers block; here whoever has its disk open
 * is stopped (SIGSTOP) until the thaw, which looks the same from outside: nothing more arrives, and nobody is told an error.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestProcesses } from './processes.ts'

/** As the ioctl of the real program answers. */
export type FreezeAnswer = 'ok' | 'EBUSY' | 'EINVAL' | 'ENOTMOUNT'

interface Frozen {
  /** The volume's file. */
  readonly path: string
  readonly stopped: Set<number>
}

/** Whoever opens a frozen disk later is stopped, too, as soon as we see it; in real time. */
const LOOK_AGAIN_MS = 50

export class Freezes {
  readonly #root: string
  readonly #processes: GuestProcesses
  /** By mount point. */
  readonly #frozen = new Map<string, Frozen>()
  #looking: NodeJS.Timeout | undefined

  constructor(root: string, processes: GuestProcesses) {
    this.#root = root
    this.#processes = processes
  }

  /** @param caller the process that asks, which must not be stopped, nor whoever waits for it */
  freeze(mountPoint: string, caller: number): FreezeAnswer {
    const path = this.#volumeAt(mountPoint)
    if (path === undefined) return 'ENOTMOUNT'
    if (this.#frozen.has(mountPoint)) return 'EBUSY'
    this.#frozen.set(mountPoint, { path, stopped: this.#processes.stopUsersOf(path, caller) })
    this.#looking ??= setInterval(() => this.lookAgain(), LOOK_AGAIN_MS).unref()
    return 'ok'
  }

  thaw(mountPoint: string): FreezeAnswer {
    const frozen = this.#frozen.get(mountPoint)
    if (!frozen) return this.#volumeAt(mountPoint) === undefined ? 'ENOTMOUNT' : 'EINVAL'
    this.#frozen.delete(mountPoint)
    const stillFrozen = new Set([...this.#frozen.values()].flatMap(({ stopped }) => [...stopped]))
    for (const pid of frozen.stopped) if (!stillFrozen.has(pid)) this.#processes.continue(pid)
    if (this.#frozen.size === 0) this.#stopLooking()
    return 'ok'
  }

  /** Stops who has opened a frozen disk since. */
  lookAgain(): void {
    for (const { path, stopped } of this.#frozen.values())
      for (const pid of this.#processes.stopUsersOf(path)) stopped.add(pid)
  }

  /** Forgets all: nothing is frozen on a machine that has ended. */
  clear(): void {
    this.#stopLooking()
    this.#frozen.clear()
  }

  #stopLooking(): void {
    clearInterval(this.#looking)
    this.#looking = undefined
  }

  #volumeAt(mountPoint: string): string | undefined {
    const mounts = readFileSync(join(this.#root, 'etc/mtab'), 'utf8').split('\n')
    const device = mounts.map((line) => line.split(' ')).findLast(([, point]) => point === mountPoint)?.[0]
    if (device === undefined) return undefined
    try {
      return realpathSync(join(this.#root, device))
    } catch {
      return undefined // the disk is gone
    }
  }
}
