/** Deletes what no copy needs any more (docs/vault-format.md, section 8). May be killed at any moment, and run beside copies and other expiries. */
import type { StoredObject } from '../../core/vault-store.ts'
import { ignoreDamage } from '../damage.ts'
import { readIndexPart } from '../format/index-part.ts'
import { PREFIX, tombstoneName } from '../format/names.ts'
import { readObject, type Vault } from '../vault.ts'
import { removeDue, type Verdicts } from './due-copies.ts'
import { listBelow, takeInventory, type Inventory, type Listing } from './inventory.ts'
import { markLive } from './live-records.ts'
import { repack, type Moved, type Repacking } from './repack.ts'
import type { Retention } from './retention.ts'
import { tellStoreTime } from './store-time.ts'

export interface Expiry {
  readonly vault: Vault
  readonly retention: Retention
  readonly graceMs: number
  /** Is told what is due once it is gone, long before the run ends. A run that dies earlier is followed by one that finds nothing of it due. */
  readonly onRemoved?: (verdicts: Verdicts) => Promise<void>
  /** Packs of which a smaller part is live are repacked; a half unless told. */
  readonly repackBelow?: number
  /** Of new packs; 16 MiB unless told. */
  readonly packBytes?: number
}

export interface ExpiryResult extends Verdicts {
  /** Objects that were deleted besides manifests. */
  readonly removedCount: number
  readonly removedBytes: number
  /** Packs and segments that will be deleted once the grace period is over. */
  readonly announcedCount: number
  readonly repackedCount: number
  readonly lockedCount: number
}

export const GRACE_MS = 24 * 3_600_000
const REPACK_BELOW = 0.5

/** @throws TandemError VaultDamaged when it is not known what a copy needs; AccessDenied, AwsUnavailable, DiskUnwritable */
export async function expireVault(expiry: Expiry): Promise<ExpiryResult> {
  const { vault, retention, graceMs } = expiry
  const time = await tellStoreTime(vault.store)
  // Before the manifests are read: a tombstone that is old by now is known to every copy that they do not show.
  const tombstones = await listBelow(vault, PREFIX.tombstones)
  const verdicts = await removeDue(vault, retention, { nowMs: time.nowMs, graceMs })
  await expiry.onRemoved?.(verdicts)
  const inventory = await takeInventory(vault)
  const segments = await markLive(vault, inventory)
  const sweep = new Sweep(expiry, time.nowMs, { tombstones, inventory, segments })
  await sweep.segments()
  await sweep.repackPacks()
  await sweep.packs()
  await sweep.moved()
  await sweep.index()
  await sweep.tombstones()
  await sweep.leftovers(time.name)
  const { damages, ...done } = sweep.result
  return { ...verdicts, ...done, damages: [...verdicts.damages, ...damages] }
}

interface Known {
  /** As they were before manifests were read. */
  readonly tombstones: Listing
  readonly inventory: Inventory
  /** Ids of the segments that copies need. */
  readonly segments: ReadonlySet<string>
}

class Sweep {
  readonly #expiry: Expiry
  readonly #nowMs: number
  readonly #known: Known
  readonly #announced = new Set<string>()
  readonly #damages: string[] = []
  #removedCount = 0
  #removedBytes = 0
  #repackedCount = 0
  #lockedCount = 0

  constructor(expiry: Expiry, nowMs: number, known: Known) {
    this.#expiry = expiry
    this.#nowMs = nowMs
    this.#known = known
  }

  get result() {
    return {
      removedCount: this.#removedCount,
      removedBytes: this.#removedBytes,
      announcedCount: this.#announced.size,
      repackedCount: this.#repackedCount,
      lockedCount: this.#lockedCount,
      damages: this.#damages,
    }
  }

  async segments(): Promise<void> {
    const { inventory, segments } = this.#known
    for (const [id, object] of inventory.maps) if (!segments.has(id)) await this.#retire(id, object)
  }

  async repackPacks(): Promise<void> {
    const { inventory, tombstones } = this.#known
    const { vault, packBytes } = this.#expiry
    const onMoved = async ({ packId, moves }: Moved): Promise<void> => {
      const pack = inventory.packs.numberOf(packId)
      if (pack !== undefined) for (const { from } of moves) inventory.packs.markMoved(pack, from)
      const id = packId.toString('hex')
      if (!tombstones.has(id)) await this.#announce(id)
      this.#repackedCount += 1
    }
    this.#damages.push(...(await repack(vault, this.#repackings(), { ...(packBytes ? { packBytes } : {}), onMoved })))
  }

  /** One after the other: what is to be moved is never in memory as a whole. */
  async *#repackings(): AsyncIterable<Repacking> {
    const { inventory, tombstones } = this.#known
    for (const { pack, object } of inventory.packs.listed()) {
      if (inventory.packs.liveCountOf(pack) === 0) continue
      const packId = inventory.packs.idOf(pack)
      if (!tombstones.has(packId.toString('hex')) && !this.#isSparse(pack, object)) continue
      const ordinals = await this.#unmovedOf(pack)
      if (ordinals.length > 0) yield { packId, ordinals }
    }
  }

  async packs(): Promise<void> {
    const { packs } = this.#known.inventory
    for (const { pack, object } of packs.listed())
      if ((await this.#unmovedOf(pack)).length === 0) await this.#retire(packs.idOf(pack).toString('hex'), object)
  }

  /** What says where the records of a pack went, once it is gone and none of them is needed. */
  async moved(): Promise<void> {
    const { moved, packs } = this.#known.inventory
    for (const [key, object] of moved) {
      const [packId = ''] = key.split('/')
      const pack = packs.numberOf(Buffer.from(packId, 'hex'))
      if (pack === undefined || (!packs.objectOf(pack) && packs.liveCountOf(pack) === 0)) await this.#remove(object)
    }
  }

  /** Index parts of which no pack may be used. */
  async index(): Promise<void> {
    const { inventory, tombstones } = this.#known
    for (const object of inventory.index.values()) {
      if (!this.#isOld(object)) continue
      const bytes = await readObject(this.#expiry.vault, object.name, 'no copy needs it').catch(ignoreDamage)
      const isUsed = (bytes && readIndexPart(bytes))?.some(
        ({ id }) => inventory.packs.isThere(id) && !tombstones.has(id.toString('hex')),
      )
      if (!isUsed) await this.#remove(object)
    }
  }

  async tombstones(): Promise<void> {
    const { inventory, tombstones } = this.#known
    for (const [id, object] of tombstones) {
      const isThere = inventory.maps.has(id) || inventory.packs.isThere(Buffer.from(id, 'hex'))
      if (!isThere && this.#isOld(object, 2)) await this.#remove(object)
    }
  }

  async leftovers(own: string): Promise<void> {
    const { vault, graceMs } = this.#expiry
    for (const object of (await listBelow(vault, PREFIX.expiry)).values())
      if (object.name === own || this.#isOld(object)) await vault.store.remove(object.name)
    this.#removedCount += await vault.store.removeUnfinished(this.#nowMs - graceMs)
  }

  /** Live records that are nowhere else. */
  async #unmovedOf(pack: number): Promise<number[]> {
    const { packs, moves } = this.#known.inventory
    const packId = packs.idOf(pack).toString('hex')
    const here = packs.liveOf(pack).filter((ordinal) => !packs.isMoved(pack, ordinal))
    if (!moves.has(packId)) return here
    const found: number[] = []
    for (const ordinal of here) if (!(await moves.placeOf(packId, ordinal))) found.push(ordinal)
    return found
  }

  #isSparse(pack: number, object: StoredObject): boolean {
    const liveBytes = this.#known.inventory.packs.liveBytesOf(pack)
    return this.#isOld(object) && liveBytes < object.sizeBytes * (this.#expiry.repackBelow ?? REPACK_BELOW)
  }

  #isOld({ writtenMs }: StoredObject, graceCount = 1): boolean {
    return this.#nowMs - writtenMs >= this.#expiry.graceMs * graceCount
  }

  /** First a tombstone for what is not needed, and much later the end. */
  async #retire(id: string, object: StoredObject): Promise<void> {
    const tombstone = this.#known.tombstones.get(id)
    if (tombstone) {
      if (this.#isOld(tombstone)) await this.#remove(object)
    } else if (this.#isOld(object)) await this.#announce(id)
  }

  async #announce(id: string): Promise<void> {
    await this.#expiry.vault.store.put(tombstoneName(id), Buffer.alloc(0))
    this.#announced.add(id)
  }

  async #remove({ name, sizeBytes }: StoredObject): Promise<void> {
    const outcome = await this.#expiry.vault.store.remove(name)
    if (outcome === 'locked') this.#lockedCount += 1
    if (outcome !== 'removed') return
    this.#removedCount += 1
    this.#removedBytes += sizeBytes
  }
}
