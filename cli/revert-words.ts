import type { Operator } from '../aws/operator.ts'
import type { DiskSwap } from '../core/contracts/records.ts'
import { age, shown } from './ages.ts'
import type { Preview } from './revert-preview.ts'
import { table } from './table.ts'
import type { Colors } from './terminal.ts'

/** What would happen, disk by disk, what it costs, and what is in the way. */
export function previewInWords(
  preview: Preview,
  { account, region }: Pick<Operator, 'account' | 'region'>,
  { bold, yellow }: Colors,
): string {
  const { plan, leftOpen, busyWith } = preview
  const columns = ['DEVICE', 'MOUNT POINT', 'ROLE', 'GOES OUT', 'COMES IN', 'SIZE']
  return [
    `${plan.machine} in account ${account}, ${region}, would be put back ${goal(preview)}.`,
    '',
    table(
      columns,
      plan.disks.map((disk) => rowOf(disk, preview)),
      bold,
    ),
    '',
    ...phases(preview),
    '',
    ...afterwards(preview),
    ...(leftOpen || busyWith ? [''] : []),
    ...(leftOpen ? [yellow(unfinished(leftOpen))] : []),
    ...(busyWith
      ? [yellow(`In the way now: ${busyWith} works on the machine. A revert waits up to 30 minutes for it to end.`)]
      : []),
  ].join('\n')
}

function goal({ plan: { target }, now }: Preview): string {
  return target.kind === 'point'
    ? `to point ${target.point}, captured at ${shown(target.capturedAt)} (${age(target.capturedAt, now)} ago)`
    : `to the disks that it had before revert ${target.revert}`
}

function rowOf({ device, role, outgoing, incoming }: DiskSwap, { mountPoints, sizesGiB }: Preview): string[] {
  const { volume = '-', from } = incoming
  const size = from?.specification.sizeGiB ?? sizesGiB[volume]
  return [
    device,
    mountPoints[device] ?? '-',
    role,
    outgoing.volume,
    from ? `new volume of ${from.snapshot}` : volume,
    size === undefined ? '-' : `${size} GiB${from ? ` ${from.specification.type}` : ''}`,
  ]
}

function phases({ plan: { disks, wasRunning } }: Preview): string[] {
  const makesVolumes = disks.some(({ incoming }) => incoming.from)
  return [
    makesVolumes
      ? `The new volumes are made first${wasRunning ? '; meanwhile the machine works on' : ''}.`
      : 'No volume has to be made.',
    wasRunning
      ? 'Then the downtime: the machine stops, all disks are swapped together, and it starts and boots.'
      : 'The machine is stopped: all disks are swapped together, and it stays stopped.',
    ...(makesVolumes ? ['New volumes are slow wherever a block has not been read from its snapshot yet.'] : []),
  ]
}

function afterwards({ plan: { machine, target }, policy }: Preview): string[] {
  const since = target.kind === 'point' ? shown(target.capturedAt) : 'that revert'
  const keeping = policy ? `as long as policy ${policy} says (keepReplacedDays)` : 'for a while'
  return [
    `What was written to these disks since ${since} is not on the machine afterwards.`,
    `The disks that go out are kept ${keeping}; the result of the run says until when.`,
    `Until then this can be undone with: tandem revert ${machine} --undo`,
    'If anything fails, the disks that are in place now are put back.',
  ]
}

const unfinished = ({ revert, willBe }: NonNullable<Preview['leftOpen']>): string =>
  willBe === 'settled'
    ? `Revert ${revert} is open, but its run is over. It is settled first.`
    : `Revert ${revert} stopped half way, and its run is over: not every disk is swapped, or the machine was not started again. What you see above is ` +
      'that revert, which has to be finished first. A request with another target is refused (RevertUnfinished).'
