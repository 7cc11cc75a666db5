/** What the copies of a vault need: segments, and records of packs. */
import { askEach } from '../../core/at-once.ts'
import { isTandemError } from '../../core/errors.ts'
import { MAPS_AT_ONCE, readMap } from '../blocks-of-copy.ts'
import { listCopies, readCopy, type CopyName, type Vault } from '../vault.ts'
import type { Inventory } from './inventory.ts'

/**
 * Reads all manifests and segments, and marks in the table of packs every record that one needs: also of packs that are gone, and where it
 * has been moved to.
 * @returns ids of the segments that are needed, in hexadecimal
 * @throws TandemError VaultDamaged when one cannot be read: then nobody knows what it needs
 */
export async function markLive(
  vault: Vault,
  inventory: Pick<Inventory, 'packs' | 'moves'>,
): Promise<ReadonlySet<string>> {
  const segments = new Set<string>()
  const mark = async (disk: string, number: number, segment: string): Promise<void> => {
    for (const { packId, ordinal, length } of await readMap(vault, disk, number, segment))
      inventory.packs.markLive(packId, ordinal, length)
    segments.add(segment)
  }
  for (const copy of await listCopies(vault))
    await unlessDeleted(vault, copy, async () => {
      const { disk, segments: all } = await readCopy(vault, copy.name)
      const unread = all.filter(([, segment]) => !segments.has(segment))
      await askEach(unread, MAPS_AT_ONCE, ([number, segment]) => mark(disk, number, segment))
    })
  await markMoved(inventory)
  return segments
}

/** A record that is needed is needed where it has been moved to as well, and where it has been moved to from there. */
async function markMoved({ packs, moves }: Pick<Inventory, 'packs' | 'moves'>): Promise<void> {
  const followed = new Map<string, number>()
  for (let isMore = true; isMore;) {
    isMore = false
    for (const packId of moves.packIds) {
      const pack = packs.numberOf(Buffer.from(packId, 'hex'))
      if (pack === undefined || packs.liveCountOf(pack) === (followed.get(packId) ?? 0)) continue
      followed.set(packId, packs.liveCountOf(pack))
      for (const ordinal of packs.liveOf(pack)) {
        const place = await moves.placeOf(packId, ordinal)
        if (place && packs.markLive(place.packId, place.ordinal, place.length)) isMore = true
      }
    }
  }
}

/** Another expiry may delete a copy, and later its segments, while this one reads it: then nothing needs them. */
async function unlessDeleted({ store }: Vault, { name }: CopyName, read: () => Promise<void>): Promise<void> {
  try {
    await read()
  } catch (error) {
    if (!isTandemError(error, 'VaultDamaged') || (await store.get(name))) throw error
  }
}
