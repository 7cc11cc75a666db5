/**
 * How the embedded account survives a restart: each service keeps its state as plain data (structured-cloneable: maps, sets,
 * dates, byte arrays, records that refer to each other; no functions, no promises), apart from what only runs (timers,
 * guests, sockets), which it keeps beside its records and makes anew from them.
 */
export interface Durable {
  /** File name of the state below the data folder of the place, e.g. `ec2`. */
  readonly name: string
  /** The state itself, not a copy: it is serialised at once, before anything else happens. */
  save(): unknown
  /** Takes over what an earlier process saved. Called once, before any call; the clock is at the time of the saving. */
  restore(saved: unknown): void
  /** Goes on with what was under way: timers of transitions, guests, executions. Called after every service has been restored. */
  resume?(): void
}
