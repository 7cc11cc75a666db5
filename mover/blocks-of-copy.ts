/** The blocks of a copy, grouped by the packs that hold them, part by part, so that memory does not grow with the disk. */
import { TandemError } from '../core/errors.ts'
import { segmentId } from './format/envelope.ts'
import type { DiskManifest } from './format/manifest.ts'
import { mapName } from './format/names.ts'
import { SEGMENT_BLOCKS } from './format/parameters.ts'
import { readSegment, type SegmentEntry } from './format/segment.ts'
import type { PackOrder, PackOrderEntry } from './pipeline/protocol.ts'
import { PART_BLOCKS } from './sinks/block-sink.ts'
import { readObject, type Vault } from './vault.ts'

const PART_SEGMENTS = PART_BLOCKS / SEGMENT_BLOCKS

/** Segments of a disk that are read at once: there is one for each GiB that has changed between two copies. */
export const MAPS_AT_ONCE = 8

/** One segment, checked. @throws TandemError VaultDamaged */
export async function readMap(vault: Vault, disk: string, number: number, id: string): Promise<SegmentEntry[]> {
  const name = mapName(Buffer.from(id, 'hex'))
  const blocks = `blocks ${number * SEGMENT_BLOCKS} to ${(number + 1) * SEGMENT_BLOCKS - 1} of ${disk}`
  const plaintext = await readObject(vault, name, blocks)
  const entries = segmentId(vault.keys, plaintext).toString('hex') === id ? readSegment(plaintext) : undefined
  if (!entries)
    throw new TandemError(
      'VaultDamaged',
      `${name} in the vault at ${vault.store.url} is not what was written (${blocks}).`,
    )
  return entries
}

/** Part by part of the disk: a pack that two of them share is read in two pieces. @throws TandemError VaultDamaged */
export async function* packOrders(vault: Vault, { disk, segments }: DiskManifest): AsyncIterable<PackOrder> {
  for (const part of partsOf(segments)) {
    const packs = new Map<string, PackOrderEntry[]>()
    for (const [number, id] of part)
      for (const { packId, block, ...entry } of await readMap(vault, disk, number, id)) {
        const name = packId.toString('hex')
        const entries = packs.get(name) ?? []
        entries.push({ ...entry, block: number * SEGMENT_BLOCKS + block })
        packs.set(name, entries)
      }
    for (const [name, entries] of packs) yield { kind: 'pack', packId: Buffer.from(name, 'hex'), entries }
  }
}

const partOf = ([number]: DiskManifest['segments'][number]): number => Math.floor(number / PART_SEGMENTS)

/** Segments that are in one part of the disk, however few. */
function* partsOf(segments: DiskManifest['segments']): Iterable<DiskManifest['segments']> {
  let part: DiskManifest['segments'] = []
  for (const segment of segments) {
    const [first] = part
    if (first && partOf(first) !== partOf(segment)) {
      yield part
      part = []
    }
    part.push(segment)
  }
  if (part.length > 0) yield part
}
