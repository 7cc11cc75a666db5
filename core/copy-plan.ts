import { BLOCK_BYTES, GIB } from './block-size.ts'
import type { ProxyPlan } from './contracts/jobs.ts'

/**
 * Proxy or direct: how the blocks of a copy come from its snapshots into the vault. The EBS direct APIs need no instance and cost
 * by the block; a proxy costs by the time, needs a minute to be there, and reads for nothing (docs/architecture.md, Copies). Pure.
 */

export interface DiskToMove {
  readonly sizeBytes: number
  /** That have to be read. */
  readonly blockCount: number
}

export interface CopyPath {
  readonly path: 'direct' | 'proxy'
  /** For people. */
  readonly reason: string
  /** Empty for the direct path. */
  readonly proxies: readonly ProxyPlan[]
}

/** GetSnapshotBlock, us-east-1 (AWS facts B): 0.003 $ per 1,000. */
const USD_PER_BLOCK = 0.003 / 1000
/** c7g.large, us-east-1; Linux is billed by the second, a minute at least. */
const PROXY_USD_PER_SECOND = 0.0725 / 3600
/** From RunInstances until the mover reads. */
const PROXY_START_SECONDS = 60
/** gp3 with 500 MiB/s reads faster than two cores compress. */
const PROXY_BYTES_PER_SECOND = 400e6
/** One Lambda with one core, reads, compresses and writes. Ours to measure: docs/unverified.md. */
const DIRECT_BYTES_PER_SECOND = 100e6
/** Of the 15 minutes that a Lambda has. A try that ends goes on where its packs were finished, but should not have to. */
const DIRECT_SECONDS_MAX = 10 * 60
/** What it may cost to need no instance: it can lack capacity, needs a network, and keeps an operator waiting. */
const NO_INSTANCE_USD = 0.05
/** Of a disk, by the time limit. */
export const DIRECT_BLOCKS_MAX = Math.floor((DIRECT_SECONDS_MAX * DIRECT_BYTES_PER_SECOND) / BLOCK_BYTES)

/** Fewer than a Nitro instance attaches at least (28, the root and interfaces among them; AWS facts A.14). */
const DISKS_PER_PROXY = 20

/** By the bytes that one of them moves: more cores and more bandwidth to EBS. */
const INSTANCE_TYPES = [
  { upToBytes: 100 * GIB, type: 'c7g.large' },
  { upToBytes: 1024 * GIB, type: 'c7g.xlarge' },
  { upToBytes: Number.POSITIVE_INFINITY, type: 'c7g.2xlarge' },
] as const

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
export const inDollars = (amount: number): string => (amount < 0.005 ? 'less than a cent' : `$${amount.toFixed(2)}`)

/** What a path would take, roughly: the work alone, at the list prices of us-east-1, without what the bucket costs. */
export interface Estimate {
  readonly seconds: number
  readonly usd: number
}

const proxySeconds = (blockCount: number): number =>
  PROXY_START_SECONDS + (blockCount * BLOCK_BYTES) / PROXY_BYTES_PER_SECOND

/** @param disks at least one */
export function estimateCopy(disks: readonly DiskToMove[]): Readonly<Record<CopyPath['path'], Estimate>> {
  const blockCount = sum(disks.map((disk) => disk.blockCount))
  const most = Math.max(...disks.map((disk) => disk.blockCount))
  const loads = proxiesFor(disks).map((proxy) => sum(proxy.disks.map((place) => disks[place]?.blockCount ?? 0)))
  return {
    // A Lambda for each disk, at the same time; so are the proxies.
    direct: { seconds: (most * BLOCK_BYTES) / DIRECT_BYTES_PER_SECOND, usd: blockCount * USD_PER_BLOCK },
    proxy: { seconds: proxySeconds(Math.max(...loads)), usd: sum(loads.map(proxySeconds)) * PROXY_USD_PER_SECOND },
  }
}

/**
 * @param disks at least one
 * @param wanted what an operator asked for
 */
export function planCopyPath(disks: readonly DiskToMove[], wanted?: CopyPath['path']): CopyPath {
  const blockCount = sum(disks.map((disk) => disk.blockCount))
  const { direct, proxy } = estimateCopy(disks)
  const proxies = proxiesFor(disks)
  const what = `${blockCount.toLocaleString('en')} blocks to read`
  if (wanted) return { path: wanted, proxies: wanted === 'proxy' ? proxies : [], reason: `${what}: asked for` }
  if (isTooMuchForLambda(disks))
    return {
      path: 'proxy',
      proxies,
      reason: `${what}: more than a Lambda reads of one disk in ${DIRECT_SECONDS_MAX / 60} minutes`,
    }
  const prices = `by the EBS direct APIs for ${inDollars(direct.usd)}, by a proxy for ${inDollars(proxy.usd)}`
  return direct.usd <= proxy.usd + NO_INSTANCE_USD
    ? { path: 'direct', proxies: [], reason: `${what}: ${prices}, which is not worth an instance` }
    : { path: 'proxy', proxies, reason: `${what}: ${prices}` }
}

/** Of one of these disks: a try would be ended by its time limit, and the next go on behind it. */
export const isTooMuchForLambda = (disks: readonly DiskToMove[]): boolean =>
  disks.some(({ blockCount }) => blockCount > DIRECT_BLOCKS_MAX)

/** As few as attach all disks. */
const proxiesFor = (disks: readonly DiskToMove[]): ProxyPlan[] =>
  sharedOut(disks, Math.ceil(disks.length / DISKS_PER_PROXY))

/** The disks on so many proxies, each with about as much to do. */
export function sharedOut(disks: readonly DiskToMove[], proxyCount: number): ProxyPlan[] {
  const loads = Array.from({ length: proxyCount }, () => ({ disks: [] as number[], bytes: 0 }))
  const byWork = disks.map(({ blockCount }, index) => ({ index, bytes: blockCount * BLOCK_BYTES }))
  for (const { index, bytes } of byWork.toSorted((left, right) => right.bytes - left.bytes)) {
    const free = loads.filter((load) => load.disks.length < DISKS_PER_PROXY)
    const lightest = free.reduce((least, load) => (load.bytes < least.bytes ? load : least))
    lightest.disks.push(index)
    lightest.bytes += bytes
  }
  return loads.map(({ disks: places, bytes }) => ({
    instanceType: INSTANCE_TYPES.find(({ upToBytes }) => bytes <= upToBytes)?.type ?? 'c7g.2xlarge',
    disks: places.toSorted((left, right) => left - right),
  }))
}
