/** The blocks of a copy, grouped by the packs that hold them, part by part, so that memory does not grow with the disk. */
import { TandemError } from '../core/errors.ts'
import { segmentId } from './format/envelope.ts'
import type { DiskManifest } from './format/manifest.ts'
import { mapName } from './format/names.ts'
import { SEGMENT_BLOCKS } from './format/parameters.ts'
import { readSegment, type SegmentEntry } from './format/segment.ts'
import type { PackOrder, PackOrderEntry } from './pipeline/protocol.ts'
import { readObject, type Vault } from './vault.ts'

/** 8 GiB: a pack that two parts share is read in two pieces. */
const PART_SEGMENTS = 8

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

/** @throws TandemError VaultDamaged */
export async function* packOrders(vault: Vault, { disk, segments }: DiskManifest): AsyncIterable<PackOrder> {
  for (let first = 0; first < segments.length; first += PART_SEGMENTS) {
    const packs = new Map<string, PackOrderEntry[]>()
    for (const [number, id] of segments.slice(first, first + PART_SEGMENTS))
      for (const { packId, block, ...entry } of await readMap(vault, disk, number, id)) {
        const name = packId.toString('hex')
        const entries = packs.get(name) ?? []
        entries.push({ ...entry, block: number * SEGMENT_BLOCKS + block })
        packs.set(name, entries)
      }
    for (const [name, entries] of packs) yield { kind: 'pack', packId: Buffer.from(name, 'hex'), entries }
  }
}
