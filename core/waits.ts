import type { WaitRecord } from './contracts/records.ts'
import type { ObservedProxy, Proxies } from './copy-ports.ts'
import { isTandemError, TandemError } from './errors.ts'
import type {
  Executions,
  Guests,
  Machines,
  ObservedSnapshot,
  ObservedVolume,
  PowerState,
  Snapshots,
  Volumes,
  Waits,
} from './ports.ts'

/**
 * Waiting is event-driven: a task registers who waits for what, then looks once (so that an event that came before the
 * registration is not missed), and the event that comes later looks with the same eyes. Events say only "look": what counts
 * is what EC2 shows, so a duplicated, reordered or forged event ends no wait too early.
 */
export type Verdict =
  | { readonly state: 'waiting' }
  | { readonly state: 'there'; readonly output: unknown }
  | { readonly state: 'failed'; readonly error: string; readonly cause: string }

const WAITING: Verdict = { state: 'waiting' }
const THERE: Verdict = { state: 'there', output: {} }
const failed = (error: string, cause: string): Verdict => ({ state: 'failed', error, cause })

export function judgeSnapshots(resources: readonly string[], observed: readonly ObservedSnapshot[]): Verdict {
  const broken = observed.find(({ state }) => state !== 'pending' && state !== 'completed')
  if (broken)
    return failed(
      'SnapshotFailed',
      `${broken.snapshot} of ${broken.volume} is ${broken.state}: ${broken.stateMessage ?? 'EC2 gives no reason'}. No disk of the point is kept.`,
    )
  const done = resources.every((id) => observed.some(({ snapshot, state }) => snapshot === id && state === 'completed'))
  return done ? THERE : WAITING
}

/** A volume that is attached already is as good as available: an earlier, interrupted run may have come that far. */
export function judgeVolumes(resources: readonly string[], observed: readonly ObservedVolume[]): Verdict {
  const broken = observed.find(({ state }) => state === 'error' || state === 'deleting' || state === 'deleted')
  if (broken)
    return failed(
      'VolumeFailed',
      `${broken.volume} is ${broken.state}, so the machine's disks are left as they are. Check the volume's key and quota.`,
    )
  const done = resources.every((id) =>
    observed.some(({ volume, state }) => volume === id && (state === 'available' || state === 'in-use')),
  )
  return done ? THERE : WAITING
}

export function judgeStopped(machine: string, power: PowerState): Verdict {
  if (power === 'stopped') return THERE
  if (power === 'terminated' || power === 'shutting-down')
    return failed(
      'MachineTerminated',
      `${machine} was terminated while it was being stopped. Its volumes are kept as far as they outlived it.`,
    )
  return WAITING
}

export function judgeRunning(machine: string, power: PowerState, stateReason: string | undefined): Verdict {
  if (power === 'running') return THERE
  if (power === 'stopped' || power === 'stopping')
    return failed(
      'MachineDidNotStart',
      `${machine} went back to ${power} instead of running (${stateReason ?? 'EC2 gives no reason'}).`,
    )
  if (power === 'terminated' || power === 'shutting-down')
    return failed(
      'MachineTerminated',
      `${machine} is ${power} instead of running (${stateReason ?? 'EC2 gives no reason'}).`,
    )
  return WAITING
}

/**
 * A proxy answers its token itself, and ends then: one that has ended and whose token still waits was lost. One that EC2 does not
 * know is not known yet (AWS facts A.19), or ended an hour ago: then the heartbeat has told.
 */
export function judgeProxy(instance: string, observed: ObservedProxy | undefined): Verdict {
  if (observed?.state !== 'terminated' && observed?.state !== 'stopped') return WAITING
  return failed(
    'ProxyLost',
    `${instance} ended before it had reported (${observed.stateReason ?? 'EC2 gives no reason'}). Its disks went with it.`,
  )
}

export interface WaitPorts {
  readonly machines: Pick<Machines, 'observe'>
  readonly volumes: Pick<Volumes, 'observe'>
  readonly snapshots: Pick<Snapshots, 'observe'>
  readonly guests: Pick<Guests, 'result'>
  readonly proxies: Pick<Proxies, 'observe'>
  readonly waits: Waits
  readonly executions: Pick<Executions, 'succeed' | 'fail'>
}

async function look(ports: WaitPorts, wait: WaitRecord): Promise<Verdict> {
  const [first = ''] = wait.resources
  switch (wait.kind) {
    case 'snapshots-completed':
      return judgeSnapshots(wait.resources, await ports.snapshots.observe(wait.resources))
    case 'volumes-available':
      return judgeVolumes(wait.resources, await ports.volumes.observe(wait.resources))
    case 'machine-stopped': {
      const { power } = await ports.machines.observe(first)
      return judgeStopped(first, power)
    }
    case 'machine-running': {
      const { power, stateReason } = await ports.machines.observe(first)
      return judgeRunning(first, power, stateReason)
    }
    case 'command-finished': {
      const { state } = await ports.guests.result(wait.machine ?? '', first)
      return state === 'running'
        ? WAITING
        : { state: 'there', output: { command: state === 'succeeded' ? first : null } }
    }
    case 'proxy-finished':
      return judgeProxy(first, await ports.proxies.observe(first))
    default:
      return wait.kind satisfies never
  }
}

/** One wait, filed under each of its resources. */
export const waitRecords = (wait: Omit<WaitRecord, 'version' | 'resource'>): WaitRecord[] =>
  wait.resources.map((resource) => ({ ...wait, version: 1, resource }))

/**
 * Looks, and ends the wait if it is decided; true when this call ended it. Harmless to repeat and to race: Step Functions
 * takes the first answer for a token and calls every later one gone.
 */
export async function endIfDecided(ports: WaitPorts, wait: WaitRecord): Promise<boolean> {
  const verdict = await look(ports, wait)
  if (verdict.state === 'waiting') return false
  const sent =
    verdict.state === 'there'
      ? await ports.executions.succeed(wait.token, verdict.output)
      : await ports.executions.fail(wait.token, verdict.error, verdict.cause)
  // Only after the answer: a crash in between leaves a record that the next event tidies away, not a wait that nobody ends.
  await ports.waits.forget(waitRecords(wait))
  return sent === 'sent'
}

/**
 * Registers the wait, then looks once. The order matters: an event between the two finds the record. Whoever else waits for the
 * same resources is looked at too: a try of the same task whose time ran out has left its records, and no event may come for them.
 */
export async function startWait(ports: WaitPorts, wait: Omit<WaitRecord, 'version' | 'resource'>): Promise<void> {
  if (wait.resources.length === 0) throw new TandemError('ContractBroken', `A wait for ${wait.kind} names no resource.`)
  await ports.waits.register(waitRecords(wait))
  await wakeWaits(ports, wait.resources)
}

/** Ends the waits for these resources that are decided. One wait that cannot be looked at does not keep the others waiting. */
export async function wakeWaits(ports: WaitPorts, resources: readonly string[]): Promise<number> {
  const failures: TandemError[] = []
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!isTandemError(error)) throw error
      failures.push(error)
    }
  }
  const byToken = new Map<string, WaitRecord>()
  for (const resource of resources)
    await attempt(async () => {
      for (const wait of await ports.waits.waitingFor(resource)) byToken.set(wait.token, wait)
    })
  let endedCount = 0
  for (const wait of byToken.values())
    await attempt(async () => {
      if (await endIfDecided(ports, wait)) endedCount += 1
    })
  const [first] = failures
  if (first) throw first
  return endedCount
}
