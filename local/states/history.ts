import type { HistoryEvent } from '@aws-sdk/client-sfn'
import type { Clock } from '../clock.ts'
import { StateFailure } from './failure.ts'

/** Events of one execution; the last of them says that it failed (AWS facts C.1). */
export const EVENT_LIMIT = 25_000

/** An event without what the history itself knows. */
export type RecordedEvent = Omit<HistoryEvent, 'id' | 'timestamp' | 'previousEventId'>

/** Everything that an execution did, in the shapes of GetExecutionHistory. */
export class History {
  readonly events: HistoryEvent[]
  readonly #clock: Clock

  /** @param events of an execution that goes on, to which it adds */
  constructor(clock: Clock, events: HistoryEvent[]) {
    this.#clock = clock
    this.events = events
  }

  /** Returns the event's id. Throws States.Runtime when only the place of the end is left. */
  append(event: RecordedEvent, previousEventId: number): number {
    if (this.events.length >= EVENT_LIMIT - 1)
      throw new StateFailure(
        'States.Runtime',
        `The execution reached the maximum number of history events (${EVENT_LIMIT}).`,
      )
    return this.#push(event, previousEventId)
  }

  /** The event that ends the execution; it always has a place. */
  end(event: RecordedEvent): void {
    this.#push(event, this.events.length)
  }

  #push(event: RecordedEvent, previousEventId: number): number {
    const id = this.events.length + 1
    this.events.push({ timestamp: new Date(this.#clock.now()), id, previousEventId, ...event })
    return id
  }
}

/** Nothing is ever cut off here. */
export const WHOLE = { truncated: false } as const
