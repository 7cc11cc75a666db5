/**
 * pending → running → stopping → stopped, and shutting-down → terminated (AWS facts A.17). Every change of state is told by
 * an event; a change under way is called off when another begins.
 */
import { disksOf, removeAttachment } from '../volumes/attachments.ts'
import { BOOT_MS, SPOT_NOTICE_MS, STOP_MS, TERMINATED_VISIBLE_MS, TERMINATE_MS } from '../delays.ts'
import { toInstanceOutput } from './describe-instances.ts'
import { emitInstanceState, emitSpotWarning } from '../events.ts'
import { runOf } from '../model.ts'
import type { Account } from '../model.ts'
import type { Instance, StateReason, Transition } from './model.ts'
import { primaryInterfaceOf, releaseInterfaces, takePublicIp } from '../network/interface-states.ts'
import { closeSpotRequest } from './spot.ts'
import { beginDeletion } from '../volumes/volume-states.ts'

const reason = (code: string, text: string): StateReason => ({ Code: code, Message: `${code}: ${text}` })

const USER_SHUTDOWN = reason('Client.UserInitiatedShutdown', 'User initiated shutdown')
const GUEST_SHUTDOWN = reason('Client.InstanceInitiatedShutdown', 'Instance initiated shutdown')
export const INTERNAL_ERROR = reason('Server.InternalError', 'Internal error on launch')
const VOLUME_FAILED = reason('Client.InternalError', 'Client error on launch')

const SPOT_TERMINATION = reason('Server.SpotInstanceTermination', 'Spot instance termination')

/** What failed launches are told as, by the code that a host may plan (AWS facts A.17). */
const LAUNCH_FAILURES: Readonly<Record<string, string>> = {
  'Client.VolumeLimitExceeded': 'Volume limit exceeded',
  'Client.InternalError': 'Client error on launch',
  'Client.InvalidSnapshot.NotFound': 'The specified snapshot does not exist',
  'Server.InternalError': 'Internal error on launch',
  'Server.InsufficientInstanceCapacity': 'Insufficient capacity to satisfy instance request',
}

/** Why the next launch will end terminated, if that was planned. */
export function launchFailure({ troubles: { failingLaunches } }: Account): StateReason | undefined {
  const code = failingLaunches.shift()
  return code === undefined ? undefined : failureOf(code)
}

/** Why an instance did not come up, in EC2's words. */
export const failureOf = (code: string): StateReason =>
  reason(code, LAUNCH_FAILURES[code] ?? 'Internal error on launch')

type EndedBy = 'user' | 'guest' | 'spot'

const REASONS: Readonly<Record<EndedBy, StateReason>> = {
  user: USER_SHUTDOWN,
  guest: GUEST_SHUTDOWN,
  spot: SPOT_TERMINATION,
}

const transitionReasonOf = ({ clock }: Account, by: EndedBy): string => {
  if (by === 'spot') return `Server.SpotInstanceTermination (${utcText(clock.now())})`
  return by === 'user' ? `User initiated (${utcText(clock.now())})` : ''
}

const utcText = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' GMT')

function enter(account: Account, instance: Instance, state: Instance['state']): void {
  instance.state = state
  emitInstanceState(account, instance)
}

/** Ends the change when it is due, unless another begins before: then the instance's transition is another one. */
function follow(account: Account, instance: Instance, transition: Transition): void {
  const run = runOf(account, instance)
  run.cancelTransition()
  instance.transition = transition
  run.cancelTransition = account.clock.after(
    transition.dueMs - account.clock.now(),
    () => void account.clock.holding(() => ENDS[transition.to](account, instance, transition)),
  )
}

async function startGuest(account: Account, instance: Instance): Promise<void> {
  const run = runOf(account, instance)
  await Promise.allSettled(run.captures)
  if (instance.hasGuest === false) return
  run.guest = await account.guests.start({
    instanceId: instance.id,
    imageId: instance.image.id,
    program: instance.image.software.program,
    userData: instance.userData === undefined ? undefined : Buffer.from(instance.userData, 'base64').toString(),
    disks: disksOf(account, instance),
    tags: Object.fromEntries(instance.tags),
    privateIpAddress: primaryInterfaceOf(account, instance)?.privateIps[0] ?? '',
    reservationId: instance.reservationId,
    describe: () => toInstanceOutput(account, instance),
  })
}

async function stopGuest(account: Account, instance: Instance): Promise<void> {
  const run = runOf(account, instance)
  await Promise.allSettled([...run.captures, run.guestChange])
  const { guest } = run
  run.guest = undefined
  await guest?.stop()
  keepConsole(account, instance)
}

/** What the guest has said is known after it is gone, and after a restart of the account (GetConsoleOutput). */
export function keepConsole(account: Account, instance: Instance): void {
  const text = account.guests.console?.(instance.id)
  if (text !== undefined) instance.console = { text, atMs: account.clock.now() }
}

/** Begins to stop the guest, which may take its time: whatever wants it still waits for `guestChange`. */
export function quieten(account: Account, instance: Instance): void {
  runOf(account, instance).guestChange = account.clock.holding(() => stopGuest(account, instance))
}

/** pending, and in time running, or what `otherwise` says if a volume or the guest does not come up. */
export function beginBoot(account: Account, instance: Instance, how: Pick<Transition, 'otherwise' | 'fails'>): void {
  instance.launchedMs = account.clock.now()
  instance.stateReason = undefined
  instance.transitionReason = ''
  enter(account, instance, 'pending')
  follow(account, instance, { ...how, to: 'running', dueMs: account.clock.now() + BOOT_MS })
}

async function disksAreReady({ running }: Account, { attachments }: Instance): Promise<boolean> {
  const ready = await Promise.all(
    [...attachments.values()].map(
      ({ volume }) => running.volumeCreations.get(volume.id) ?? Promise.resolve(volume.state !== 'error'),
    ),
  )
  return ready.every(Boolean)
}

async function endBoot(account: Account, instance: Instance, transition: Transition): Promise<void> {
  const isReady = transition.fails === undefined && (await disksAreReady(account, instance))
  if (instance.transition !== transition) return
  if (!isReady) {
    giveUp(account, instance, transition, transition.fails ?? VOLUME_FAILED)
    return
  }
  const hasStarted = await bringUp(account, instance)
  if (instance.transition !== transition) return
  if (!hasStarted) {
    giveUp(account, instance, transition, INTERNAL_ERROR)
    return
  }
  instance.transition = undefined
  instance.runningSinceMs = account.clock.now()
  enter(account, instance, 'running')
}

/** A reboot keeps the state, the addresses and the volumes: nobody but the guest notices. */
export function reboot(account: Account, instance: Instance): void {
  const run = runOf(account, instance)
  const before = [...run.captures, run.guestChange]
  instance.runningSinceMs = account.clock.now()
  run.guestChange = account.clock.holding(async () => {
    await Promise.allSettled(before)
    await run.guest?.reboot()
  })
}

/** Warns a spot instance, and takes it when the notice is over (AWS facts A.17). */
export function interrupt(account: Account, instance: Instance): void {
  instance.interruptionMs = account.clock.now() + SPOT_NOTICE_MS
  emitSpotWarning(account, instance)
  followInterruption(account, instance)
}

function followInterruption(account: Account, instance: Instance): void {
  const { interruptionMs } = instance
  if (interruptionMs === undefined) return
  account.clock.after(interruptionMs - account.clock.now(), () => {
    if (instance.state === 'running' || instance.state === 'pending') beginTermination(account, instance, 'spot')
  })
}

/** Whether the guest came up. */
export function bringUp(account: Account, instance: Instance): Promise<boolean> {
  const hasStarted = startGuest(account, instance).then(
    () => true,
    () => false,
  )
  runOf(account, instance).guestChange = hasStarted
  return hasStarted
}

/** A launch that fails ends terminated; a start that fails falls back to stopped (AWS facts A.17). */
function giveUp(account: Account, instance: Instance, { otherwise }: Transition, why: StateReason): void {
  instance.stateReason = why
  if (otherwise === 'terminated') endTermination(account, instance)
  else beStopped(account, instance)
}

function beStopped(account: Account, instance: Instance): void {
  instance.transition = undefined
  takePublicIp(account, instance)
  enter(account, instance, 'stopped')
}

export function beginStop(account: Account, instance: Instance, by: EndedBy): void {
  instance.stateReason = REASONS[by]
  instance.transitionReason = transitionReasonOf(account, by)
  instance.runningSinceMs = undefined
  enter(account, instance, 'stopping')
  quieten(account, instance)
  follow(account, instance, { to: 'stopped', dueMs: account.clock.now() + STOP_MS })
}

async function endStop(account: Account, instance: Instance, transition: Transition): Promise<void> {
  await runOf(account, instance).guestChange
  if (instance.transition === transition) beStopped(account, instance)
}

/** Volumes go or stay as their attachments say; a shared volume goes with the last instance that had it. */
function releaseVolumes(account: Account, instance: Instance): void {
  for (const attachment of instance.attachments.values()) {
    const { volume, deleteOnTermination } = attachment
    removeAttachment(account, attachment)
    if (deleteOnTermination && volume.attachments.length === 0) beginDeletion(account, volume)
  }
}

function endTermination(account: Account, instance: Instance): void {
  instance.transition = undefined
  releaseVolumes(account, instance)
  releaseInterfaces(account, instance)
  closeSpotRequest(account, instance)
  instance.terminatedMs = account.clock.now()
  enter(account, instance, 'terminated')
  forgetInTime(account, instance, TERMINATED_VISIBLE_MS)
}

function forgetInTime(account: Account, { id }: Instance, delayMs: number): void {
  const forget = (): void => {
    account.instances.delete(id)
    account.running.instances.delete(id)
  }
  account.clock.after(delayMs, forget, { background: true })
}

export function beginTermination(account: Account, instance: Instance, by: EndedBy): void {
  instance.stateReason = REASONS[by]
  instance.transitionReason = transitionReasonOf(account, by)
  instance.runningSinceMs = undefined
  enter(account, instance, 'shutting-down')
  // First call off the change under way, so that a boot does not go on.
  runOf(account, instance).cancelTransition()
  quieten(account, instance)
  follow(account, instance, { to: 'terminated', dueMs: account.clock.now() + TERMINATE_MS })
}

const ENDS: Readonly<
  Record<Transition['to'], (account: Account, instance: Instance, transition: Transition) => Promise<void>>
> = {
  running: endBoot,
  stopped: endStop,
  async terminated(account, instance) {
    await runOf(account, instance).guestChange
    endTermination(account, instance)
  },
}

/** Goes on with the instances of a restored account: changes under way end when they are due, guests that ran boot again. */
export function resumeInstances(account: Account): void {
  const nowMs = account.clock.now()
  for (const instance of account.instances.values()) {
    const { state, transition, terminatedMs } = instance
    if (state === 'running') followInterruption(account, instance)
    if (transition) follow(account, instance, transition)
    else if (state === 'running') void account.clock.holding(() => bringUp(account, instance))
    else if (terminatedMs !== undefined) forgetInTime(account, instance, terminatedMs + TERMINATED_VISIBLE_MS - nowMs)
  }
}
