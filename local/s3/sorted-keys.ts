/** Order of the UTF-8 encodings, S3's own; differs from JavaScript's order of strings beyond the Basic Multilingual Plane. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    // Surrogates stand for characters that come after all others.
    const isLeftPair = left >= 0xd800 && left < 0xe000
    const isRightPair = right >= 0xd800 && right < 0xe000
    return isLeftPair === isRightPair ? left - right : isLeftPair ? 1 : -1
  }
  return a.length - b.length
}

/** The keys of a bucket in S3's order. */
export class SortedKeys {
  #keys: string[]

  constructor(keys: Iterable<string>) {
    this.#keys = [...keys].toSorted(compareUtf8)
  }

  add(key: string): void {
    const at = this.#indexOf(key)
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key)
  }

  delete(key: string): void {
    const at = this.#indexOf(key)
    if (this.#keys[at] === key) this.#keys.splice(at, 1)
  }

  /** Keys from `start` on, itself included. */
  *from(start: string): Generator<string, void> {
    for (let at = this.#indexOf(start); at < this.#keys.length; at += 1) {
      const key = this.#keys[at]
      if (key !== undefined) yield key
    }
  }

  /** Index of the first key that is not less. */
  #indexOf(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareUtf8(this.#keys[middle] ?? '', key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
