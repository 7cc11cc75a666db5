import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** Watches over our own life: see `warden.sh`. One small process for all guests of a folder. */
export interface Warden {
  /** Ends the warden, and with it whatever guest is left. */
  close(): Promise<void>
}

/** @param folder the folder that holds the roots of the guests, without a trailing slash */
export function startWarden(folder: string): Warden {
  const child = spawn('/bin/bash', [join(import.meta.dirname, 'warden.sh'), folder], {
    detached: true, // a Ctrl-C at our terminal must not reach it
    env: { PATH: process.env['PATH'] },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  const ended = once(child, 'exit')
  return {
    async close() {
      child.ref()
      child.stdin.end()
      await ended
    },
  }
}
