import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { LargeDiskResult } from './large-disk.ts'

it('copies a disk of 16 TiB, lists what it has and writes it back within 256 MiB', async () => {
  const script = new URL('large-disk.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  const { blockCount, restoredBlocks, peakMiB } = JSON.parse(stdout) as LargeDiskResult
  expect({ blockCount, restoredBlocks }).toEqual({ blockCount: 512, restoredBlocks: 512 })
  expect(peakMiB).toBeLessThan(256)
})
