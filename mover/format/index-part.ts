/** Index parts: the footers of some packs again, in one object (docs/vault-format.md, section 5). */
import { FOOTER_ENTRY_BYTES, readFooterEntries, type FooterEntry } from './pack.ts'
import { ID_BYTES, PACK_ID_BYTES } from './parameters.ts'

export interface IndexedPack {
  readonly id: Buffer
  readonly entries: readonly FooterEntry[]
}

export function writeIndexPart(packs: readonly IndexedPack[]): Buffer {
  const entryCount = packs.reduce((sum, { entries }) => sum + entries.length, 0)
  const bytes = Buffer.alloc(4 + packs.length * (PACK_ID_BYTES + 4) + entryCount * FOOTER_ENTRY_BYTES)
  let at = bytes.writeUInt32LE(packs.length, 0)
  for (const { id, entries } of packs) {
    bytes.set(id, at)
    at = bytes.writeUInt32LE(entries.length, at + PACK_ID_BYTES)
  }
  for (const { entries } of packs)
    for (const { id, offset, length } of entries) {
      bytes.set(id, at)
      at = bytes.writeUInt32LE(offset, at + ID_BYTES)
      at = bytes.writeUInt32LE(length, at)
    }
  return bytes
}

/** Reads a part; undefined when it is malformed. */
export function readIndexPart(bytes: Buffer): IndexedPack[] | undefined {
  if (bytes.length < 4) return undefined
  const packCount = bytes.readUInt32LE(0)
  const headEnd = 4 + packCount * (PACK_ID_BYTES + 4)
  if (bytes.length < headEnd) return undefined
  const packs: IndexedPack[] = []
  let at = headEnd
  for (let index = 0; index < packCount; index += 1) {
    const head = 4 + index * (PACK_ID_BYTES + 4)
    const end = at + bytes.readUInt32LE(head + PACK_ID_BYTES) * FOOTER_ENTRY_BYTES
    if (end > bytes.length) return undefined
    packs.push({
      id: bytes.subarray(head, head + PACK_ID_BYTES),
      entries: readFooterEntries(bytes.subarray(at, end)),
    })
    at = end
  }
  return at === bytes.length ? packs : undefined
}
