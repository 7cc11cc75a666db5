import { Agent } from 'node:http'
import { Socket } from 'node:net'

import type { Cancel, Clock } from './clock.ts'
import type { Connections } from './wire/connections.ts'

/**
 * The hold of the clock of one call over the wire that this process makes itself. The clock cannot see the call before it has
 * arrived and after its answer has left; in between the server holds it, or lets it go because the call waits for virtual time: a
 * function that sleeps, a long poll, a delayed answer. Then nobody here does anything either, and this hold is let go too
 * (docs/adr/0014).
 */
export class CallHold {
  /** To be used for this call alone. */
  readonly agent: Agent
  readonly #clock: Clock
  #release: Cancel
  #hasEnded = false

  constructor(clock: Clock, connections: Connections) {
    this.#clock = clock
    this.#release = clock.hold()
    const watcher = { waits: () => this.#release(), goesOn: () => this.#goesOn() }
    this.agent = new WatchedAgent((port) => connections.watch(port, watcher))
  }

  end(): void {
    this.#hasEnded = true
    this.#release()
  }

  #goesOn(): void {
    this.#release()
    if (!this.#hasEnded) this.#release = this.#clock.hold()
  }
}

/** Tells its own end of each connection. */
class WatchedAgent extends Agent {
  readonly #onPort: (port: number) => void

  constructor(onPort: (port: number) => void) {
    super()
    this.#onPort = onPort
  }

  override createConnection(
    ...[options, callback]: Parameters<Agent['createConnection']>
  ): ReturnType<Agent['createConnection']> {
    const socket = super.createConnection(options, callback)
    if (socket instanceof Socket)
      socket.once('connect', () => {
        if (socket.localPort !== undefined) this.#onPort(socket.localPort)
      })
    return socket
  }
}
