import { expect, it } from 'vitest'
import { TandemError, type ErrorName } from '../../core/errors.ts'
import { RetryingStore } from '../../mover/stores/retrying-store.ts'
import { InterposedStore, type Interposer, type StoreCall } from './interposed-store.ts'
import { MemoryStore } from './memory-store.ts'
import { draftConformance, storeConformance } from './store-conformance.ts'

const instantly = { pause: async () => {}, random: () => 0.5 }
const bytes = Buffer.from('content')

storeConformance('memory', async () => new MemoryStore())
draftConformance('memory', async () => new MemoryStore())

async function failingEveryOtherTime(): Promise<RetryingStore> {
  const counts = new Map<string, number>()
  const fail = ({ operation, name }: StoreCall): void => {
    const count = (counts.get(operation + name) ?? 0) + 1
    counts.set(operation + name, count)
    if (count % 2 === 1) throw new TandemError('AwsUnavailable', 'no answer')
  }
  return new RetryingStore(new InterposedStore(new MemoryStore(), { before: fail }), instantly)
}
storeConformance('a store that fails every other time', failingEveryOtherTime)
draftConformance('a store that fails every other time', failingEveryOtherTime)

/** A store that fails its first calls, and the pauses that were made. */
function failing(name: ErrorName, times: number, when: keyof Interposer = 'before') {
  const pauses: number[] = []
  const memory = new MemoryStore()
  let left = times
  const fail = (): void => {
    left -= 1
    if (left >= 0) throw new TandemError(name, 'on purpose')
  }
  const store = new RetryingStore(new InterposedStore(memory, { [when]: fail }), {
    pause: async (ms) => void pauses.push(ms),
    random: () => 0.5,
  })
  return { store, memory, pauses }
}

it('takes an object for its own that a try wrote whose answer was lost', async () => {
  const { store } = failing('AwsUnavailable', 1, 'after')
  expect(await store.put('packs/a', bytes)).toBe('written')
})

it('does not take another one’s object for its own', async () => {
  const { store, memory } = failing('AwsUnavailable', 1)
  await memory.put('packs/a', Buffer.from('another'))
  expect(await store.put('packs/a', bytes)).toBe('taken')
})

it('waits at random, twice as long each time, and gives up after ten tries', async () => {
  const { store, pauses } = failing('AwsThrottled', 100)
  await expect(store.get('packs/a')).rejects.toMatchObject({ name: 'AwsThrottled' })
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
})

it.each(['AccessDenied', 'DiskUnwritable', 'VaultNotFound', 'UnexpectedAwsError'] as const)(
  'does not try again what ended with %s',
  async (name) => {
    const { store, pauses } = failing(name, 1)
    await expect(store.put('packs/a', bytes)).rejects.toMatchObject({ name })
    expect(pauses).toEqual([])
  },
)

it('lists every name once, although the listing breaks off in the middle', async () => {
  const memory = new MemoryStore()
  for (const name of ['maps/a', 'maps/b', 'maps/c', 'maps/d']) await memory.put(name, bytes)
  let breaks = 0
  const broken = Object.assign(Object.create(memory) as MemoryStore, {
    async *list(prefix: string) {
      let count = 0
      for await (const object of memory.list(prefix)) {
        count += 1
        if (count === 3 && breaks < 2) {
          breaks += 1
          throw new TandemError('AwsUnavailable', 'the page did not come')
        }
        yield object
      }
    },
  })
  const listed: string[] = []
  for await (const { name } of new RetryingStore(broken, instantly).list('maps/')) listed.push(name)
  expect(listed).toEqual(['maps/a', 'maps/b', 'maps/c', 'maps/d'])
  expect(breaks).toBe(2)
})
