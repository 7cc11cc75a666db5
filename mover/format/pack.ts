/** Packs: some 16 MiB of encrypted blocks and a footer that says which (docs/vault-format.md, section 4). */
import { createCipheriv, randomBytes, type KeyObject } from 'node:crypto'
import type { ObjectDraft, VaultStore } from '../../core/vault-store.ts'
import { release } from '../release.ts'
import { ordinalNonce, seal, unseal, type VaultKeys } from './keys.ts'
import { packName } from './names.ts'
import {
  BLOCK_BYTES,
  FORMAT_VERSION,
  ID_BYTES,
  PACK_BYTES,
  PACK_ID_BYTES,
  PACK_RECORDS_MAX,
  TAG_BYTES,
} from './parameters.ts'
import { unpackBlock } from './zstd.ts'

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

/** Writes one pack, record by record. */
export class PackWriter {
  readonly packId = randomBytes(PACK_ID_BYTES)
  readonly #keys: VaultKeys
  readonly #packBytes: number
  readonly #key: KeyObject
  readonly #draft: ObjectDraft
  readonly #entries: FooterEntry[] = []
  #length = PACK_HEADER_BYTES

  /** @param packBytes full when its records exceed this */
  static async begin(
    keys: VaultKeys,
    store: Pick<VaultStore, 'draft'>,
    packBytes: number = PACK_BYTES,
  ): Promise<PackWriter> {
    const writer = new PackWriter(keys, store, packBytes)
    await writer.#draft.append([packHeader(writer.packId)])
    return writer
  }

  private constructor(keys: VaultKeys, store: Pick<VaultStore, 'draft'>, packBytes: number) {
    this.#keys = keys
    this.#packBytes = packBytes
    this.#key = keys.packKey(this.packId)
    const recordsMax = Math.min(PACK_RECORDS_MAX, Math.ceil(packBytes / RECORD_BYTES_MIN) + 1)
    const sizeMax = PACK_HEADER_BYTES + packBytes + BLOCK_BYTES + recordsMax * FOOTER_ENTRY_BYTES + 1_024
    this.#draft = store.draft(packName(this.packId), sizeMax)
  }

  get isFull(): boolean {
    return this.#length - PACK_HEADER_BYTES > this.#packBytes || this.#entries.length === PACK_RECORDS_MAX
  }

  /**
   * Encrypts and appends a block.
   * @param packed as `packBlock` gives it
   * @throws TandemError as `VaultStore.put`
   */
  async add(id: Buffer, packed: Uint8Array): Promise<Place> {
    const ordinal = this.#entries.length
    const offset = this.#length
    const cipher = createCipheriv('aes-256-gcm', this.#key, ordinalNonce(ordinal))
    cipher.setAAD(recordContext(this.#keys, this.packId, id))
    const ciphertext = cipher.update(packed)
    cipher.final()
    const place = { ordinal, offset, length: ciphertext.length + TAG_BYTES }
    this.#entries.push({ ...place, id })
    this.#length += place.length
    await this.#draft.append([ciphertext, cipher.getAuthTag()])
    release(ciphertext)
    return place
  }

  /** Appends the footer; the pack is in the vault when it returns. @returns the footer, as `footerEntries` reads it */
  async finish(): Promise<Buffer> {
    const footer = writeFooter(this.#entries)
    const sealed = seal(this.#key, ordinalNonce(FOOTER_ORDINAL), footerContext(this.#keys, this.packId), footer)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(sealed.length)
    await this.#draft.append([sealed, length, END_MAGIC])
    await this.#draft.finish()
    return footer
  }

  /** Leaves nothing of a pack that is not finished. */
  discard(): Promise<void> {
    return this.#draft.discard()
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

/** Entries of an opened footer: each begins with its id. */
export const footerEntries = (footer: Buffer): FooterEntry[] =>
  Array.from({ length: footer.length / FOOTER_ENTRY_BYTES }, (_, ordinal) => {
    const at = ordinal * FOOTER_ENTRY_BYTES
    return { ...footerPlace(footer, ordinal), id: footer.subarray(at, at + ID_BYTES) }
  })

/** Where the entry of an opened footer says that its record is. */
export function footerPlace(footer: Buffer, ordinal: number): Place {
  const at = ordinal * FOOTER_ENTRY_BYTES + ID_BYTES
  return { ordinal, offset: footer.readUInt32LE(at), length: footer.readUInt32LE(at + 4) }
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
export function openFooter(keys: VaultKeys, packId: Uint8Array, sealed: Buffer): Buffer | undefined {
  const footer = unseal(keys.packKey(packId), ordinalNonce(FOOTER_ORDINAL), footerContext(keys, packId), sealed)
  return footer && footer.length % FOOTER_ENTRY_BYTES === 0 ? footer : undefined
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
