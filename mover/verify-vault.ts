/** Looks whether everything that a copy needs is in the vault, and is what was written. */
import { askEach } from '../core/at-once.ts'
import { TandemError } from '../core/errors.ts'
import { readMap } from './blocks-of-copy.ts'
import { tellDamage } from './damage.ts'
import type { DiskManifest } from './format/manifest.ts'
import { footerEntries, isPackHeader, PACK_HEADER_BYTES, type FooterEntry } from './format/pack.ts'
import { readIndexPart } from './format/index-part.ts'
import type { NewPlace } from './format/moved.ts'
import { packName, PREFIX } from './format/names.ts'
import { MovedBlocks } from './moved-blocks.ts'
import { faultOfPoint, listPoints } from './points.ts'
import { SEGMENT_BLOCKS } from './format/parameters.ts'
import type { SegmentEntry } from './format/segment.ts'
import { readFooter } from './pipeline/known-packs.ts'
import { checkBlocks, type ReadOptions } from './read-disk.ts'
import { readCopy, readObject, type CopyName, type Vault } from './vault.ts'

export interface Finding {
  /** Key of the manifest of the copy that it makes unreadable; absent: none. */
  readonly copy?: string
  /** Names the object, the disk and the block. */
  readonly message: string
}

/** Index parts that cannot be read: no reader needs them, and new copies store again what they name. */
export async function verifyIndex(vault: Vault): Promise<Finding[]> {
  const findings: Finding[] = []
  for await (const { name } of vault.store.list(PREFIX.index)) {
    const fault = await readObject(vault, name, 'no copy needs it').then(
      (bytes) => (readIndexPart(bytes) ? undefined : `${name} in the vault at ${vault.store.url} is malformed.`),
      tellDamage,
    )
    if (fault !== undefined) findings.push({ message: fault })
  }
  return findings
}

/** Points whose copies are not what they were committed with. */
export async function verifyPoints(vault: Vault): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { name } of await listPoints(vault)) {
    const fault = await faultOfPoint(vault, name).catch(tellDamage)
    if (fault !== undefined) findings.push({ message: fault })
  }
  return findings
}

/**
 * Checks copies: manifests, maps, and that each block's record is where its pack's footer says; with `readData` also every block.
 * Goes on after a damage, with the next copy, or the next segment. @returns what is wrong, in the order found
 */
export async function verifyCopies(
  vault: Vault,
  copies: readonly Pick<CopyName, 'name'>[],
  {
    readData,
    ...options
  }: { readonly readData: boolean } & Pick<ReadOptions, 'location' | 'threadCount' | 'onProgress'>,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { name } of copies) {
    const note = (error: unknown): void => void findings.push({ copy: name, message: tellDamage(error) })
    let manifest: DiskManifest
    try {
      manifest = await readCopy(vault, name)
    } catch (error) {
      note(error)
      continue
    }
    const damaged = findings.length
    await checkPlaces(vault, manifest, note)
    if (readData && findings.length === damaged) await checkBlocks({ ...options, vault, manifest }).catch(note)
  }
  return findings
}

/** A vault of thousands of packs has as many footers. */
const FOOTERS_AT_ONCE = 16

/** Notes the first fault of each pack. */
async function checkPlaces(
  vault: Vault,
  { disk, segments }: DiskManifest,
  note: (error: unknown) => void,
): Promise<void> {
  const places = new Places(vault)
  const noted = new Set<string>()
  for (const [number, id] of segments)
    try {
      const packs = Map.groupBy(await readMap(vault, disk, number, id), ({ packId }) => packId.toString('hex'))
      const open = [...packs].filter(([pack]) => !noted.has(pack))
      const faults = await askEach(open, FOOTERS_AT_ONCE, ([, entries]) =>
        places.faultOf(entries, (block) => `block ${number * SEGMENT_BLOCKS + block} of ${disk}`),
      )
      for (const [at, [pack]] of open.entries()) {
        if (faults[at] === undefined) continue
        noted.add(pack)
        note(faults[at])
      }
    } catch (error) {
      note(error)
    }
}

/** Footers that are kept while a copy is looked at: neighbouring segments use the same packs. */
const FOOTERS_MAX = 256

/** Whether records are where maps say, by the footers of packs; also where packs were repacked. */
class Places {
  readonly #vault: Vault
  readonly #moved: MovedBlocks
  /** undefined: the pack is gone. */
  readonly #footers = new Map<string, Promise<FooterEntry[] | undefined>>()

  constructor(vault: Vault) {
    this.#vault = vault
    this.#moved = new MovedBlocks(vault)
  }

  /** @returns what is wrong with the first entry of a pack that is not where its map says, undefined when all are */
  async faultOf(entries: readonly SegmentEntry[], nameOf: (block: number) => string): Promise<unknown> {
    try {
      for (const entry of entries) {
        if (await this.#holds(entry)) continue
        const pack = `${packName(entry.packId)} in the vault at ${this.#vault.store.url}`
        return new TandemError('VaultDamaged', `${pack} does not hold ${nameOf(entry.block)} where its map says.`)
      }
      return undefined
    } catch (error) {
      return error
    }
  }

  /** @throws TandemError VaultDamaged when the pack is damaged, or missing */
  async #holds({ packId, id, ...place }: NewPlace & { readonly id: Buffer }): Promise<boolean> {
    const footer = await this.#footerOf(packId)
    if (footer) {
      const record = footer[place.ordinal]
      return (
        record !== undefined && record.id.equals(id) && record.offset === place.offset && record.length === place.length
      )
    }
    const now = await this.#moved.find(packId, place.ordinal)
    if (now) return this.#holds({ ...now, id })
    throw new TandemError('VaultDamaged', `${packName(packId)} in the vault at ${this.#vault.store.url} is missing.`)
  }

  #footerOf(packId: Buffer): Promise<FooterEntry[] | undefined> {
    const name = packId.toString('hex')
    const footer = this.#footers.get(name) ?? this.#read(packId)
    footer.catch(() => {}) // noted by whoever awaits it
    if (!this.#footers.has(name) && this.#footers.size >= FOOTERS_MAX) this.#footers.clear()
    this.#footers.set(name, footer)
    return footer
  }

  /** The footer of a pack whose head is right as well. */
  async #read(packId: Buffer): Promise<FooterEntry[] | undefined> {
    const { store } = this.#vault
    const name = packName(packId)
    const head = await store.range(name, 0, PACK_HEADER_BYTES)
    if (!head) return undefined
    if (isPackHeader(head, packId)) return footerEntries(await readFooter(this.#vault, packId))
    throw new TandemError('VaultDamaged', `${name} in the vault at ${store.url} has a head that is not its own.`)
  }
}
