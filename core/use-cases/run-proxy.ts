import { BLOCK_BYTES } from '../block-size.ts'
import type { CopyRecord, ProxyPlan } from '../contracts/copy-records.ts'
import type { runProxy as contract } from '../contracts/copy-tasks.ts'
import type { DeployedVaults } from '../contracts/policies.ts'
import type { PointIn } from '../contracts/records.ts'
import type { Copies, NewProxy, Proxies, ProxyLauncher, WorkerPost } from '../copy-ports.ts'
import { jobKeyOf, progressKeyOf } from '../worker-keys.ts'
import { proxyTokenOf } from '../derived-ids.ts'
import { isTandemError, TandemError } from '../errors.ts'
import { MINUTE_MS, plusMs } from '../instants.ts'
import type { Catalog, Clock, Ledger } from '../ports.ts'
import { deadlineMinutes, proxyDevice } from '../proxy-plan.ts'
import { TAGS } from '../tags.ts'
import { startWait, type WaitPorts } from '../waits.ts'
import { tagsOfProxies } from './end-proxies.ts'
import { placeOf } from './finish-copy.ts'
import { requireCompletePoint, requireCopy } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends WaitPorts {
  readonly catalog: Pick<Catalog, 'point'>
  readonly copies: Pick<Copies, 'copy'>
  readonly proxies: Pick<Proxies, 'observe' | 'tagged' | 'ensureTerminated'>
  readonly launcher: ProxyLauncher
  readonly ledger: Pick<Ledger, 'open' | 'made'>
  readonly post: Pick<WorkerPost, 'putJob'>
  readonly places: DeployedVaults
  readonly clock: Clock
  readonly owner: string
}

/**
 * Launches a proxy for some disks of a copy, and lets it answer the token. Each try has a token of its own, which a proxy of an
 * earlier try cannot answer any more: that one is ended first. FIG. 5.
 */
export const runProxy =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ proxy: place, attempt, token, ...subject }) => {
    const copy = await requireCopy(ports.copies, subject)
    const plan = copy.proxies[place]
    if (!plan) throw new TandemError('ContractBroken', `The copy of ${copy.point} has no proxy ${place}.`)
    const point = await requireCompletePoint(ports.catalog, copy.machine, copy.point)
    await endEarlierTries(ports, copy, place)
    const order = await orderOf(ports, copy, plan, point, { place, attempt, token })
    const item = `proxy:${place}`
    await ports.ledger.open({
      version: 1,
      run: copy.run,
      machine: copy.machine,
      item,
      purpose: `copies ${plan.disks.length} disks of ${copy.point} to vault ${copy.vault}`,
      openedAt: ports.clock.now(),
      deadline: order.tags[TAGS.expires] ?? ports.clock.now(),
    })
    const instance = await launch(ports.launcher, order, attempt)
    await ports.ledger.made({ run: copy.run, item }, instance)
    await startWait(ports, { kind: 'proxy-finished', token, resources: [instance], registeredAt: ports.clock.now() })
    return {}
  }

const tagsOfProxy = (owner: string, { run }: CopyRecord, place: number) => ({
  ...tagsOfProxies(owner, run),
  [TAGS.proxy]: String(place),
})

async function endEarlierTries({ proxies, owner }: Ports, copy: CopyRecord, place: number): Promise<void> {
  for (const { instance } of await proxies.tagged(tagsOfProxy(owner, copy, place)))
    await proxies.ensureTerminated(instance)
}

/** Writes the job, and says what is to be launched for it. */
async function orderOf(
  { post, places, clock, owner }: Ports,
  copy: CopyRecord,
  plan: ProxyPlan,
  point: PointIn<'complete'>,
  { place, attempt, token }: { readonly place: number; readonly attempt: number; readonly token: string },
): Promise<NewProxy> {
  const { bucket, prefix } = placeOf(places, copy)
  const disks = plan.disks.flatMap((index, number) => {
    const disk = copy.disks[index]
    return disk ? [{ ...disk, device: proxyDevice(number) }] : []
  })
  const job = jobKeyOf(copy, `${place}-${attempt}`)
  const progress = progressKeyOf(copy, `proxy-${place}`)
  await post.putJob(job, { version: 1, token, vault: { bucket, prefix }, takenAt: copy.capturedAt, disks, progress })
  const minutes = deadlineMinutes(disks.reduce((sum, { blockCount }) => sum + blockCount * BLOCK_BYTES, 0))
  return {
    clientToken: await proxyTokenOf(copy.run, place, attempt),
    instanceType: plan.instanceType,
    spot: attempt === 0,
    availabilityZone: point.configuration.availabilityZone,
    job,
    disks: disks.map(({ device, snapshot }) => ({ device, snapshot })),
    deadlineMinutes: minutes,
    tags: {
      ...tagsOfProxy(owner, copy, place),
      [TAGS.point]: copy.point,
      [TAGS.machine]: copy.machine,
      [TAGS.expires]: plusMs(clock.now(), minutes * MINUTE_MS),
    },
  }
}

/** Spot costs a third; where there is none, or where one was lost, an instance at the usual price. */
async function launch(launcher: ProxyLauncher, order: NewProxy, attempt: number): Promise<string> {
  try {
    return await launcher.ensureLaunched(order)
  } catch (error) {
    if (attempt > 0 || !isTandemError(error, 'NoCapacity', 'QuotaExceeded')) throw error
    return launcher.ensureLaunched({ ...order, spot: false, clientToken: `${order.clientToken}-od` })
  }
}
