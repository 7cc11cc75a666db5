/** Index parts: the footers of some packs again, in one object (docs/vault-format.md, section 5). */
import { FOOTER_ENTRY_BYTES } from './pack.ts'
import { PACK_ID_BYTES } from './parameters.ts'

/** `pack id ‖ entry count u32`. */
const HEAD_BYTES = PACK_ID_BYTES + 4

export interface IndexedPack {
  readonly id: Buffer
  /** As `footerEntries` reads it. */
  readonly footer: Buffer
}

export function writeIndexPart(packs: readonly IndexedPack[]): Buffer {
  const heads = Buffer.alloc(4 + packs.length * HEAD_BYTES)
  let at = heads.writeUInt32LE(packs.length)
  for (const { id, footer } of packs) {
    heads.set(id, at)
    at = heads.writeUInt32LE(footer.length / FOOTER_ENTRY_BYTES, at + PACK_ID_BYTES)
  }
  return Buffer.concat([heads, ...packs.map(({ footer }) => footer)])
}

/** Reads a part; undefined when it is malformed. */
export function readIndexPart(bytes: Buffer): IndexedPack[] | undefined {
  if (bytes.length < 4) return undefined
  const packCount = bytes.readUInt32LE(0)
  let at = 4 + packCount * HEAD_BYTES
  if (bytes.length < at) return undefined
  const packs: IndexedPack[] = []
  for (let index = 0; index < packCount; index += 1) {
    const head = 4 + index * HEAD_BYTES
    const end = at + bytes.readUInt32LE(head + PACK_ID_BYTES) * FOOTER_ENTRY_BYTES
    if (end > bytes.length) return undefined
    packs.push({ id: bytes.subarray(head, head + PACK_ID_BYTES), footer: bytes.subarray(at, end) })
    at = end
  }
  return at === bytes.length ? packs : undefined
}
