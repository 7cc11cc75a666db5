import type { Socket } from 'node:net'

/** Told about the calls on one connection. Both are called while the call itself still holds the clock, or already does again. */
export interface Watcher {
  /** A call is about to let go of the clock: it may be waiting for virtual time. */
  readonly waits: () => void
  /** A call that had let go holds the clock again: it is about to be answered. */
  readonly goesOn: () => void
}

/** One end of a connection as its client sees it. */
export interface ClientEnd {
  /** The client's own port. */
  readonly port: number
  readonly bytesRead: number
  readonly bytesWritten: number
}

/** A call that is open on a connection. */
export interface OpenCall {
  readonly waits: () => void
  readonly goesOn: () => void
  readonly end: () => void
}

interface Connection {
  readonly socket: Socket
  /** Open calls that hold the clock. */
  heldCount: number
  /** Open calls that have let go of it. */
  waitingCount: number
}

const UNKNOWN: OpenCall = { waits: () => {}, goesOn: () => {}, end: () => {} }

/**
 * The connections of the wire server, by their clients' ports. A client of this process that holds the clock (the worker of
 * a Lambda) learns here whether all that it waits for is virtual time: nothing on its way in either direction, and no call
 * at work.
 */
export class Connections {
  readonly #open = new Map<number, Connection>()
  readonly #watchers = new Map<number, Watcher>()

  /** The server has accepted a connection. */
  accept(socket: Socket): void {
    const { remotePort } = socket
    if (remotePort === undefined) return
    this.#open.set(remotePort, { socket, heldCount: 0, waitingCount: 0 })
    socket.once('close', () => {
      this.#open.delete(remotePort)
      this.#watchers.delete(remotePort)
    })
  }

  /** The head of a request has arrived, and holds the clock. */
  begin({ remotePort }: Socket): OpenCall {
    const connection = remotePort === undefined ? undefined : this.#open.get(remotePort)
    if (remotePort === undefined || !connection) return UNKNOWN
    connection.heldCount += 1
    return {
      waits: () => {
        connection.heldCount -= 1
        connection.waitingCount += 1
        this.#watchers.get(remotePort)?.waits()
      },
      goesOn: () => {
        connection.waitingCount -= 1
        connection.heldCount += 1
        this.#watchers.get(remotePort)?.goesOn()
      },
      end: () => {
        connection.heldCount -= 1
      },
    }
  }

  /** Watches the connection of a client's port until it closes; the server need not have accepted it yet. */
  watch(port: number, watcher: Watcher): void {
    this.#watchers.set(port, watcher)
    if (this.isWaiting(port)) watcher.waits()
  }

  /** Whether a call on the connection waits with the clock let go. */
  isWaiting(port: number): boolean {
    return (this.#open.get(port)?.waitingCount ?? 0) > 0
  }

  /**
   * Whether nothing can come of a connection but by virtual time: each side has read all that the other one wrote, and every
   * open call has let go of the clock. False for a connection that the server does not know (yet, or any more).
   */
  isQuiet({ port, bytesRead, bytesWritten }: ClientEnd): boolean {
    const connection = this.#open.get(port)
    if (!connection || connection.heldCount > 0) return false
    return connection.socket.bytesRead === bytesWritten && connection.socket.bytesWritten === bytesRead
  }
}
