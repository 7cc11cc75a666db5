import { BLOCK_BYTES } from './block-size.ts'
import { sharedOut, type CopyPath, type DiskToMove } from './copy-plan.ts'

/**
 * How the blocks of a copy come from the vault into new snapshots. Lambdas and proxies write them by the same calls and at the
 * same price; a Lambda is there at once and has 15 minutes, a proxy is there after a minute and has a day
 * (docs/architecture.md, recover-point). Pure.
 */

/** One Lambda with one core reads, opens, checks and writes so much. Ours to measure: docs/unverified.md. */
const WRITE_BYTES_PER_SECOND = 60e6
/** Of the 15 minutes that a Lambda has: a try that its time limit ends begins anew. */
const WRITE_SECONDS_MAX = 10 * 60
const WRITE_BLOCKS_MAX = Math.floor((WRITE_SECONDS_MAX * WRITE_BYTES_PER_SECOND) / BLOCK_BYTES)
/** As many as recover-point runs at a time: somebody waits for the disks. */
const PROXIES_MAX = 5
/** PutSnapshotBlock, us-east-1 (AWS facts B): 0.006 $ per 1,000. */
const USD_PER_BLOCK = 0.006 / 1000

/**
 * @param disks at least one
 * @param wanted what an operator asked for
 */
export function planRecoveryPath(disks: readonly DiskToMove[], wanted?: CopyPath['path']): CopyPath {
  const blockCount = disks.reduce((sum, disk) => sum + disk.blockCount, 0)
  const largest = Math.max(...disks.map((disk) => disk.blockCount))
  const what = `${blockCount.toLocaleString('en')} blocks to write for $${(blockCount * USD_PER_BLOCK).toFixed(2)}`
  const proxies = sharedOut(disks, Math.min(PROXIES_MAX, disks.length))
  if (wanted) return { path: wanted, proxies: wanted === 'proxy' ? proxies : [], reason: `${what}: asked for` }
  return largest <= WRITE_BLOCKS_MAX
    ? { path: 'direct', proxies: [], reason: `${what}: a Lambda for each disk is there at once` }
    : {
        path: 'proxy',
        proxies,
        reason: `${what}: more than a Lambda writes of one disk in ${WRITE_SECONDS_MAX / 60} minutes`,
      }
}
