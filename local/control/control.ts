/**
 * The control endpoint of the embedded account: what is no part of AWS (faults, the clock, troubles of machines and disks,
 * violent death), as JSON over HTTP on the account's own port, below `/_account`. No bucket can have that name.
 *
 * Whoever reaches it owns the account, so it answers only who asks for loopback by its name and is no page in a browser: a page
 * of another site that had its name resolve to 127.0.0.1 would send that name as Host, and a cross-site request carries Origin.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { Throttling } from '../throttling/throttling.ts'
import type { TroubledPlace } from './troubles.ts'

export interface ControlOptions {
  readonly clock: Clock
  readonly faults: Faults
  readonly throttling: Throttling
  /** The home account in its Region when none is named. @throws Error when there is no such Region */
  readonly place: (accountId?: string, region?: string) => TroubledPlace
  /** Ends this process as SIGKILL does, without cleaning up. */
  readonly die: () => void
}

/** Answers a request, if it is one for the control endpoint. */
export type Control = (message: IncomingMessage, response: ServerResponse) => boolean

export function createControl(options: ControlOptions): Control {
  return (message, response) => {
    if (!/^\/_account(\/|\?|$)/.test(message.url ?? '')) return false
    void respond(message, response, options)
    return true
  }
}

async function respond(message: IncomingMessage, response: ServerResponse, options: ControlOptions): Promise<void> {
  // Loaded with the first request: what reads bodies here takes 19 MB, and few accounts are ever asked.
  const { answer, resourcesOf } = await import('./resources.ts')
  const [status, body] = await answer(message, resourcesOf(options))
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body, undefined, 2)}\n`)
}
