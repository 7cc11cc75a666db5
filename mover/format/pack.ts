/** Packs: some 16 MiB of encrypted blocks and a footer that says which (docs/vault-format.md, section 4). */
import { createCipheriv, randomBytes, type KeyObject } from 'node:crypto'
import { release } from '../release.ts'
import { ordinalNonce, seal, unseal, type VaultKeys } from './keys.ts'
import {
  BLOCK_BYTES,
  FORMAT_VERSION,
  ID_BYTES,
  PACK_BYTES,
  PACK_ID_BYTES,
  PACK_RECORDS_MAX,
  TAG_BYTES,
} from './parameters.ts'
import { packBlock, unpackBlock } from './zstd.ts'

const MAGIC = Buffer.from('TANDPACK')
const END_MAGIC = Buffer.from('TANDFOOT')
export const PACK_HEADER_BYTES = MAGIC.length + 2 + PACK_ID_BYTES
const FOOTER_ORDINAL = 0xff_ff_ff_ff
/** `id ‖ offset u32 ‖ length u32`. */
export const FOOTER_ENTRY_BYTES = ID_BYTES + 4 + 4
/** Footer length and end magic. */
export const PACK_END_BYTES = 4 + END_MAGIC.length

/** A tag, and the shortest frame that is no empty one. */
const RECORD_BYTES_MIN = TAG_BYTES + 10

/** Where a block is. */
export interface Place {
  readonly ordinal: number
  readonly offset: number
  /** With the tag. */
  readonly length: number
}

export interface FooterEntry extends Place {
  readonly id: Buffer
}

/** Associated data of a record: vault, pack and block, so that no record passes for another one. */
export const recordContext = ({ vaultId }: VaultKeys, packId: Uint8Array, id: Uint8Array): Buffer =>
  Buffer.concat([vaultId, packId, id])

const footerContext = ({ vaultId }: VaultKeys, packId: Uint8Array): Buffer => Buffer.concat([vaultId, packId])

/** Fills a pack. One at a time per writer; its memory is used again for the next pack once `reuse` has been called. */
export class PackWriter {
  readonly #keys: VaultKeys
  readonly #packBytes: number
  /** Room for the records, the one that goes over the limit, and the footer. */
  readonly #buffer: Buffer<ArrayBuffer>
  #pack: { readonly id: Buffer; readonly key: KeyObject }
  #length = 0
  #entries: FooterEntry[] = []

  /** @param packBytes closed when its records exceed this */
  constructor(keys: VaultKeys, packBytes: number = PACK_BYTES) {
    this.#keys = keys
    this.#packBytes = packBytes
    const recordsMax = Math.min(PACK_RECORDS_MAX, Math.ceil(packBytes / RECORD_BYTES_MIN) + 1)
    this.#buffer = Buffer.allocUnsafeSlow(
      PACK_HEADER_BYTES + packBytes + BLOCK_BYTES + recordsMax * FOOTER_ENTRY_BYTES + 1_024,
    )
    this.#pack = this.#begin()
  }

  get packId(): Buffer {
    return this.#pack.id
  }

  get recordCount(): number {
    return this.#entries.length
  }

  get entries(): readonly FooterEntry[] {
    return this.#entries
  }

  get isFull(): boolean {
    return this.#length - PACK_HEADER_BYTES > this.#packBytes || this.#entries.length === PACK_RECORDS_MAX
  }

  /** Compresses, encrypts and appends a block. */
  add(id: Buffer, block: Uint8Array): Place {
    const packed = packBlock(block)
    const ordinal = this.#entries.length
    const offset = this.#length
    const cipher = createCipheriv('aes-256-gcm', this.#pack.key, ordinalNonce(ordinal))
    cipher.setAAD(recordContext(this.#keys, this.#pack.id, id))
    const ciphertext = cipher.update(packed)
    this.#append(ciphertext)
    release(ciphertext)
    if (packed !== block) release(packed)
    this.#append(cipher.final())
    this.#append(cipher.getAuthTag())
    const place = { ordinal, offset, length: this.#length - offset }
    this.#entries.push({ ...place, id })
    return place
  }

  /** Appends the footer and returns the whole pack: a view that is good until `reuse`. */
  finish(): Buffer {
    const footer = seal(
      this.#pack.key,
      ordinalNonce(FOOTER_ORDINAL),
      footerContext(this.#keys, this.#pack.id),
      writeFooter(this.#entries),
    )
    this.#append(footer)
    this.#length = this.#buffer.writeUInt32LE(footer.length, this.#length)
    this.#append(END_MAGIC)
    return this.#buffer.subarray(0, this.#length)
  }

  /** Begins another pack, under a new id and with it a new key. */
  reuse(): void {
    this.#pack = this.#begin()
  }

  #begin(): { readonly id: Buffer; readonly key: KeyObject } {
    const id = randomBytes(PACK_ID_BYTES)
    this.#entries = []
    this.#length = 0
    this.#append(packHeader(id))
    return { id, key: this.#keys.packKey(id) }
  }

  #append(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }
}

function writeFooter(entries: readonly FooterEntry[]): Buffer {
  const footer = Buffer.alloc(entries.length * FOOTER_ENTRY_BYTES)
  entries.forEach(({ id, offset, length }, index) => {
    const at = index * FOOTER_ENTRY_BYTES
    footer.set(id, at)
    footer.writeUInt32LE(offset, at + ID_BYTES)
    footer.writeUInt32LE(length, at + ID_BYTES + 4)
  })
  return footer
}

/** Entries of a decrypted footer, or of one pack in an index part. */
export function readFooterEntries(footer: Buffer): FooterEntry[] {
  return Array.from({ length: Math.floor(footer.length / FOOTER_ENTRY_BYTES) }, (_, ordinal) => {
    const at = ordinal * FOOTER_ENTRY_BYTES
    return {
      ordinal,
      id: footer.subarray(at, at + ID_BYTES),
      offset: footer.readUInt32LE(at + ID_BYTES),
      length: footer.readUInt32LE(at + ID_BYTES + 4),
    }
  })
}

/** Whether these first bytes are those of this pack, in a version that we read. */
export const isPackHeader = (head: Buffer, packId: Uint8Array): boolean => head.equals(packHeader(packId))

function packHeader(packId: Uint8Array): Buffer {
  const version = Buffer.alloc(2)
  version.writeUInt16LE(FORMAT_VERSION)
  return Buffer.concat([MAGIC, version, packId])
}

/** How long the sealed footer is, from a pack's last bytes; undefined when they are not a pack's end. */
export function footerLength(end: Buffer): number | undefined {
  const at = end.length - PACK_END_BYTES
  return at >= 0 && end.subarray(at + 4).equals(END_MAGIC) ? end.readUInt32LE(at) : undefined
}

/** Opens a sealed footer; undefined when it is not this pack's. */
export function openFooter(keys: VaultKeys, packId: Uint8Array, sealed: Buffer): FooterEntry[] | undefined {
  const footer = unseal(keys.packKey(packId), ordinalNonce(FOOTER_ORDINAL), footerContext(keys, packId), sealed)
  return footer && footer.length % FOOTER_ENTRY_BYTES === 0 ? readFooterEntries(footer) : undefined
}

/**
 * Opens one record: `sealed` is what is at its place.
 * @returns the block, the caller's alone; undefined when the bytes are not this block of this pack
 */
export function openRecord(
  keys: VaultKeys,
  pack: { readonly id: Uint8Array; readonly key: KeyObject },
  { ordinal, id }: { readonly ordinal: number; readonly id: Uint8Array },
  sealed: Uint8Array,
): Uint8Array | undefined {
  const packed = unseal(pack.key, ordinalNonce(ordinal), recordContext(keys, pack.id, id), sealed)
  if (!packed) return undefined
  try {
    const block = unpackBlock(packed)
    if (block !== packed) release(packed)
    return block
  } catch {
    return undefined
  }
}
