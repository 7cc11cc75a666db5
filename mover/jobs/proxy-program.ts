import { parseArgs } from 'node:util'
import type { ProxyJob } from '../../core/contracts/jobs.ts'
import { awsPorts } from '../../aws/ports.ts'
import { ebsSnapshotBlocks } from '../../aws/snapshot-blocks.ts'
import { kmsKey } from '../key-holders.ts'
import { openStore } from '../stores/location.ts'
import { openVault, type Vault } from '../vault.ts'
import { locationOf } from './copy-disk-job.ts'
import { proxyJob } from './proxy-job.ts'

/** With the key that the vault names itself. */
const open = async (place: ProxyJob['vault']): Promise<Vault> => openVault(await openStore(locationOf(place)), kmsKey())

/** Reads the job and carries it out with the instance's role. Resolves to whether all was copied. */
export async function runProxyProgram(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: { bucket: { type: 'string' }, job: { type: 'string' }, devices: { type: 'string' } },
  })
  const { bucket = '', job: key = '', devices = '/dev' } = values
  const { executions, post, clock } = awsPorts({ bucket })
  const job = await post.job(key)
  return proxyJob(job, { executions, post, clock, open, devices, blocks: ebsSnapshotBlocks() })
}
