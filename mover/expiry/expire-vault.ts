/** Deletes what no copy needs any more (docs/vault-format.md, section 8). May be killed at any moment, and run beside copies and other expiries. */
import type { StoredObject } from '../../core/vault-store.ts'
import { ignoreDamage } from '../damage.ts'
import { readIndexPart } from '../format/index-part.ts'
import { PREFIX, tombstoneName } from '../format/names.ts'
import type { FooterEntry } from '../format/pack.ts'
import { readObject, type Vault } from '../vault.ts'
import { removeDue, type Verdicts } from './due-copies.ts'
import { listBelow, takeInventory, type Inventory, type Listing } from './inventory.ts'
import { placeAfterMove, readLiveRecords, type LiveRecords } from './live-records.ts'
import { repack, type Moved, type Repacking } from './repack.ts'
import type { RetentionRule } from './retention.ts'
import { tellStoreTime } from './store-time.ts'

export interface Expiry {
  readonly vault: Vault
  readonly rule: RetentionRule
  readonly graceMs: number
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
  /** What could not be read, and stays as it is. */
  readonly damages: readonly string[]
}

export const GRACE_MS = 24 * 3_600_000
const REPACK_BELOW = 0.5

/** @throws TandemError VaultDamaged when it is not known what a copy needs; AccessDenied, AwsUnavailable, DiskUnwritable */
export async function expireVault(expiry: Expiry): Promise<ExpiryResult> {
  const { vault, rule, graceMs } = expiry
  const time = await tellStoreTime(vault.store)
  // Before the manifests are read: a tombstone that is old by now is known to every copy that they do not show.
  const tombstones = await listBelow(vault, PREFIX.tombstones)
  const verdicts = await removeDue(vault, rule, { nowMs: time.nowMs, graceMs })
  const inventory = await takeInventory(vault)
  const live = await readLiveRecords(vault, inventory.moves, (packId) => inventory.packs.has(packId))
  const sweep = new Sweep(expiry, time.nowMs, { tombstones, inventory, live })
  await sweep.segments()
  await sweep.repackPacks()
  await sweep.packs()
  await sweep.moved()
  await sweep.index()
  await sweep.tombstones()
  await sweep.leftovers(time.name)
  return { ...verdicts, ...sweep.result }
}

interface Known {
  /** As they were before manifests were read. */
  readonly tombstones: Listing
  readonly inventory: Inventory
  readonly live: LiveRecords
}

class Sweep {
  readonly #expiry: Expiry
  readonly #nowMs: number
  readonly #known: Known
  readonly #announced = new Set<string>()
  /** By pack id: ordinals that have been moved by this run. */
  readonly #moved = new Map<string, Set<number>>()
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
    const { inventory, live } = this.#known
    for (const [id, object] of inventory.maps) if (!live.segments.has(id)) await this.#retire(id, object)
  }

  async repackPacks(): Promise<void> {
    const { inventory, tombstones } = this.#known
    const repackings: Repacking[] = []
    for (const [id, object] of inventory.packs) {
      const records = this.#liveOf(id)
      if (records.length === 0) continue
      if (!tombstones.has(id) && !this.#isSparse(object, records)) continue
      repackings.push({
        packId: Buffer.from(id, 'hex'),
        records: records.filter(({ ordinal }) => !this.#isMoved(id, ordinal)),
      })
    }
    const { vault, packBytes } = this.#expiry
    const onMoved = async ({ packId, moves }: Moved): Promise<void> => {
      const id = packId.toString('hex')
      this.#moved.set(id, new Set(moves.map(({ from }) => from)))
      if (!tombstones.has(id)) await this.#announce(id)
      this.#repackedCount += 1
    }
    this.#damages.push(...(await repack(vault, repackings, { ...(packBytes ? { packBytes } : {}), onMoved })))
  }

  async packs(): Promise<void> {
    for (const [id, object] of this.#known.inventory.packs)
      if (this.#liveOf(id).every(({ ordinal }) => this.#isMoved(id, ordinal))) await this.#retire(id, object)
  }

  /** What says where the records of a pack went, once it is gone and none of them is needed. */
  async moved(): Promise<void> {
    const { inventory } = this.#known
    for (const [key, object] of inventory.moved) {
      const [packId = ''] = key.split('/')
      if (!inventory.packs.has(packId) && this.#liveOf(packId).length === 0) await this.#remove(object)
    }
  }

  /** Index parts of which no pack may be used. */
  async index(): Promise<void> {
    const { inventory, tombstones } = this.#known
    for (const object of inventory.index.values()) {
      if (!this.#isOld(object)) continue
      const bytes = await readObject(this.#expiry.vault, object.name, 'no copy needs it').catch(ignoreDamage)
      const isUsed = (bytes && readIndexPart(bytes))?.some(({ id }) => {
        const packId = id.toString('hex')
        return inventory.packs.has(packId) && !tombstones.has(packId)
      })
      if (!isUsed) await this.#remove(object)
    }
  }

  async tombstones(): Promise<void> {
    const { inventory, tombstones } = this.#known
    for (const [id, object] of tombstones)
      if (!inventory.packs.has(id) && !inventory.maps.has(id) && this.#isOld(object, 2)) await this.#remove(object)
  }

  async leftovers(own: string): Promise<void> {
    const { vault, graceMs } = this.#expiry
    for (const object of (await listBelow(vault, PREFIX.expiry)).values())
      if (object.name === own || this.#isOld(object)) await vault.store.remove(object.name)
    this.#removedCount += await vault.store.removeUnfinished(this.#nowMs - graceMs)
  }

  #liveOf(packId: string): FooterEntry[] {
    return [...(this.#known.live.packs.get(packId)?.values() ?? [])]
  }

  #isMoved(packId: string, ordinal: number): boolean {
    if (this.#moved.get(packId)?.has(ordinal)) return true
    const { moves, packs } = this.#known.inventory
    return placeAfterMove(moves, (id) => packs.has(id), packId, ordinal) !== undefined
  }

  #isSparse(object: StoredObject, records: readonly FooterEntry[]): boolean {
    const liveBytes = records.reduce((sum, { length }) => sum + length, 0)
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
