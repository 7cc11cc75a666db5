import { beforeEach, expect, test } from 'vitest'
import type { ProgressReport } from '../../core/contracts/jobs.ts'
import { plusMs } from '../../core/instants.ts'
import { ProgressPost } from '../../mover/jobs/progress-post.ts'
import { memoryClock, type MemoryClock } from '../core/memory.ts'
import { NOW } from '../core/samples.ts'

/** How far a worker is, told seldom enough to cost nothing, and never at the cost of the copy. */
const KEY = 'progress/run/main/proxy-0.json'
let clock: MemoryClock
let told: (ProgressReport & { readonly key: string })[]
let put: (key: string, report: ProgressReport) => Promise<void>
let post: ProgressPost

beforeEach(() => {
  clock = memoryClock()
  told = []
  put = async (key, report) => void told.push({ key, ...report })
  post = new ProgressPost({ putProgress: (key, report) => put(key, report) }, KEY, clock)
})

const progress = (doneBytes: number, remainingSeconds?: number) => ({
  doneBytes,
  totalBytes: 100,
  bytesPerSecond: 10,
  ...(remainingSeconds === undefined ? {} : { remainingSeconds }),
})
const doneBytes = async () => {
  await post.done()
  return told.map((report) => report.doneBytes)
}

test('the first report is told at once, under its key, with the time', async () => {
  post.report(progress(10, 9))
  await post.done()
  expect(told).toEqual([{ key: KEY, ...progress(10, 9), at: NOW }])
})

test('of the next fifteen seconds nothing is told, but for the end', async () => {
  post.report(progress(10))
  clock.pass(14_999)
  post.report(progress(20))
  clock.pass(1)
  post.report(progress(30))
  post.report(progress(100))
  expect(await doneBytes()).toEqual([10, 30, 100])
  expect(told.at(-1)).toEqual({ key: KEY, ...progress(100), at: plusMs(NOW, 15_000) })
})

test('what cannot be told is not told: the work goes on, and so does the telling', async () => {
  const works = put
  put = () => Promise.reject(new Error('no'))
  post.report(progress(10))
  await post.done()
  put = works
  clock.pass(15_000)
  post.report(progress(20))
  expect(await doneBytes()).toEqual([20])
})

test('reports arrive in their order, however long one takes', async () => {
  const { promise: slow, resolve } = Promise.withResolvers<void>()
  const works = put
  put = async (...report) => {
    put = works
    await slow
    await works(...report)
  }
  post.report(progress(10))
  clock.pass(15_000)
  post.report(progress(20))
  resolve()
  expect(await doneBytes()).toEqual([10, 20])
})
