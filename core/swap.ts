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

/** Every disk of the swap is attached where this direction puts it, and at rest. */
export const isInPlace = (revert: RevertRecord, observed: ObservedMachine, direction: Direction): boolean =>
  revert.disks.every((disk) => {
    const { device, entering } = sidesOf(disk, direction)
    return observed.attachments.some(
      (attachment) => attachment.device === device && attachment.volume === entering && attachment.state === 'attached',
    )
  })
