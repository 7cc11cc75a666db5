import { PACK_ID_BYTES } from '../format/parameters.ts'

const FIRST_SLOTS = 1024

/** Ids of packs by number, and the other way round, in some 32 bytes each: a vault has hundreds of thousands of packs. */
export class IdTable {
  #ids = Buffer.alloc(FIRST_SLOTS * PACK_ID_BYTES)
  /** Numbers, each 1 higher, at the place that the id's first bytes say or soon after; 0: free. Never more than half full. */
  #slots = new Int32Array(FIRST_SLOTS)
  #count = 0
  #end = 0

  /** How many numbers there are from 0 on, those included that have no id. */
  get end(): number {
    return this.#end
  }

  /** Gives an id that the table does not have the next number. */
  add(id: Uint8Array): void {
    this.set(this.#end, id)
  }

  /** Gives an id that the table does not have a number that is free. */
  set(number: number, id: Uint8Array): void {
    this.#makeRoom(number)
    this.#ids.set(id, number * PACK_ID_BYTES)
    this.#end = Math.max(this.#end, number + 1)
    this.#slots[this.#slotOf(id)] = number + 1
    this.#count += 1
  }

  /** @throws RangeError when nothing has that number */
  idOf(number: number): Buffer {
    if (number >= this.#end) throw new RangeError(`There is no pack ${number}.`)
    return this.#ids.subarray(number * PACK_ID_BYTES, (number + 1) * PACK_ID_BYTES)
  }

  numberOf(id: Uint8Array): number | undefined {
    const found = this.#slots[this.#slotOf(id)] ?? 0
    return found === 0 ? undefined : found - 1
  }

  /** Where an id is, or belongs. */
  #slotOf(id: Uint8Array): number {
    const bytes = Buffer.from(id.buffer, id.byteOffset, PACK_ID_BYTES)
    // Ids are random.
    let slot = bytes.readUInt32LE() % this.#slots.length
    for (;;) {
      const found = this.#slots[slot] ?? 0
      if (found === 0 || this.idOf(found - 1).equals(bytes)) return slot
      slot = (slot + 1) % this.#slots.length
    }
  }

  #makeRoom(number: number): void {
    if ((number + 1) * PACK_ID_BYTES > this.#ids.length) {
      const ids = Buffer.alloc(Math.max(2 * this.#ids.length, (number + 1) * PACK_ID_BYTES))
      ids.set(this.#ids)
      this.#ids = ids
    }
    if (2 * (this.#count + 1) <= this.#slots.length) return
    const numbers = this.#slots.filter((each) => each > 0)
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (const each of numbers) this.#slots[this.#slotOf(this.idOf(each - 1))] = each
  }
}
