import { BLOCK_BYTES } from '../../core/block-size.ts'
import type { OnProgress } from '../progress.ts'

/** Tells of several disks, done one after the other, as of one work. */
export class ProgressOfDisks {
  readonly #totalBytes: number
  readonly #report: OnProgress
  #doneBefore = 0

  constructor(disks: readonly { readonly blockCount: number }[], report: OnProgress) {
    this.#totalBytes = disks.reduce((sum, { blockCount }) => sum + blockCount * BLOCK_BYTES, 0)
    this.#report = report
  }

  /** For the disk that is at work. */
  readonly ofDisk: OnProgress = ({ doneBytes: ofDisk, bytesPerSecond }) => {
    const doneBytes = this.#doneBefore + ofDisk
    const totalBytes = this.#totalBytes
    const remainingSeconds = bytesPerSecond > 0 ? (totalBytes - doneBytes) / bytesPerSecond : undefined
    this.#report({
      doneBytes,
      totalBytes,
      bytesPerSecond,
      ...(remainingSeconds === undefined ? {} : { remainingSeconds }),
    })
  }

  diskDone({ blockCount }: { readonly blockCount: number }): void {
    this.#doneBefore += blockCount * BLOCK_BYTES
  }
}
