import { parseArgs } from 'node:util'
import { awsPorts } from '../../aws/ports.ts'
import { ebsSnapshotBlocks } from '../../aws/snapshot-blocks.ts'
import { kmsKey } from '../key-holders.ts'
import { openStore } from '../stores/location.ts'
import { openVault } from '../vault.ts'
import { locationOf } from './copy-disk-job.ts'
import { proxyJob } from './proxy-job.ts'

/** Reads the job and carries it out with the instance's role. Resolves to whether all was copied. */
export async function runProxyProgram(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: { bucket: { type: 'string' }, job: { type: 'string' }, devices: { type: 'string' } },
  })
  const { bucket = '', job: key = '', devices = '/dev' } = values
  const { executions, post, clock } = awsPorts({ bucket })
  const job = await post.job(key)
  try {
    const vault = await openVault(await openStore(locationOf(job.vault)), kmsKey())
    return await proxyJob(job, { executions, post, clock, vault, devices, blocks: ebsSnapshotBlocks() })
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    await executions.fail(job.token, name, message)
    return false
  }
}
