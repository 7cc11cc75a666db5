import { AwsError } from '../wire/service.ts'
import { StateFailure } from './failure.ts'
import type { Random } from './random.ts'

/** A task that waits for somebody with its token. */
export interface Callback {
  /** The output that was sent; rejects with the StateFailure that was sent. */
  readonly answered: Promise<unknown>
  onHeartbeat(run: () => void): void
  /** From now on the token is refused. */
  close(): void
}

interface Waiting {
  succeed(output: unknown): void
  fail(failure: StateFailure): void
  beat(): void
}

/** Task tokens (AWS facts C.4): each is good for one answer, and for none once its task has ended. */
export class Tokens {
  /** Those of tasks that have ended. The open ones are kept by their tasks. */
  readonly closed = new Set<string>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #machines = new Map<string, string>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** 192 bytes are 256 characters; AWS promises at most 2,048. */
  make(): string {
    return `AQCEAAAAKgAAAAMAAAAA${Buffer.from(this.#random.bytes(192)).toString('base64')}`
  }

  /**
   * From now on the token may be answered.
   * @param machineArn of the task's state machine: whoever answers is asked for permission to it
   */
  open(token: string, machineArn: string): Callback {
    const { promise: answered, resolve, reject } = Promise.withResolvers<unknown>()
    // The task may end before it looks at the answer.
    answered.catch(() => {})
    let beat: (() => void) | undefined
    const close = (): void => {
      this.#waiting.delete(token)
      this.closed.add(token)
    }
    this.#machines.set(token, machineArn)
    this.#waiting.set(token, {
      succeed: (output) => {
        close()
        resolve(output)
      },
      fail: (failure) => {
        close()
        reject(failure)
      },
      beat: () => beat?.(),
    })
    return { answered, close, onHeartbeat: (run) => (beat = run) }
  }

  /** The state machine whose task a token is, or was, good for. */
  machineOf(token: string): string | undefined {
    return this.#machines.get(token)
  }

  /** Throws InvalidOutput, InvalidToken or TaskTimedOut, as the others do the last two. */
  succeed(token: string, outputText: string): void {
    const waiting = this.#find(token)
    waiting.succeed(parseOutput(outputText))
  }

  fail(token: string, error = '', cause?: string): void {
    this.#find(token).fail(new StateFailure(error, cause))
  }

  heartbeat(token: string): void {
    this.#find(token).beat()
  }

  #find(token: string): Waiting {
    const waiting = this.#waiting.get(token)
    if (waiting) return waiting
    if (this.closed.has(token))
      throw new AwsError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'")
    throw new AwsError('InvalidToken', "Invalid Token: 'Invalid token'")
  }
}

function parseOutput(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new AwsError('InvalidOutput', `Invalid Output: '${text}'`)
  }
}
