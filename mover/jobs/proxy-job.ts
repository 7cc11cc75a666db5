/** What a proxy does: copies the disks that it was made with, or writes disks back, tells how far it is, and answers the workflow. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { DiskCopied, DiskToCopy, DiskWritten, ProxyJob } from '../../core/contracts/jobs.ts'
import type { SnapshotBlocks, WorkerPost } from '../../core/copy-ports.ts'
import { TandemError } from '../../core/errors.ts'
import type { Clock, Executions } from '../../core/ports.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { diskSizeOf } from '../disk-file.ts'
import { FileSource } from '../sources/file-source.ts'
import type { Vault } from '../vault.ts'
import { copyDiskJob, type DiskWork } from './copy-disk-job.ts'
import { ProgressOfDisks } from './progress-of-disks.ts'
import { ProgressPost } from './progress-post.ts'
import { writeDisk } from './write-disk.ts'

export interface ProxyPorts {
  readonly executions: Pick<Executions, 'succeed' | 'fail' | 'heartbeat'>
  readonly blocks: SnapshotBlocks
  readonly post: Pick<WorkerPost, 'putProgress'>
  readonly clock: Clock
  /** Opens the vault; a failure is answered like any other. */
  readonly open: (place: ProxyJob['vault']) => Promise<Vault>
  /** Folder of the disks' device files. */
  readonly devices: string
}

/** RunProxy waits for ten minutes. */
const HEARTBEAT_MS = 60_000
/** Disks of a launch are there before cloud-init is; their names may take a moment. */
const DEVICE_TRIES = 120
const DEVICE_PAUSE_MS = 1000

/**
 * Carries out the job and answers its token, with what was done or with why not. Resolves to whether all was done. When the
 * token is gone nobody waits any more, and another proxy may be at work: then it stops.
 */
export async function proxyJob(job: ProxyJob, ports: ProxyPorts): Promise<boolean> {
  const { executions } = ports
  const { promise: gone, reject } = Promise.withResolvers<never>()
  const beat = async (): Promise<void> => {
    // What cannot be sent just now is sent again in a minute.
    const sent = await executions.heartbeat(job.token).catch(() => 'sent')
    if (sent === 'gone') reject(new TandemError('LostRace', 'Nobody waits for this proxy any more.'))
  }
  const heart = setInterval(() => void beat(), HEARTBEAT_MS)
  try {
    const disks = await Promise.race([workAll(job, ports), gone])
    await executions.succeed(job.token, { disks })
    return true
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    await executions.fail(job.token, name, message)
    return false
  } finally {
    clearInterval(heart)
  }
}

async function workAll(job: ProxyJob, ports: ProxyPorts): Promise<(DiskCopied | DiskWritten)[]> {
  const told = new ProgressPost(ports.post, job.progress, ports.clock)
  const progress = new ProgressOfDisks(job.disks, told.report)
  const vault = await ports.open(job.vault)
  const done: (DiskCopied | DiskWritten)[] = []
  for (const work of worksOf(job, { vault, blocks: ports.blocks, onProgress: progress.ofDisk }, ports)) {
    done.push(await work.run())
    progress.diskDone(work)
  }
  await told.done()
  return done
}

interface Work {
  readonly blockCount: number
  run(): Promise<DiskCopied | DiskWritten>
}

/** What is to be done with each disk. */
function worksOf(job: ProxyJob, work: DiskWork, { devices, blocks }: ProxyPorts): Work[] {
  if (job.kind === 'recovery')
    return job.disks.map((disk) => ({
      blockCount: disk.blockCount,
      run: () => writeDisk(job.vault, disk, work),
    }))
  const { vault, takenAt, progress } = job
  return job.disks.map(({ device: name, ...disk }) => ({
    blockCount: disk.blockCount,
    async run() {
      const device = await checkedDevice(join(devices, name.replace(/^\/dev\//, '')), disk, blocks)
      return copyDiskJob({ vault, takenAt, disk, progress }, { ...work, device })
    },
  }))
}

/**
 * The device, once it is there, and once it is known to hold the snapshot: names of devices are given out by the guest, and a
 * mistake would make a copy of another disk.
 */
async function checkedDevice(
  path: string,
  { snapshot, volume, sizeBytes }: DiskToCopy,
  blocks: Pick<SnapshotBlocks, 'list' | 'read'>,
): Promise<string> {
  const size = await sizeOnceThere(path)
  if (size !== sizeBytes)
    throw new TandemError(
      'DiskUnreadable',
      `${path} has ${size} bytes, and ${snapshot} of ${volume} has ${sizeBytes}: it is another disk.`,
    )
  for await (const page of blocks.list(snapshot, { fromBlock: 0 })) {
    const [first] = page.blocks
    if (first?.token === undefined) continue
    const expected = await blocks.read(snapshot, { block: first.block, token: first.token })
    const actual = Buffer.alloc(BLOCK_BYTES)
    const source = new FileSource(path, sizeBytes)
    try {
      await source.read(first.block, 1, actual)
    } finally {
      source.close()
    }
    if (!actual.equals(expected))
      throw new TandemError(
        'DiskUnreadable',
        `Block ${first.block} of ${path} is not that of ${snapshot} of ${volume}: it is another disk, or somebody wrote to it.`,
      )
    return path
  }
  // A snapshot of zeros has no block to compare.
  return path
}

async function sizeOnceThere(path: string): Promise<number> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await diskSizeOf(path)
    } catch (error) {
      if (attempt === DEVICE_TRIES) throw error
      await pause(DEVICE_PAUSE_MS)
    }
}
