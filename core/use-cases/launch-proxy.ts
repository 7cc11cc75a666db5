import type { ProxyJob, ProxyPlan } from '../contracts/jobs.ts'
import type { NewProxy, Proxies, ProxyLauncher, WorkerPost } from '../copy-ports.ts'
import { BLOCK_BYTES } from '../block-size.ts'
import { proxyTokenOf } from '../derived-ids.ts'
import { isTandemError } from '../errors.ts'
import { MINUTE_MS, plusMs } from '../instants.ts'
import type { Clock, Ledger } from '../ports.ts'
import { deadlineMinutes } from '../proxy-plan.ts'
import { TAGS } from '../tags.ts'
import { startWait, type WaitPorts } from '../waits.ts'
import { jobKeyOf } from '../worker-keys.ts'
import { tagsOfProxies } from './end-proxies.ts'

export interface LaunchPorts extends WaitPorts {
  readonly proxies: Pick<Proxies, 'observe' | 'tagged' | 'ensureTerminated'>
  readonly launcher: ProxyLauncher
  readonly ledger: Pick<Ledger, 'open' | 'made'>
  readonly post: Pick<WorkerPost, 'putJob'>
  readonly clock: Clock
  readonly owner: string
}

/** Work of a run that a proxy is launched for. */
export interface ProxyWork {
  readonly run: string
  readonly machine: string
  readonly point: string
  readonly vault: string
  /** For people: `copies 2 disks of pt-… to vault main`. */
  readonly purpose: string
  /** Which of the run's proxies it is. */
  readonly place: number
  /** Retries of the Task so far. */
  readonly attempt: number
  readonly instanceType: ProxyPlan['instanceType']
  readonly job: ProxyJob
  /** Made with the instance, and gone with it. */
  readonly disks: NewProxy['disks']
  readonly availabilityZone?: string
}

/**
 * Launches a proxy and lets it answer the token of its job. Each try has a token of its own, which a proxy of an earlier try
 * cannot answer any more: that one is ended first. FIG. 5.
 */
export async function launchProxy(ports: LaunchPorts, work: ProxyWork): Promise<void> {
  const { ledger, launcher, clock } = ports
  const { run, machine, purpose, place } = work
  await endEarlierTries(ports, work)
  const order = await orderOf(ports, work)
  const item = `proxy:${place}`
  const openedAt = clock.now()
  await ledger.open({
    version: 1,
    run,
    machine,
    item,
    purpose,
    openedAt,
    deadline: order.tags[TAGS.expires] ?? openedAt,
  })
  const instance = await launch(launcher, order)
  await ledger.made({ run, item }, instance)
  const { token } = work.job
  await startWait(ports, { kind: 'proxy-finished', token, resources: [instance], registeredAt: clock.now() })
}

const tagsOfProxy = (owner: string, { run, place }: ProxyWork) => ({
  ...tagsOfProxies(owner, run),
  [TAGS.proxy]: String(place),
})

async function endEarlierTries({ proxies, owner }: LaunchPorts, work: ProxyWork): Promise<void> {
  for (const { instance } of await proxies.tagged(tagsOfProxy(owner, work))) await proxies.ensureTerminated(instance)
}

/** Writes the job, and says what is to be launched for it. */
async function orderOf({ post, clock, owner }: LaunchPorts, work: ProxyWork): Promise<NewProxy> {
  const { place, attempt, availabilityZone } = work
  const job = jobKeyOf(work, `${place}-${attempt}`)
  await post.putJob(job, work.job)
  const blockCount = work.job.disks.reduce((sum, disk) => sum + disk.blockCount, 0)
  const minutes = deadlineMinutes(blockCount * BLOCK_BYTES)
  return {
    clientToken: await proxyTokenOf(work.run, place, attempt),
    instanceType: work.instanceType,
    spot: attempt === 0,
    ...(availabilityZone === undefined ? {} : { availabilityZone }),
    job,
    disks: work.disks,
    deadlineMinutes: minutes,
    tags: {
      ...tagsOfProxy(owner, work),
      [TAGS.point]: work.point,
      [TAGS.machine]: work.machine,
      [TAGS.expires]: plusMs(clock.now(), minutes * MINUTE_MS),
    },
  }
}

/** Spot costs a third; where there is none, or where one was lost, an instance at the usual price. */
async function launch(launcher: ProxyLauncher, order: NewProxy): Promise<string> {
  try {
    return await launcher.ensureLaunched(order)
  } catch (error) {
    if (!order.spot || !isTandemError(error, 'NoCapacity', 'QuotaExceeded')) throw error
    return launcher.ensureLaunched({ ...order, spot: false, clientToken: `${order.clientToken}-od` })
  }
}
