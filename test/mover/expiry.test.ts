import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { expireVault, GRACE_MS, type ExpiryResult } from '../../mover/expiry/expire-vault.ts'
import { judge, keepNewest } from '../../mover/expiry/retention.ts'
import { mapName, PREFIX } from '../../mover/format/names.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { commitPoint } from '../../mover/points.ts'
import { isTandemError } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { listCopies } from '../../mover/vault.ts'
import { Died, dyingAt, InterposedStore } from './interposed-store.ts'
import type { MemoryStore } from './memory-store.ts'
import { Turns } from './turns.ts'
import { image } from './vault-folder.ts'
import { makeVaultInMemory, TAKEN_AT_MS, type VaultInMemory } from './vault-memory.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NEWEST = { keepCount: 1, keepDays: 0 }

const NOISE = Array.from({ length: 6 }, () => image('#'))
/** Blocks of noise by their numbers; `.`: zeros. */
const disk = (blocks: string): Buffer =>
  Buffer.concat(blocks.split('').map((kind) => (kind === '.' ? image('.') : (NOISE[Number(kind)] ?? image(kind)))))

const expire = (vault: VaultInMemory, store: VaultStore = vault.store, rule = NEWEST): Promise<ExpiryResult> =>
  expireVault({
    vault: vault.vaultOf(store),
    retention: keepNewest(rule),
    graceMs: GRACE_MS,
    packBytes: BLOCK_BYTES - 1,
  })

const namesBelow = ({ objects }: MemoryStore, prefix: string): string[] =>
  [...objects.keys()].filter((name) => name.startsWith(prefix))

/** A day later, again and again, until everything that can go has gone: for longer than two grace periods nothing has changed. */
async function expireForWeeks(vault: VaultInMemory): Promise<void> {
  for (let [day, quietDays, before] = [0, 0, '']; day < 8 && quietDays < 3; day += 1) {
    vault.store.nowMs += DAY_MS
    await expire(vault)
    const after = [...vault.store.objects.keys()].toSorted().join()
    quietDays = after === before ? quietDays + 1 : 0
    before = after
  }
}

/** Two copies of a disk, of which a rule keeps the newer one: packs of two records, a half of each is needed. */
async function twoCopies(vault: VaultInMemory) {
  const options = { packBytes: 2 * BLOCK_BYTES - 1 }
  const older = await vault.copy(disk('0123'), vault.store, options)
  vault.store.nowMs += DAY_MS
  const content = disk('0.2.4')
  const { name } = await vault.copy(content, vault.store, { ...options, takenAtMs: TAKEN_AT_MS + DAY_MS })
  vault.store.nowMs += DAY_MS
  return { older: older.name, name, content }
}

const taken = (days: number, disk = 'vol-1', writtenDays = days) => ({
  name: `${disk} ${days}`,
  of: disk,
  takenAtMs: -days * DAY_MS,
  writtenMs: -writtenDays * DAY_MS,
})
const kept = (rule: { keepCount: number; keepDays: number }, candidates: ReturnType<typeof taken>[]): string[] =>
  judge(candidates, rule, { nowMs: 0, graceMs: GRACE_MS })
    .filter(({ isDue }) => !isDue)
    .map(({ name, reason }) => `${name}: ${reason}`)

describe('a rule of retention', () => {
  it('keeps the newest so many of each disk, and what is young, and says why', () => {
    const candidates = [taken(1), taken(2), taken(3), taken(9), taken(5, 'vol-2')]
    expect(kept({ keepCount: 2, keepDays: 3.5 }, candidates)).toEqual([
      'vol-1 1: the newest of vol-1',
      'vol-1 2: one of the 2 newest of vol-1',
      'vol-1 3: younger than 3.5 days',
      'vol-2 5: the newest of vol-2',
    ])
  })

  it('never lets go of the newest, nor of what was written just now', () => {
    expect(kept({ keepCount: 0, keepDays: 0 }, [taken(400), taken(500), taken(600, 'vol-1', 0.5)])).toEqual([
      'vol-1 400: the newest of vol-1',
      'vol-1 600: written within the grace period',
    ])
  })
})

describe('an expiry', () => {
  it('deletes a copy at once, and what only that copy needed after the grace period', async () => {
    const vault = makeVaultInMemory()
    const { name, content } = await twoCopies(vault)
    const first = await expire(vault)
    expect(first.copies.filter(({ isDue }) => isDue)).toHaveLength(1)
    expect((await listCopies(vault.vaultOf(vault.store))).map((copy) => copy.name)).toEqual([name])
    const packs = namesBelow(vault.store, PREFIX.packs).length
    expect(first.announcedCount).toBeGreaterThan(0)
    vault.store.nowMs += GRACE_MS - 1
    await expire(vault)
    expect(namesBelow(vault.store, PREFIX.packs)).toHaveLength(packs)
    vault.store.nowMs += 1
    await expire(vault)
    expect(namesBelow(vault.store, PREFIX.packs).length).toBeLessThan(packs)
    expect((await vault.restore(name)).equals(content)).toBe(true)
  })

  it('leaves in the end what the copies need, and nothing else', async () => {
    const vault = makeVaultInMemory()
    const { name, content } = await twoCopies(vault)
    await expireForWeeks(vault)
    expect((await vault.restore(name)).equals(content)).toBe(true)
    expect(await vault.findings()).toEqual([])
    const packBytes = namesBelow(vault.store, PREFIX.packs).map(
      (pack) => vault.store.objects.get(pack)?.bytes.length ?? 0,
    )
    // Three blocks of noise are live; a pack adds a hundred bytes or two.
    expect(packBytes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(3.01 * BLOCK_BYTES)
    expect(namesBelow(vault.store, PREFIX.maps)).toHaveLength(1)
    expect([...namesBelow(vault.store, PREFIX.tombstones), ...namesBelow(vault.store, PREFIX.expiry)]).toEqual([])
  })

  it('follows blocks that were moved twice', async () => {
    const vault = makeVaultInMemory()
    const options = { packBytes: 6 * BLOCK_BYTES - 1 }
    const contents = ['012345', '01....', '0.....'].map(disk)
    for (const [index, content] of contents.entries()) {
      await vault.copy(content, vault.store, {
        ...options,
        takenAtMs: TAKEN_AT_MS + index * DAY_MS,
        disk: `vol-${index}`,
      })
    }
    const names = (await listCopies(vault.vaultOf(vault.store))).map(({ name }) => name)
    // Another newest copy of each disk makes the one before it due.
    for (const index of [0, 1]) {
      await vault.copy(disk('.'), vault.store, { takenAtMs: TAKEN_AT_MS + 9 * DAY_MS, disk: `vol-${index}` })
      vault.store.nowMs += 2 * DAY_MS
      await expireVault({
        vault: vault.vaultOf(vault.store),
        retention: keepNewest(NEWEST),
        graceMs: GRACE_MS,
        packBytes: 4 * BLOCK_BYTES,
      })
      await expireForWeeks(vault)
    }
    const repacked = namesBelow(vault.store, PREFIX.moved).map((name) => name.split('/')[1])
    expect(new Set(repacked).size).toBe(2)
    expect((await vault.restore(names[2] ?? '')).equals(contents[2] ?? Buffer.of())).toBe(true)
    expect(await vault.findings()).toEqual([])
  })

  it('is one whose copies new copies build on: blocks that were moved are read again, and not stored again', async () => {
    const vault = makeVaultInMemory()
    const { content } = await twoCopies(vault)
    await expireForWeeks(vault)
    const next = { takenAtMs: TAKEN_AT_MS + 20 * DAY_MS, changedBlocks: [] }
    const { name, manifest } = await vault.copy(content, vault.store, next)
    expect(manifest.mode).toBe('incremental')
    expect(manifest.stats.newBytes).toBe(0)
    expect((await vault.restore(name)).equals(content)).toBe(true)
    await expireForWeeks(vault)
    expect((await vault.restore(name)).equals(content)).toBe(true)
  })

  it('keeps what Object Lock holds, with all that it needs', async () => {
    const vault = makeVaultInMemory()
    const { older } = await twoCopies(vault)
    vault.store.locked.add(older)
    await expireForWeeks(vault)
    expect((await vault.restore(older)).equals(disk('0123'))).toBe(true)
    vault.store.locked.clear()
    for (const name of namesBelow(vault.store, PREFIX.packs)) vault.store.locked.add(name)
    await expireForWeeks(vault)
    expect(await vault.findings()).toEqual([])
    const { lockedCount } = await expire(vault)
    expect(lockedCount).toBeGreaterThan(0)
  })

  it('keeps the copies of a point that stays, and lets them go with it', async () => {
    const vault = makeVaultInMemory()
    const opened = vault.vaultOf(vault.store)
    const { older, content, name } = await twoCopies(vault)
    const point = { machine: 'i-1', capturedAtMs: TAKEN_AT_MS, machineConfiguration: {} }
    await commitPoint(opened, { ...point, pointId: 'pt-1', copies: [older] })
    await expireForWeeks(vault)
    expect((await vault.restore(older)).equals(disk('0123'))).toBe(true)
    await commitPoint(opened, { ...point, pointId: 'pt-2', capturedAtMs: TAKEN_AT_MS + DAY_MS, copies: [name] })
    await expireForWeeks(vault)
    expect((await listCopies(opened)).map((copy) => copy.name)).toEqual([name])
    expect((await vault.restore(name)).equals(content)).toBe(true)
  })

  it('deletes no pack when it cannot tell what a copy needs', async () => {
    const vault = makeVaultInMemory()
    const { name } = await twoCopies(vault)
    const before = namesBelow(vault.store, PREFIX.packs)
    const object = vault.store.objects.get(name)
    if (object) vault.store.objects.set(name, { ...object, bytes: Buffer.from('damaged') })
    await expect(expire(vault)).rejects.toMatchObject({ name: 'VaultDamaged', message: expect.stringContaining(name) })
    expect(namesBelow(vault.store, PREFIX.packs)).toEqual(before)
    expect(namesBelow(vault.store, PREFIX.tombstones)).toEqual([])
  })

  it('leaves a pack of which a needed block is damaged as it is, and names it', async () => {
    const vault = makeVaultInMemory()
    await twoCopies(vault)
    const [pack = ''] = namesBelow(vault.store, PREFIX.packs)
    const object = vault.store.objects.get(pack)
    const bytes = Buffer.from(object?.bytes ?? [])
    bytes.fill(0, 100, 200)
    if (object) vault.store.objects.set(pack, { ...object, bytes })
    const { damages } = await expire(vault)
    expect(damages).toEqual([expect.stringContaining(pack)])
    await expireForWeeks(vault)
    expect(vault.store.objects.has(pack)).toBe(true)
  })
})

describe.each(['before', 'after'] as const)('an expiry that dies %s any call of its store', (when) => {
  it('leaves every copy readable, and the next ones finish its work', async () => {
    // On the first day it announces and moves, on the second it deletes.
    for (const daysBefore of [0, 1]) {
      const origin = makeVaultInMemory()
      const { name, content } = await twoCopies(origin)
      for (let day = 0; day < daysBefore; day += 1) {
        await expire(origin)
        origin.store.nowMs += DAY_MS
      }
      const sound = new Map(origin.store.objects)
      const { nowMs } = origin.store
      const counting = new InterposedStore(origin.store, {})
      await expire(origin, counting)
      for (let ordinal = 1; ordinal <= counting.callCount; ordinal += 1) {
        origin.store.objects.clear()
        for (const [key, object] of sound) origin.store.objects.set(key, object)
        origin.store.nowMs = nowMs
        await expect(expire(origin, new InterposedStore(origin.store, dyingAt(ordinal, when)))).rejects.toBeInstanceOf(
          Died,
        )
        expect((await origin.restore(name)).equals(content)).toBe(true)
        await expireForWeeks(origin)
        expect((await origin.restore(name)).equals(content)).toBe(true)
        expect(namesBelow(origin.store, PREFIX.maps)).toHaveLength(1)
        expect(namesBelow(origin.store, PREFIX.tombstones)).toEqual([])
      }
    }
  })
})

/** Numbers from a seed (mulberry32). */
function drawsOf(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

describe('copies and expiries at once', () => {
  it('in any order of their calls, and however long they take: no copy that is committed misses a block', async () => {
    let [retries, moved] = [0, 0]
    for (let seed = 1; seed <= 8; seed += 1) {
      const vault = makeVaultInMemory()
      const { store } = vault
      const draw = drawsOf(seed)
      // Mostly all happens within minutes, else in days: then copies notice that they stood still, and begin anew.
      const isQuick = seed % 4 !== 1
      // Blocks 1, 3 and 5 are what only copies need that go: nobody has announced it yet, or a day ago, or two.
      const other = await vault.copy(disk('135'), store, { disk: 'vol-9' })
      const { older } = await twoCopies(vault)
      await store.remove(other.name)
      const days = draw(2) * draw(3)
      if (days === 0) await store.remove(older)
      for (let day = 1; day < days; day += 1) {
        await expire(vault)
        store.nowMs += DAY_MS
      }
      const turns = new Turns(draw, (pending) => {
        // Hours pass between any two calls, but not between a look for tombstones and the commit.
        const isCommitting = pending.some(({ call }) => call.operation === 'put' && call.name.startsWith(PREFIX.disks))
        if (!isQuick && !isCommitting && draw(60) === 0) store.nowMs += draw(4 * HOUR_MS)
      })
      const contents = [disk('0123'), disk('13.5')]
      const copying = { count: contents.length }
      const copyOne = async (content: Buffer, index: number): Promise<string> => {
        const options = {
          takenAtMs: TAKEN_AT_MS + (10 + index) * DAY_MS,
          disk: `vol-${1 + (index % 2)}`,
          nowMs: () => store.nowMs,
        }
        for (;;)
          try {
            const made = await turns.act(`copy ${index}`, (it) =>
              vault.copy(content, new InterposedStore(store, it), options),
            )
            copying.count -= 1
            return made.name
          } catch (error) {
            if (!isTandemError(error, 'LostRace')) throw error
            retries += 1
          }
      }
      const expireOften = async (actor: string): Promise<void> => {
        for (let run = 0; run < 30 && copying.count > 0; run += 1) {
          const result = await turns.act(actor, (it) =>
            expire(vault, new InterposedStore(store, it), { keepCount: 9, keepDays: 0 }),
          )
          moved += result.repackedCount
          store.nowMs += draw(isQuick ? 60_000 : 8 * HOUR_MS)
        }
      }
      const [names] = await Promise.all([
        Promise.all(contents.map(copyOne)),
        expireOften('expiry 1'),
        expireOften('expiry 2'),
      ])
      for (let round = 0; round < 2; round += 1) {
        for (const [index, name] of names.entries())
          expect((await vault.restore(name)).equals(contents[index] ?? Buffer.of()), `seed ${seed}`).toBe(true)
        for (let day = 0; day < 3; day += 1) {
          store.nowMs += DAY_MS
          await expire(vault, store, { keepCount: 9, keepDays: 0 })
        }
      }
    }
    // That they do get in each other's way.
    expect(retries + moved).toBeGreaterThan(5)
  })
})

it('a segment that is about to go is written under another id', async () => {
  const vault = makeVaultInMemory()
  const { manifest } = await vault.copy(disk('01'), vault.store)
  const [[, segment] = [0, '']] = manifest.segments
  await vault.store.put(`${PREFIX.tombstones}${segment}`, Buffer.of())
  const { name, manifest: later } = await vault.copy(disk('01'), vault.store, { takenAtMs: TAKEN_AT_MS + DAY_MS })
  expect(later.segments[0]?.[1]).not.toBe(segment)
  await vault.store.remove(mapName(Buffer.from(segment, 'hex')))
  expect((await vault.restore(name)).equals(disk('01'))).toBe(true)
})

it('a copy whose packs get a tombstone while it is made stores their blocks again', async () => {
  const vault = makeVaultInMemory()
  await vault.copy(disk('01'), vault.store)
  const [pack = ''] = namesBelow(vault.store, PREFIX.packs)
  const dooming = new InterposedStore(vault.store, {
    async before({ operation, name }) {
      if (operation === 'put' && name.startsWith(PREFIX.maps))
        await vault.store.put(pack.replace(PREFIX.packs, PREFIX.tombstones), Buffer.of())
    },
  })
  const copyId = randomBytes(16)
  const { name, manifest } = await vault.copy(disk('01'), dooming, { takenAtMs: TAKEN_AT_MS + DAY_MS, copyId })
  expect(manifest.stats.newBytes).toBe(BLOCK_BYTES)
  await vault.store.remove(pack)
  expect((await vault.restore(name)).equals(disk('01'))).toBe(true)
})
