/** What the copies of a vault need: segments, and records of packs. */
import { isTandemError } from '../../core/errors.ts'
import { readMap } from '../blocks-of-copy.ts'
import type { NewPlace } from '../format/moved.ts'
import type { FooterEntry } from '../format/pack.ts'
import { listCopies, readCopy, type CopyName, type Vault } from '../vault.ts'

export interface LiveRecords {
  /** Ids in hexadecimal. */
  readonly segments: ReadonlySet<string>
  /** By pack id in hexadecimal, then by ordinal. Also of packs that are gone. */
  readonly packs: ReadonlyMap<string, ReadonlyMap<number, FooterEntry>>
}

/** Where records of packs are now, by pack id in hexadecimal: what counts first comes first. */
export type AllMoves = ReadonlyMap<string, ReadonlyMap<number, readonly NewPlace[]>>

/** Where a record has been moved to: the first place whose pack is there, or has been moved itself to one that is. */
export function placeAfterMove(
  moves: AllMoves,
  isThere: (packId: string) => boolean,
  packId: string,
  ordinal: number,
): NewPlace | undefined {
  return moves
    .get(packId)
    ?.get(ordinal)
    ?.find((place) => {
      const target = place.packId.toString('hex')
      return isThere(target) || placeAfterMove(moves, isThere, target, place.ordinal) !== undefined
    })
}

/** Reads all manifests and segments. @throws TandemError VaultDamaged when one cannot be read: then nobody knows what it needs */
export async function readLiveRecords(
  vault: Vault,
  moves: AllMoves,
  isThere: (packId: string) => boolean,
): Promise<LiveRecords> {
  const segments = new Set<string>()
  const packs = new Map<string, Map<number, FooterEntry>>()
  const mark = (packId: string, record: FooterEntry): void => {
    const records = packs.get(packId) ?? new Map<number, FooterEntry>()
    packs.set(packId, records)
    if (records.has(record.ordinal)) return
    records.set(record.ordinal, record)
    const place = placeAfterMove(moves, isThere, packId, record.ordinal)
    if (place) mark(place.packId.toString('hex'), { ...place, id: record.id })
  }
  for (const copy of await listCopies(vault))
    await unlessDeleted(vault, copy, async () => {
      const manifest = await readCopy(vault, copy.name)
      for (const [number, segment] of manifest.segments) {
        if (segments.has(segment)) continue
        const entries = await readMap(vault, manifest.disk, number, segment)
        segments.add(segment)
        for (const { packId, ordinal, offset, length, id } of entries)
          mark(packId.toString('hex'), { ordinal, offset, length, id })
      }
    })
  return { segments, packs }
}

/** Another expiry may delete a copy, and later its segments, while this one reads it: then nothing needs them. */
async function unlessDeleted({ store }: Vault, { name }: CopyName, read: () => Promise<void>): Promise<void> {
  try {
    await read()
  } catch (error) {
    if (!isTandemError(error, 'VaultDamaged') || (await store.get(name))) throw error
  }
}
