/** Looks whether everything that a copy needs is in the vault, and is what was written. */
import { readMap } from './blocks-of-copy.ts'
import type { DiskManifest } from './format/manifest.ts'
import { isPackHeader, PACK_HEADER_BYTES, type FooterEntry } from './format/pack.ts'
import { readIndexPart } from './format/index-part.ts'
import { packName, PREFIX } from './format/names.ts'
import { SEGMENT_BLOCKS } from './format/parameters.ts'
import { readFooter } from './pipeline/known-packs.ts'
import { TandemError, isTandemError } from '../core/errors.ts'
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
      (error: unknown) => {
        if (isTandemError(error, 'VaultDamaged')) return error.message
        throw error
      },
    )
    if (fault !== undefined) findings.push({ message: fault })
  }
  return findings
}

/** Footers that are kept while a copy is looked at: neighbouring segments use the same packs. */
const FOOTERS_MAX = 256

/**
 * Checks copies: manifests, maps, and that each block's record is where its pack's footer says; with `readData` also every block.
 * Goes on after a damage, with the next copy, or the next segment. @returns what is wrong, in the order found
 */
export async function verifyCopies(
  vault: Vault,
  copies: readonly CopyName[],
  {
    readData,
    ...options
  }: { readonly readData: boolean } & Pick<ReadOptions, 'location' | 'threadCount' | 'onProgress'>,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { name } of copies) {
    const note = (error: unknown): void => {
      if (!isTandemError(error, 'VaultDamaged')) throw error
      findings.push({ copy: name, message: error.message })
    }
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

/** The footer of a pack whose head is right as well. @throws TandemError VaultDamaged */
async function checkedFooter(vault: Vault, packId: Buffer): Promise<FooterEntry[]> {
  const entries = await readFooter(vault, packId)
  const name = packName(packId)
  const head = await vault.store.range(name, 0, PACK_HEADER_BYTES)
  if (head && isPackHeader(head, packId)) return entries
  throw new TandemError('VaultDamaged', `${name} in the vault at ${vault.store.url} has a head that is not its own.`)
}

async function checkPlaces(
  vault: Vault,
  { disk, segments }: DiskManifest,
  note: (error: unknown) => void,
): Promise<void> {
  const footers = new Map<string, Promise<FooterEntry[]>>()
  const footerOf = (packId: Buffer): Promise<FooterEntry[]> => {
    const name = packId.toString('hex')
    const footer = footers.get(name) ?? checkedFooter(vault, packId)
    footer.catch(() => {}) // noted by whoever awaits it
    if (!footers.has(name) && footers.size >= FOOTERS_MAX) footers.clear()
    footers.set(name, footer)
    return footer
  }
  const told = new Set<string>()
  for (const [number, id] of segments)
    try {
      for (const entry of await readMap(vault, disk, number, id)) {
        const name = entry.packId.toString('hex')
        if (told.has(name)) continue
        const footer = await footerOf(entry.packId).catch((error: unknown) => {
          told.add(name)
          note(error)
        })
        const place = footer?.[entry.ordinal]
        if (
          !footer ||
          (place && place.id.equals(entry.id) && place.offset === entry.offset && place.length === entry.length)
        )
          continue
        told.add(name)
        const block = number * SEGMENT_BLOCKS + entry.block
        note(
          new TandemError(
            'VaultDamaged',
            `${packName(entry.packId)} in the vault at ${vault.store.url} does not hold block ${block} of ${disk} where its map says.`,
          ),
        )
      }
    } catch (error) {
      note(error)
    }
}
