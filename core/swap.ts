import type { DiskSwap, RevertRecord } from './contracts/records.ts'
import type { ObservedMachine } from './ports.ts'

/** `forward` puts the incoming volumes in place, `back` the outgoing ones: the same code swaps both ways. */
export type Direction = 'forward' | 'back'

export interface Sides {
  readonly device: string
  /** Absent when the volume was never made. */
  readonly leaving?: string
  readonly entering?: string
  /** The flag of the volume that enters. */
  readonly deleteOnTermination: boolean
}

export function sidesOf({ device, outgoing, incoming }: DiskSwap, direction: Direction): Sides {
  const [leaving, entering] = direction === 'forward' ? [outgoing, incoming] : [incoming, outgoing]
  return {
    device,
    ...(leaving.volume === undefined ? {} : { leaving: leaving.volume }),
    ...(entering.volume === undefined ? {} : { entering: entering.volume }),
    deleteOnTermination: entering.deleteOnTermination,
  }
}

/** How a run that is over left an unfinished revert: with the old disks, with the new ones, or not fit to stay so. */
export interface Remains {
  readonly standing: 'before' | 'after' | 'between'
  /** The run stopped the machine, which ran before: it looks as if somebody had stopped it. */
  readonly wasStopped: boolean
}

/** All new disks in a machine that was not started again is `between` too: it has to be gone on with. */
export function remainsOf(revert: RevertRecord, observed: ObservedMachine): Remains {
  const wasStopped = revert.state === 'swapping' && revert.wasRunning && observed.power === 'stopped'
  if (isInPlace(revert, observed, 'back')) return { standing: 'before', wasStopped }
  const isDone = isInPlace(revert, observed, 'forward') && !wasStopped
  return { standing: isDone ? 'after' : 'between', wasStopped }
}

/** Every disk of the swap is attached where this direction puts it, and at rest. */
export const isInPlace = (revert: RevertRecord, observed: ObservedMachine, direction: Direction): boolean =>
  revert.disks.every((disk) => {
    const { device, entering } = sidesOf(disk, direction)
    return observed.attachments.some(
      (attachment) => attachment.device === device && attachment.volume === entering && attachment.state === 'attached',
    )
  })
