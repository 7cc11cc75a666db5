/** One thread of a restore or a verification: reads records of packs, opens and checks them, and writes the blocks. */
import type { KeyObject } from 'node:crypto'
import { TandemError } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { blockCheck, vaultKeys, type VaultKeys } from '../format/keys.ts'
import { packName } from '../format/names.ts'
import { openRecord } from '../format/pack.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import type { MovedBlocks } from '../moved-blocks.ts'
import { release } from '../release.ts'
import type { BlockSink } from '../sinks/block-sink.ts'
import { FileSink } from '../sinks/file-sink.ts'
import { SUM, type PackOrder, type PackOrderEntry, type ReadSetup, type Report } from './protocol.ts'

const MIB = 1024 * 1024
/** Records that are near each other are one read, of at most this. */
const SPAN_BYTES = 4 * MIB
const GAP_BYTES = 128 * 1024

export class ReadWorker {
  readonly #setup: ReadSetup
  readonly #report: (report: Report) => void
  readonly #keys: VaultKeys
  readonly #store: VaultStore
  readonly #sums: BigInt64Array
  readonly #sink: BlockSink | undefined
  /** Loaded when a pack is gone. */
  #moved: Promise<MovedBlocks> | undefined
  #isAbandoned = false

  constructor(setup: ReadSetup, store: VaultStore, report: (report: Report) => void) {
    this.#setup = setup
    this.#report = report
    this.#keys = vaultKeys(setup.masterKey, setup.vaultId)
    this.#store = store
    this.#sums = new BigInt64Array(setup.sums)
    const { target, sizeBytes } = setup
    this.#sink = typeof target === 'string' ? new FileSink(target, sizeBytes) : target
  }

  async work({ packId, entries }: PackOrder): Promise<void> {
    await this.#readPack(Buffer.from(packId), entries)
    await this.#sink?.flush()
    this.#report({ kind: 'done' })
  }

  /** Gives up what is under way: a reader leaves nothing unfinished. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
  }

  /** Not while work is under way. */
  close(): void {
    this.#sink?.close()
  }

  async #readPack(packId: Buffer, entries: readonly PackOrderEntry[]): Promise<void> {
    const pack = { id: packId, key: this.#keys.packKey(packId) }
    const spans = spansOf(entries)
    let reading = this.#readSpan(packId, spans[0])
    for (const [index, span] of spans.entries()) {
      if (this.#isAbandoned) return
      const bytes = await reading
      // The next one comes while this one is worked on.
      reading = this.#readSpan(packId, spans[index + 1])
      if (!bytes) {
        await this.#readMoved(packId, span)
        continue
      }
      for (const entry of span) await this.#take(pack, entry, recordOf(entry, span, bytes))
      release(bytes)
    }
  }

  /** What is at a span's place; undefined when the pack is gone, or there is no span. */
  #readSpan(packId: Uint8Array, span: readonly PackOrderEntry[] = []): Promise<Buffer | undefined> {
    const [first] = span
    const last = span.at(-1)
    if (!first || !last) return Promise.resolve(undefined)
    const reading = this.#store.range(packName(packId), first.offset, last.offset + last.length - first.offset)
    reading.catch(() => {}) // seen by whoever awaits it
    return reading
  }

  /** Expiry has repacked what is needed of a pack, perhaps just now, and deleted it. */
  async #readMoved(packId: Buffer, entries: readonly PackOrderEntry[]): Promise<void> {
    this.#moved ??= import('../moved-blocks.ts').then(
      ({ MovedBlocks }) => new MovedBlocks({ store: this.#store, keys: this.#keys }),
    )
    const moved = await this.#moved
    const packs = new Map<string, PackOrderEntry[]>()
    for (const { block, id, check, ordinal } of entries) {
      const place = await moved.find(packId, ordinal)
      if (!place) throw this.#damaged(packId, block, 'is missing')
      const name = place.packId.toString('hex')
      packs.set(name, [...(packs.get(name) ?? []), { ...place, block, id, check }])
    }
    for (const [name, there] of packs) await this.#readPack(Buffer.from(name, 'hex'), there)
  }

  async #take(
    pack: { readonly id: Uint8Array; readonly key: KeyObject },
    entry: PackOrderEntry,
    sealed: Buffer,
  ): Promise<void> {
    const block = openRecord(this.#keys, pack, entry, sealed)
    if (!block || !blockCheck(this.#keys, block).equals(entry.check))
      throw this.#damaged(pack.id, entry.block, `is not what was written (record ${entry.ordinal})`)
    if (this.#sink) await this.#sink.write(entry.block, block)
    else release(block)
    Atomics.add(this.#sums, SUM.read, BigInt(BLOCK_BYTES))
    Atomics.add(this.#sums, SUM.stored, BigInt(entry.length))
  }

  #damaged(packId: Uint8Array, block: number, what: string): TandemError {
    const name = packName(packId)
    return new TandemError(
      'VaultDamaged',
      `${name} of the vault ${what}: block ${block} of ${this.#setup.disk} is lost in this copy.`,
    )
  }
}

/** The bytes of a record among those of its span. */
function recordOf({ offset, length }: PackOrderEntry, span: readonly PackOrderEntry[], bytes: Buffer): Buffer {
  const at = offset - (span[0]?.offset ?? 0)
  return bytes.subarray(at, at + length)
}

/** Entries in the order of their offsets, in groups that are worth one read each. */
function spansOf(entries: readonly PackOrderEntry[]): PackOrderEntry[][] {
  const spans: PackOrderEntry[][] = []
  let end = 0
  for (const entry of entries.toSorted((left, right) => left.offset - right.offset)) {
    const span = spans.at(-1)
    const start = span?.[0]?.offset ?? 0
    if (span && entry.offset - end <= GAP_BYTES && entry.offset + entry.length - start <= SPAN_BYTES) span.push(entry)
    else spans.push([entry])
    end = entry.offset + entry.length
  }
  return spans
}
