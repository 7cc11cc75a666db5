import { expect, it } from 'vitest'
import { askEach } from '../../core/at-once.ts'

/** Answers that come when they are told to. */
function askedFor(): { asked: number[]; ask: (item: number) => Promise<number>; answer: (item: number) => void } {
  const waiting = new Map<number, () => void>()
  const asked: number[] = []
  return {
    asked,
    ask: (item) => {
      asked.push(item)
      return new Promise((resolve) => waiting.set(item, () => resolve(item * 10)))
    },
    answer: (item) => waiting.get(item)!(),
  }
}

it('gives answers in the order of the items, however they come', async () => {
  const { asked, ask, answer } = askedFor()
  const answers = askEach([1, 2, 3], 3, ask)
  expect(asked).toEqual([1, 2, 3])
  for (const item of [3, 1, 2]) answer(item)
  expect(await answers).toEqual([10, 20, 30])
})

it('asks for the next when one has been answered, and never for more than so many', async () => {
  const { asked, ask, answer } = askedFor()
  const answers = askEach([1, 2, 3, 4], 2, ask)
  expect(asked).toEqual([1, 2])
  answer(2)
  await expect.poll(() => asked).toEqual([1, 2, 3])
  answer(3)
  await expect.poll(() => asked).toEqual([1, 2, 3, 4])
  answer(1)
  answer(4)
  expect(await answers).toEqual([10, 20, 30, 40])
})

it('fails with the first failure and asks for nothing after that', async () => {
  const { asked, ask, answer } = askedFor()
  const failing = (item: number): Promise<number> =>
    item === 2 ? Promise.reject(new Error('no answer for 2')) : ask(item)
  await expect(askEach([1, 2, 3, 4], 2, failing)).rejects.toThrow('no answer for 2')
  answer(1)
  await new Promise(setImmediate)
  expect(asked).toEqual([1])
})

it('answers for nothing when there is nothing to ask for', async () => {
  expect(await askEach([], 8, () => Promise.reject(new Error('asked')))).toEqual([])
})
