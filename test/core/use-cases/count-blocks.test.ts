import { describe, expect, test } from 'vitest'
import { DIRECT_BLOCKS_MAX } from '../../../core/copy-plan.ts'
import { TandemError, type ErrorName } from '../../../core/errors.ts'
import { countBlocks } from '../../../core/use-cases/count-blocks.ts'
import { GIB, memoryBlocks, memorySnapshot } from '../copying.ts'
import { snapshotOf } from '../samples.ts'

/** How many blocks a copy has to read. */
const [SNAPSHOT, EARLIER, OTHER] = [snapshotOf(1), snapshotOf(2), snapshotOf(3)]
const blocks = memoryBlocks(
  new Map([
    [SNAPSHOT, memorySnapshot('root', { 0: 'a', 1: 'B', 7: 'c', 9: 'd', 11: 'e' })],
    [EARLIER, memorySnapshot('root', { 0: 'a', 1: 'b', 7: 'c' })],
    [OTHER, memorySnapshot('data', {})],
  ]),
)
const count = (snapshot: string, since?: string) => countBlocks(blocks, snapshot, 8 * GIB, since)

describe('the blocks to read are', () => {
  test.each<[string, string | undefined, number, boolean]>([
    ['all that were written, of all pages, without an earlier snapshot', undefined, 5, false],
    ['those that differ from an earlier one', EARLIER, 3, true],
    ['all, when the earlier one is of another lineage', OTHER, 5, false],
    ['all, when the earlier one is gone', snapshotOf(99), 5, false],
  ])('%s', async (_, since, blockCount, isComparable) => {
    expect(await count(SNAPSHOT, since)).toEqual({ blockCount, isComparable })
  })

  test('unknown when the snapshot itself is gone: that is told, whatever it was to be compared with', async () => {
    for (const since of [undefined, EARLIER])
      await expect(count(snapshotOf(98), since)).rejects.toMatchObject({ name: 'SnapshotMissing' })
  })

  test.each<ErrorName>(['AccessDenied', 'AwsThrottled'])(
    'unknown after %s, which a full copy would not help',
    async (error) => {
      const list = (): never => {
        throw new TandemError(error, 'no')
      }
      await expect(countBlocks({ list }, SNAPSHOT, 8 * GIB, EARLIER)).rejects.toMatchObject({ name: error })
    },
  )
})

test('counting ends where a Lambda could not read on: the disk counts whole, and is asked about no further', async () => {
  let pageCount = 0
  const list = async function* list() {
    for (;;) {
      pageCount += 1
      yield { blocks: Array.from({ length: DIRECT_BLOCKS_MAX }, (_, block) => ({ block })), isLast: false }
    }
  }
  expect(await countBlocks({ list }, SNAPSHOT, 100 * GIB)).toEqual({ blockCount: 204_800, isComparable: false })
  expect(pageCount).toBe(2)
})
