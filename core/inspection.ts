import type { Disk, MachineRecord, UnprotectedDisk } from './contracts/records.ts'
import { TandemError } from './errors.ts'
import type { Attachment, ObservedMachine, ObservedVolume } from './ports.ts'
import { isWritableTag, TAGS, type Tags } from './tags.ts'

/** The policy that a machine carries. Throws MachineTerminated, MachineNotOptedIn. */
export function policyOf(observed: ObservedMachine): string {
  const { machine, power, tags } = observed
  if (power === 'terminated' || power === 'shutting-down')
    throw new TandemError('MachineTerminated', `${machine} is ${power}: there is nothing left to work on.`)
  const policy = tags[TAGS.policy]
  if (!policy)
    throw new TandemError(
      'MachineNotOptedIn',
      `${machine} has no tag ${TAGS.policy}. Opt it in with: aws ec2 create-tags --resources ${machine} --tags Key=${TAGS.policy},Value=<policy>`,
    )
  return policy
}

/** Attachments that are, or are about to be, in place; what is on its way out is no longer a disk of the machine. */
export const attachmentsInPlace = (observed: ObservedMachine): Attachment[] =>
  observed.attachments.filter(({ state }) => state === 'attached' || state === 'attaching' || state === 'busy')

export const isExcluded = (tags: Tags): boolean => tags[TAGS.exclude] === 'true'

/** The tags that a disk's successor gets too: those of its owner, not ours nor AWS's own. */
export const ownersTags = (tags: Tags): Tags =>
  Object.fromEntries(
    Object.entries(tags).filter(([key]) => isWritableTag(key) && (!key.startsWith('tandem:') || key === TAGS.exclude)),
  )

/**
 * What Tandem knows of a machine after a look: its disks in scope, those left out and why, and its configuration.
 * Pure. Throws MachineTerminated, MachineNotOptedIn, RootNotOnEbs, NoDiskInScope, NotVisibleYet (FIG. 4, blocks 405 to 412).
 *
 * @param volumes the volumes of its attachments, in any order
 */
export function inspect(
  observed: ObservedMachine,
  volumes: readonly ObservedVolume[],
  { userData, instanceStoreDevices }: { readonly userData?: string; readonly instanceStoreDevices: readonly string[] },
  now: string,
): MachineRecord {
  const policy = policyOf(observed)
  const { machine, configuration } = observed
  if (observed.rootDeviceType !== 'ebs')
    throw new TandemError(
      'RootNotOnEbs',
      `The root disk of ${machine} is an instance-store disk, which has no snapshots. Only machines with an EBS root disk can be protected: remove the tag ${TAGS.policy}.`,
    )
  const disks: Disk[] = []
  const unprotected: UnprotectedDisk[] = instanceStoreDevices.map((device) => ({
    device,
    reason: 'instance-store',
  }))
  for (const attachment of attachmentsInPlace(observed)) {
    const volume = volumes.find((candidate) => candidate.volume === attachment.volume)
    if (!volume)
      throw new TandemError('NotVisibleYet', `${attachment.volume} at ${attachment.device} of ${machine} is not shown.`)
    if (isExcluded(volume.specification.tags))
      unprotected.push({ device: attachment.device, volume: volume.volume, reason: 'excluded-by-tag' })
    else
      disks.push({
        device: attachment.device,
        role: attachment.device === configuration.rootDevice ? 'root' : 'data',
        volume: volume.volume,
        deleteOnTermination: attachment.deleteOnTermination,
        specification: { ...volume.specification, tags: ownersTags(volume.specification.tags) },
      })
  }
  if (disks.length === 0)
    throw new TandemError(
      'NoDiskInScope',
      `${machine} has no disk to protect: ${unprotected.map(({ device, reason }) => `${device} ${reason}`).join(', ') || 'none is attached'}.`,
    )
  return {
    version: 1,
    machine,
    policy,
    observedAt: now,
    configuration: { ...configuration, ...(userData === undefined ? {} : { userData }) },
    disks: disks.toSorted(rootFirst),
    unprotected: unprotected.toSorted((one, other) => one.device.localeCompare(other.device)),
  }
}

export const rootFirst = (
  one: { readonly role: 'root' | 'data'; readonly device: string },
  other: { readonly role: 'root' | 'data'; readonly device: string },
): number => (one.role === other.role ? one.device.localeCompare(other.device) : one.role === 'root' ? -1 : 1)
