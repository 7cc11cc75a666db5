import type { StoredObject, VaultStore } from '../../core/vault-store.ts'
import { BufferedDrafts } from '../../mover/stores/buffered-drafts.ts'

/** A vault in memory, whose clock is the test's. */
export class MemoryStore implements VaultStore {
  readonly url = 'memory:'
  readonly objects = new Map<string, { readonly bytes: Buffer; readonly writtenMs: number }>()
  /** Names that Object Lock holds. */
  readonly locked = new Set<string>()
  nowMs: number

  readonly draft = new BufferedDrafts((name, bytes) => this.put(name, bytes)).begin

  constructor(nowMs = Date.UTC(2026, 10, 23, 10)) {
    this.nowMs = nowMs
  }

  async put(name: string, bytes: Uint8Array): Promise<'written' | 'taken'> {
    if (this.objects.has(name)) return 'taken'
    this.objects.set(name, { bytes: Buffer.from(bytes), writtenMs: this.nowMs })
    return 'written'
  }

  async get(name: string): Promise<Buffer | undefined> {
    const found = this.objects.get(name)
    return found && Buffer.from(found.bytes)
  }

  async range(name: string, offset: number, length: number): Promise<Buffer | undefined> {
    const found = this.objects.get(name)
    return found && Buffer.from(found.bytes.subarray(offset, offset + length))
  }

  async tail(name: string, length: number): Promise<Buffer | undefined> {
    const found = this.objects.get(name)
    return found && Buffer.from(found.bytes.subarray(Math.max(0, found.bytes.length - length)))
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix)).toSorted()
    for (const name of names) {
      const found = this.objects.get(name)
      if (found) yield { name, sizeBytes: found.bytes.length, writtenMs: found.writtenMs }
    }
  }

  async remove(name: string): Promise<'removed' | 'absent' | 'locked'> {
    if (this.locked.has(name)) return 'locked'
    return this.objects.delete(name) ? 'removed' : 'absent'
  }

  async removeUnfinished(): Promise<number> {
    return 0
  }
}
