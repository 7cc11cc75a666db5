import type { Clock } from '../../core/ports.ts'
import type { WorkerPost } from '../../core/copy-ports.ts'
import type { OnProgress, Progress } from '../progress.ts'

/** Often enough for who watches, and seldom enough to cost nothing. */
const INTERVAL_MS = 15_000

/** Tells how far the work is, in the reports bucket. What cannot be told is not told: it stops no copy. */
export class ProgressPost {
  readonly #post: Pick<WorkerPost, 'putProgress'>
  readonly #key: string
  readonly #clock: Clock
  #toldMs = Number.NEGATIVE_INFINITY
  #telling: Promise<void> = Promise.resolve()

  constructor(post: Pick<WorkerPost, 'putProgress'>, key: string, clock: Clock) {
    this.#post = post
    this.#key = key
    this.#clock = clock
  }

  readonly report: OnProgress = (progress) => {
    const nowMs = Date.parse(this.#clock.now())
    const isOver = progress.doneBytes >= progress.totalBytes
    if (nowMs - this.#toldMs < INTERVAL_MS && !isOver) return
    this.#toldMs = nowMs
    this.#telling = this.#telling.then(() => this.#tell(progress)).catch(() => {})
  }

  /** Resolves when all that was reported is told. */
  done(): Promise<void> {
    return this.#telling
  }

  #tell(progress: Progress): Promise<void> {
    const seconds = progress.remainingSeconds
    return this.#post.putProgress(this.#key, {
      doneBytes: progress.doneBytes,
      totalBytes: progress.totalBytes,
      bytesPerSecond: progress.bytesPerSecond,
      ...(seconds === undefined ? {} : { remainingSeconds: seconds }),
      at: this.#clock.now(),
    })
  }
}
