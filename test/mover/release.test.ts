import { expect, test } from 'vitest'
import { release } from '../../mover/release.ts'

test('a buffer that is given back is empty, and so are views of it', () => {
  const bytes = Buffer.alloc(1024 * 1024, 7)
  const view = bytes.subarray(10, 20)
  release(view)
  expect([bytes.length, view.length, bytes.buffer.byteLength]).toEqual([0, 0, 0])
})

test('a small buffer is left alone: it is a part of one that others share', () => {
  const [mine, others] = [Buffer.from('mine'), Buffer.from('others')]
  release(mine)
  expect([mine.toString(), others.toString()]).toEqual(['mine', 'others'])
})

test('memory that threads share is left alone', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(64 * 1024))
  release(shared)
  expect(shared.length).toBe(64 * 1024)
})
