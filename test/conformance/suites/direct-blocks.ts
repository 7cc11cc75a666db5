import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from '../suite.ts'

const BLOCK_BYTES = 512 * 1024
const sum = (block: Buffer): string => createHash('sha256').update(block).digest('base64')

export const directBlocks: Suite = {
  name: 'direct blocks',
  async run({ run, refused, folder }) {
    const block = randomBytes(BLOCK_BYTES)
    const file = join(folder, 'block')
    writeFileSync(file, block)
    const put = (snapshot: string, index: number, checksum: string): string[] => [
      'ebs',
      'put-snapshot-block',
      '--snapshot-id',
      snapshot,
      '--block-index',
      String(index),
      '--block-data',
      file,
      '--data-length',
      String(BLOCK_BYTES),
      '--checksum',
      checksum,
      '--checksum-algorithm',
      'SHA256',
    ]
    const write = async (parent: string[], index: number): Promise<string> => {
      const started = await run(
        'starts a snapshot',
        ['ebs', 'start-snapshot', '--volume-size', '1', ...parent],
        (answer) => answer.is('Status', 'pending'),
      )
      const snapshot = started.text('SnapshotId')
      await run('writes a block', put(snapshot, index, sum(block)))
      await run('completes it', `ebs complete-snapshot --snapshot-id ${snapshot} --changed-blocks-count 1`)
      await run('waits until it is completed', `ec2 wait snapshot-completed --snapshot-ids ${snapshot}`)
      return snapshot
    }
    const first = await write([], 7)
    const second = await write(['--parent-snapshot-id', first], 9)
    await run('lists the blocks of both', `ebs list-snapshot-blocks --snapshot-id ${second}`, (answer) => {
      answer.is('BlockSize', BLOCK_BYTES)
      assert.deepEqual(
        (answer.at('Blocks') as { BlockIndex: number }[]).map(({ BlockIndex }) => BlockIndex),
        [7, 9],
      )
    })
    const changed = await run(
      'lists what changed',
      `ebs list-changed-blocks --first-snapshot-id ${first} --second-snapshot-id ${second}`,
      (answer) => {
        answer.is('ChangedBlocks.0.BlockIndex', 9)
        answer.is('ChangedBlocks.0.FirstBlockToken', undefined)
      },
    )
    const token = changed.text('ChangedBlocks.0.SecondBlockToken')
    const read = (blockToken: string): string[] => [
      'ebs',
      'get-snapshot-block',
      '--snapshot-id',
      second,
      '--block-index',
      '9',
      '--block-token',
      blockToken,
      join(folder, 'back'),
    ]
    await run('reads the block', read(token), (answer) => {
      answer.is('Checksum', sum(block))
      assert.ok(readFileSync(join(folder, 'back')).equals(block))
    })
    await refused('refuses a token that is none', read('bm9uZQ=='), 'ValidationException')
    const open = await run('starts another', 'ebs start-snapshot --volume-size 1')
    await refused(
      'refuses a block whose checksum is wrong',
      put(open.text('SnapshotId'), 0, sum(Buffer.from('other'))),
      'ValidationException',
    )
  },
}
