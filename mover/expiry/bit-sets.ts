const FIRST_SETS = 256
const FIRST_WORDS = 1024
const WORD_BITS = 32

/**
 * Many sets of small numbers by the number of the set, a bit for each: a set has room up to twice its largest member, and lies
 * with all others in one array. What a set leaves behind when it grows is lost, and is less than what it takes then.
 */
export class BitSets {
  #words = new Uint32Array(FIRST_WORDS)
  #end = 0
  /** Of each set: its first word, and how many words it has. */
  #starts = new Uint32Array(FIRST_SETS)
  #lengths = new Uint32Array(FIRST_SETS)

  /** Whether it was not there before. */
  add(set: number, member: number): boolean {
    const at = this.#makeRoom(set, Math.floor(member / WORD_BITS))
    const word = this.#words[at] ?? 0
    const bit = 1 << (member % WORD_BITS)
    this.#words[at] = word | bit
    return (word & bit) === 0
  }

  has(set: number, member: number): boolean {
    const word = Math.floor(member / WORD_BITS)
    if (word >= (this.#lengths[set] ?? 0)) return false
    return ((this.#words[(this.#starts[set] ?? 0) + word] ?? 0) & (1 << (member % WORD_BITS))) !== 0
  }

  /** Ascending. */
  members(set: number): number[] {
    const found: number[] = []
    for (let member = 0; member < (this.#lengths[set] ?? 0) * WORD_BITS; member += 1)
      if (this.has(set, member)) found.push(member)
    return found
  }

  get byteLength(): number {
    return this.#words.byteLength + this.#starts.byteLength + this.#lengths.byteLength
  }

  /** Where a word of a set is. */
  #makeRoom(set: number, word: number): number {
    if (set >= this.#starts.length) {
      this.#starts = grown(this.#starts, set + 1)
      this.#lengths = grown(this.#lengths, set + 1)
    }
    const length = this.#lengths[set] ?? 0
    const start = this.#starts[set] ?? 0
    if (word < length) return start + word
    const wanted = Math.max(word + 1, 2 * length)
    if (this.#end + wanted > this.#words.length) this.#words = grown(this.#words, this.#end + wanted)
    this.#words.copyWithin(this.#end, start, start + length)
    this.#starts[set] = this.#end
    this.#lengths[set] = wanted
    this.#end += wanted
    return this.#end - wanted + word
  }
}

/** Twice as long, or as long as needed. */
function grown(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(Math.max(2 * array.length, length))
  longer.set(array)
  return longer
}
