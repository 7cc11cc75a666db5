import type { ObjectDraft, ObjectStore } from '../../core/vault-store.ts'

/** Drafts for a store that takes whole objects only: pieces are collected in memory, which the next draft uses again. */
export class BufferedDrafts {
  readonly #put: ObjectStore['put']
  readonly #spare: Buffer[] = []

  constructor(put: ObjectStore['put']) {
    this.#put = put
  }

  readonly begin = (name: string, sizeMax: number): ObjectDraft => {
    // Not before something is appended.
    let memory: Buffer | undefined
    let length = 0
    let isDiscarded = false
    return {
      append: async (pieces) => {
        memory ??= this.#memory(sizeMax)
        for (const piece of pieces) {
          memory.set(piece, length)
          length += piece.length
        }
      },
      finish: async () => {
        if (isDiscarded) throw new Error(`The draft of ${name} was discarded.`)
        const outcome = await this.#put(name, memory?.subarray(0, length) ?? Buffer.alloc(0))
        if (memory) this.#spare.push(memory)
        return outcome
      },
      // A draft that failed may be read still by what is under way: its memory is left to the collector.
      discard: async () => {
        isDiscarded = true
      },
    }
  }

  #memory(size: number): Buffer {
    const spare = this.#spare.pop()
    return spare && spare.length >= size ? spare : Buffer.allocUnsafeSlow(size)
  }
}
