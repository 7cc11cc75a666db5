import { describe, expect, it } from 'vitest'
import type { ObjectStore, VaultStore } from '../../core/vault-store.ts'
import { release } from '../../mover/release.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

async function namesOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix)) names.push(name)
  return names
}

/** What every place of a vault has to do. `open` gives an empty store. */
export function storeConformance(kind: string, open: () => Promise<ObjectStore>): void {
  describe(`a vault in ${kind}`, () => {
    it('gives back what was written, whole and in parts', async () => {
      const store = await open()
      expect(await store.put('packs/a', bytes('0123456789'))).toBe('written')
      expect(await store.get('packs/a')).toEqual(bytes('0123456789'))
      expect(await store.range('packs/a', 2, 3)).toEqual(bytes('234'))
      expect(await store.range('packs/a', 8, 10)).toEqual(bytes('89'))
      expect(await store.tail('packs/a', 4)).toEqual(bytes('6789'))
      expect(await store.tail('packs/a', 400)).toEqual(bytes('0123456789'))
    })

    it("gives bytes that are the caller's alone, who may do with them what it likes", async () => {
      const store = await open()
      const written = Buffer.alloc(300_000, 1)
      await store.put('packs/a', written)
      for (const read of [
        () => store.get('packs/a'),
        () => store.range('packs/a', 0, 300_000),
        () => store.tail('packs/a', 300_000),
      ]) {
        const bytesRead = (await read()) ?? Buffer.alloc(0)
        release(bytesRead)
        expect(bytesRead.length).toBe(0)
        expect(await read()).toEqual(written)
      }
      expect(written).toEqual(Buffer.alloc(300_000, 1))
    })

    it('never changes what was written: the first one stays', async () => {
      const store = await open()
      await store.put('vault.json', bytes('first'))
      expect(await store.put('vault.json', bytes('second'))).toBe('taken')
      expect(await store.get('vault.json')).toEqual(bytes('first'))
    })

    it('lets exactly one of several writers of a name win, and keeps it whole', async () => {
      const store = await open()
      const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(100_000, index))
      const outcomes = await Promise.all(contents.map((content) => store.put('maps/x', content)))
      expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1)
      const kept = await store.get('maps/x')
      expect(kept).toEqual(contents[outcomes.indexOf('written')])
    })

    it('says of what is not there that it is not there', async () => {
      const store = await open()
      expect(await store.get('packs/none')).toBeUndefined()
      expect(await store.range('packs/none', 0, 1)).toBeUndefined()
      expect(await store.tail('packs/none', 1)).toBeUndefined()
      expect(await store.remove('packs/none')).toBe('absent')
      expect(await namesOf(store, 'packs/')).toEqual([])
    })

    it('lists names below a prefix in their order, with sizes', async () => {
      const store = await open()
      for (const name of ['disks/b/2', 'disks/a/1', 'disks/b/1', 'disks/b-2/1', 'index/1'])
        await store.put(name, bytes(name))
      expect(await namesOf(store, 'disks/')).toEqual(['disks/a/1', 'disks/b-2/1', 'disks/b/1', 'disks/b/2'])
      expect(await namesOf(store, 'disks/b/')).toEqual(['disks/b/1', 'disks/b/2'])
      for await (const { name, sizeBytes } of store.list('index/')) expect(sizeBytes).toBe(name.length)
    })

    it('removes an object once', async () => {
      const store = await open()
      await store.put('tombstones/a', bytes(''))
      expect(await store.get('tombstones/a')).toEqual(bytes(''))
      expect(await store.remove('tombstones/a')).toBe('removed')
      expect(await store.remove('tombstones/a')).toBe('absent')
    })
  })
}

/** What objects that come in pieces have to be, in every place of a vault. `open` gives an empty store. */
export function draftConformance(kind: string, open: () => Promise<VaultStore>): void {
  describe(`an object that comes in pieces into ${kind}`, () => {
    it('is there when it is finished, whole, and not before', async () => {
      const store = await open()
      const draft = store.draft('packs/a', 1_000)
      await draft.append([bytes('01'), bytes('23')])
      await draft.append([bytes('456789')])
      expect(await store.get('packs/a')).toBeUndefined()
      expect(await namesOf(store, '')).toEqual([])
      expect(await draft.finish()).toBe('written')
      expect(await store.get('packs/a')).toEqual(bytes('0123456789'))
      await draft.discard()
      expect(await namesOf(store, '')).toEqual(['packs/a'])
      expect(await store.removeUnfinished(Infinity)).toBe(0)
    })

    it('takes what its caller uses again right after, and keeps apart from others', async () => {
      const store = await open()
      const memory = Buffer.alloc(300_000)
      const drafts = ['packs/a', 'packs/b', 'packs/c'].map((name) => store.draft(name, 600_000))
      for (const piece of [1, 2])
        for (const [index, draft] of drafts.entries()) await draft.append([memory.fill(10 * index + piece)])
      for (const draft of drafts) await draft.finish()
      const again = store.draft('packs/d', 600_000)
      await again.append([memory.fill(99)])
      await again.finish()
      for (const [index, name] of ['packs/a', 'packs/b', 'packs/c'].entries())
        expect(await store.get(name)).toEqual(
          Buffer.concat([1, 2].map((piece) => Buffer.alloc(300_000, 10 * index + piece))),
        )
      expect(await store.get('packs/d')).toEqual(Buffer.alloc(300_000, 99))
    })

    it('leaves nothing when it is discarded, and cannot be finished then', async () => {
      const store = await open()
      const draft = store.draft('packs/a', 1_000)
      await draft.append([bytes('0123456789')])
      await draft.discard()
      expect(await namesOf(store, '')).toEqual([])
      expect(await store.removeUnfinished(Infinity)).toBe(0)
      await expect(draft.finish()).rejects.toThrow()
      expect(await store.get('packs/a')).toBeUndefined()
    })

    it('leaves what has its name as it is, and nothing of itself', async () => {
      const store = await open()
      await store.put('packs/a', bytes('first'))
      const draft = store.draft('packs/a', 1_000)
      await draft.append([bytes('second')])
      expect(await draft.finish()).toBe('taken')
      expect(await store.get('packs/a')).toEqual(bytes('first'))
      expect(await store.removeUnfinished(Infinity)).toBe(0)
    })

    it('may be empty', async () => {
      const store = await open()
      expect(await store.draft('tombstones/a', 0).finish()).toBe('written')
      expect(await store.get('tombstones/a')).toEqual(bytes(''))
    })
  })
}
