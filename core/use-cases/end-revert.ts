import { VISIBILITY_LIMIT_MS } from '../capture.ts'
import type { DeployedPolicies } from '../contracts/policies.ts'
import {
  revertInAnyState,
  type Failure,
  type LedgerEntry,
  type RevertIn,
  type RevertRecord,
} from '../contracts/records.ts'
import { TandemError } from '../errors.ts'
import { DAY_MS, msBetween, plusMs } from '../instants.ts'
import type { Catalog, Clock, Ledger, Machines, Volumes } from '../ports.ts'
import { isFinalRevert } from '../record-states.ts'
import { isInPlace } from '../swap.ts'
import { RESOURCE_ROLES, TAGS, type Tags } from '../tags.ts'
import { ledgerItemOf } from './create-volumes.ts'

/** The two ends of a revert, wherever it is found to have come to one: in its own run, or by the next. */
export interface EndRevertPorts {
  readonly machines: Pick<Machines, 'observe'>
  readonly volumes: Pick<Volumes, 'observe' | 'tagged' | 'ensureDeleted' | 'tag' | 'untag'>
  readonly catalog: Pick<Catalog, 'machine' | 'advanceRevert' | 'markUndone'>
  readonly ledger: Pick<Ledger, 'ofRun' | 'close'>
  readonly clock: Clock
  readonly policies: DeployedPolicies
  readonly owner: string
}

/** When the machine's policy is not deployed any more. */
const KEEP_REPLACED_DAYS_DEFAULT = 7

/** Our working tags, which say of a volume that we may delete it: a disk of the machine must not carry them. */
const WORKING_TAGS = [TAGS.owner, TAGS.machine, TAGS.revert, TAGS.run, TAGS.role, TAGS.device, TAGS.point, TAGS.expires]

/**
 * The machine is on its new disks: they become as much its own as the old ones were, and the old ones are kept with an expiry,
 * so that the revert can be undone. Repeating it changes nothing.
 */
export async function finish(ports: EndRevertPorts, revert: RevertRecord): Promise<RevertIn<'reverted'>> {
  if (revert.state === 'reverted') return revert
  // Its old disks are the machine's own: they must not be tagged as ours to delete.
  if (revert.state === 'failed')
    throw new TandemError('LostRace', `${revert.revert} was given up, so it cannot be finished.`)
  const { machine } = revert
  const policy = (await ports.catalog.machine(machine))?.policy ?? ''
  const keepDays = ports.policies[policy]?.keepReplacedDays ?? KEEP_REPLACED_DAYS_DEFAULT
  const revertedAt = ports.clock.now()
  const undoUntil = plusMs(revertedAt, keepDays * DAY_MS)
  // The new disks first: were this to stop between the two, no disk in use would still look like ours to delete.
  const incoming = revert.disks.flatMap((disk) => disk.incoming.volume ?? [])
  await ports.volumes.untag(incoming, WORKING_TAGS)
  await ports.volumes.tag(
    revert.disks.map((disk) => disk.outgoing.volume),
    {
      [TAGS.owner]: ports.owner,
      [TAGS.machine]: machine,
      [TAGS.revert]: revert.revert,
      [TAGS.run]: revert.run,
      [TAGS.role]: RESOURCE_ROLES.replaced,
      [TAGS.expires]: undoUntil,
    },
  )
  const swapStartedAt = revert.state === 'swapping' ? revert.swapStartedAt : revertedAt
  const reverted: RevertIn<'reverted'> = {
    ...revertInAnyState.parse(revert),
    state: 'reverted',
    swapStartedAt,
    revertedAt,
    undoUntil,
  }
  await closeLedger(ports, revert.run)
  if (revert.target.kind === 'undo') await ports.catalog.markUndone(machine, revert.target.revert, revert.revert)
  await ports.catalog.advanceRevert(['planned', 'swapping'], reverted)
  return reverted
}

/**
 * The machine is on its old disks: what was made for the revert is deleted. Volumes are found by tag as well as by record, for the
 * answer to a CreateVolume may have been lost. Returns how many were deleted.
 */
export async function discard(ports: EndRevertPorts, revert: RevertRecord, failure: Failure): Promise<number> {
  if (isFinalRevert(revert)) return 0
  const observed = await ports.machines.observe(revert.machine)
  // Disks that are out may have nothing but this record to find the way back with.
  if (revert.state === 'swapping' && !isInPlace(revert, observed, 'back'))
    throw new TandemError(
      'DisksStillMoving',
      `Not every disk of ${revert.machine} is where it was before ${revert.revert}, so nothing is deleted.`,
    )
  const made = await volumesMadeFor(ports, revert)
  const attached = made.find((volume) => observed.attachments.some((attachment) => attachment.volume === volume))
  if (attached)
    throw new TandemError(
      'DisksStillMoving',
      `${attached}, made for ${revert.revert}, is attached to ${revert.machine} and is not deleted.`,
    )
  for (const volume of made) await ports.volumes.ensureDeleted(volume)
  await closeLedger(ports, revert.run)
  await ports.catalog.advanceRevert(['planned', 'swapping'], {
    ...revertInAnyState.parse(revert),
    state: 'failed',
    failedAt: ports.clock.now(),
    failure,
  })
  return made.length
}

async function volumesMadeFor(ports: EndRevertPorts, revert: RevertRecord): Promise<string[]> {
  const tagged = await ports.volumes.tagged({
    [TAGS.owner]: ports.owner,
    [TAGS.revert]: revert.revert,
    [TAGS.role]: RESOURCE_ROLES.incoming,
  })
  const recorded = revert.disks.flatMap(({ incoming }) => (incoming.from && incoming.volume ? incoming.volume : []))
  const made = new Set([...recorded, ...tagged.map(({ volume }) => volume)])
  const ledger = await ports.ledger.ofRun(revert.run)
  for (const { resource } of ledger) if (resource) made.add(resource)
  const shown = new Set((await ports.volumes.observe([...made])).map(({ volume }) => volume))
  const isShown = ({ item, resource }: LedgerEntry): boolean =>
    resource ? shown.has(resource) : tagged.some(({ specification }) => item === itemFor(specification.tags))
  // So soon after a creation "not found" is no proof: deleting it would seem done and would not be (AWS facts A.19).
  const hidden = ledger.find(
    (entry) => !isShown(entry) && msBetween(entry.openedAt, ports.clock.now()) < VISIBILITY_LIMIT_MS,
  )
  if (hidden)
    throw new TandemError(
      'NotVisibleYet',
      `A volume asked for at ${hidden.openedAt} (${hidden.purpose}) may still appear.`,
    )
  return [...made]
}

const itemFor = (tags: Tags): string => ledgerItemOf(tags[TAGS.device] ?? '-')

async function closeLedger({ ledger }: Pick<EndRevertPorts, 'ledger'>, run: string): Promise<void> {
  for (const entry of await ledger.ofRun(run)) await ledger.close(entry)
}
