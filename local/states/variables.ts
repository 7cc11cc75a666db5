import { PAYLOAD_LIMIT_BYTES, StateFailure } from './failure.ts'

/** Bytes of all variables of one execution (AWS facts C.2). */
const TOTAL_LIMIT_BYTES = 10 * 1024 * 1024

/** Variables of one scope. An inner scope (a branch, an item of an inline Map) reads the outer ones and writes only its own. */
export class Variables {
  readonly #outer: Variables | undefined
  #own: Readonly<Record<string, unknown>> = {}

  constructor(outer?: Variables) {
    this.#outer = outer
  }

  inner(): Variables {
    return new Variables(this)
  }

  get all(): Readonly<Record<string, unknown>> {
    return { ...this.#outer?.all, ...this.#own }
  }

  /** Throws States.DataLimitExceeded. */
  assign(values: Readonly<Record<string, unknown>>): void {
    if (bytesOf(values) > PAYLOAD_LIMIT_BYTES)
      throw new StateFailure('States.DataLimitExceeded', 'The variables of one Assign exceed 256 KiB.')
    if (bytesOf({ ...this.all, ...values }) > TOTAL_LIMIT_BYTES)
      throw new StateFailure('States.DataLimitExceeded', 'The variables of the execution exceed 10 MiB.')
    this.#own = { ...this.#own, ...values }
  }
}

const bytesOf = (values: unknown): number => Buffer.byteLength(JSON.stringify(values))
