/**
 * pending → running → stopping → stopped, and shutting-down → terminated (AWS facts A.17). Every change of state is told by
 * an event; a change under way is called off when another begins.
 */
import { disksOf, removeAttachment } from './attachments.ts'
import { BOOT_MS, STOP_MS, TERMINATED_VISIBLE_MS, TERMINATE_MS } from './delays.ts'
import { emitInstanceState } from './events.ts'
import type { Account, Instance, StateReason } from './model.ts'
import { beginDeletion } from './volumes.ts'

const reason = (code: string, text: string): StateReason => ({ Code: code, Message: `${code}: ${text}` })

const USER_SHUTDOWN = reason('Client.UserInitiatedShutdown', 'User initiated shutdown')
const GUEST_SHUTDOWN = reason('Client.InstanceInitiatedShutdown', 'Instance initiated shutdown')
export const INTERNAL_ERROR = reason('Server.InternalError', 'Internal error on launch')
const VOLUME_FAILED = reason('Client.InternalError', 'Client error on launch')

export type EndedBy = 'user' | 'guest'

const utcText = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' GMT')

function enter(account: Account, instance: Instance, state: Instance['state']): void {
  instance.state = state
  emitInstanceState(account, instance)
}

/** Runs `finish` after the delay, unless another change begins before; `isCurrent` tells it so after each of its awaits. */
function later(
  account: Account,
  instance: Instance,
  delayMs: number,
  finish: (isCurrent: () => boolean) => Promise<void>,
): void {
  instance.cancelTransition()
  let current = true
  const cancelTimer = account.clock.after(delayMs, () => void account.clock.holding(() => finish(() => current)))
  instance.cancelTransition = () => {
    current = false
    cancelTimer()
  }
}

async function startGuest(account: Account, instance: Instance): Promise<void> {
  await Promise.allSettled(instance.captures)
  instance.guest = await account.guests.start({
    instanceId: instance.id,
    imageId: instance.image.id,
    userData: instance.userData === undefined ? undefined : Buffer.from(instance.userData, 'base64').toString(),
    disks: disksOf(instance),
    tags: Object.fromEntries(instance.tags),
    privateIpAddress: instance.privateIp,
  })
}

async function stopGuest(instance: Instance): Promise<void> {
  await Promise.allSettled([...instance.captures, instance.guestChange])
  const { guest } = instance
  instance.guest = undefined
  await guest?.stop()
}

/**
 * pending, and in time running. `ready` resolves to false when the instance cannot come up; then, or when its guest does not
 * start, `giveUp` says what becomes of it.
 */
export function beginBoot(
  account: Account,
  instance: Instance,
  ready: Promise<boolean>,
  giveUp: (why: StateReason) => void,
): void {
  instance.launchedMs = account.clock.now()
  instance.stateReason = undefined
  instance.transitionReason = ''
  enter(account, instance, 'pending')
  later(account, instance, BOOT_MS, async (isCurrent) => {
    const isReady = await ready
    if (!isCurrent()) return
    if (!isReady) {
      giveUp(VOLUME_FAILED)
      return
    }
    const starting = startGuest(account, instance)
    instance.guestChange = starting.catch(() => {})
    const hasStarted = await starting.then(
      () => true,
      () => false,
    )
    if (!isCurrent()) return
    if (!hasStarted) {
      giveUp(INTERNAL_ERROR)
      return
    }
    instance.runningSinceMs = account.clock.now()
    enter(account, instance, 'running')
  })
}

/** The end of a start that failed: back to stopped (AWS facts A.17). */
export function fallBack(account: Account, instance: Instance, why: StateReason): void {
  instance.stateReason = why
  instance.publicIp = undefined
  enter(account, instance, 'stopped')
}

export function beginStop(account: Account, instance: Instance, by: EndedBy): void {
  instance.stateReason = by === 'user' ? USER_SHUTDOWN : GUEST_SHUTDOWN
  instance.transitionReason = by === 'user' ? `User initiated (${utcText(account.clock.now())})` : ''
  instance.runningSinceMs = undefined
  enter(account, instance, 'stopping')
  const quiet = account.clock.holding(() => stopGuest(instance))
  instance.guestChange = quiet
  later(account, instance, STOP_MS, async (isCurrent) => {
    await quiet
    if (!isCurrent()) return
    instance.publicIp = undefined
    enter(account, instance, 'stopped')
  })
}

/** Volumes go or stay as their attachments say; a shared volume goes with the last instance that had it. */
function releaseVolumes(account: Account, instance: Instance): void {
  for (const attachment of instance.attachments.values()) {
    const { volume, deleteOnTermination } = attachment
    removeAttachment(attachment)
    if (deleteOnTermination && volume.attachments.length === 0) beginDeletion(account, volume)
  }
}

export function endTermination(account: Account, instance: Instance): void {
  releaseVolumes(account, instance)
  account.network.releasePrivateIp(instance.privateIp)
  instance.publicIp = undefined
  enter(account, instance, 'terminated')
  account.clock.after(TERMINATED_VISIBLE_MS, () => account.instances.delete(instance.id), { background: true })
}

export function beginTermination(account: Account, instance: Instance, by: EndedBy): void {
  instance.stateReason = by === 'user' ? USER_SHUTDOWN : GUEST_SHUTDOWN
  instance.transitionReason = by === 'user' ? `User initiated (${utcText(account.clock.now())})` : ''
  instance.runningSinceMs = undefined
  enter(account, instance, 'shutting-down')
  // First call off the change under way, so that a boot does not go on.
  instance.cancelTransition()
  const quiet = account.clock.holding(() => stopGuest(instance))
  instance.guestChange = quiet
  later(account, instance, TERMINATE_MS, async () => {
    await quiet
    endTermination(account, instance)
  })
}
