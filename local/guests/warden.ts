import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'

/** Watches over our own life: see `warden.sh`. One small process for all guests of a folder. */
export interface Warden {
  /** The value of GUEST_WARDEN by which it knows the processes that it watches over. */
  readonly mark: string
  /** Ends the warden, and with it whatever guest is left. */
  close(): Promise<void>
}

/** @param folder the folder that holds the roots of the guests, without a trailing slash */
export function startWarden(folder: string): Warden {
  // Not the folder alone: an account that is started again at once uses it while the last one's warden is still at work.
  const mark = `${folder}#${randomUUID()}`
  const child = spawn('/bin/bash', [join(import.meta.dirname, 'warden.sh'), mark], {
    detached: true, // a Ctrl-C at our terminal must not reach it
    env: { PATH: process.env['PATH'] },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  const ended = once(child, 'exit')
  return {
    mark,
    async close() {
      child.ref()
      child.stdin.end()
      await ended
    },
  }
}
