import { describe, expect, test } from 'vitest'
import type { Attachment } from '../../../core/ports.ts'
import { refuseHalfSwapped } from '../../../core/use-cases/settle-earlier-reverts.ts'
import { MACHINE, observedMachine, planned, reverted, swapping, swapsOf } from '../samples.ts'

const SWAPS = swapsOf(2)

/** The old disk (`out`) or the new one (`in`) at each device, in the order of the swaps. */
const attachmentsOf = (...sides: ('out' | 'in')[]): Attachment[] =>
  SWAPS.map(({ device, outgoing, incoming }, index) => ({
    device,
    volume: (sides[index] === 'in' ? incoming.volume : outgoing.volume) ?? '',
    deleteOnTermination: false,
    state: 'attached',
  }))

const refuse = (attachments: Attachment[], ...reverts: Parameters<typeof portsOf>[1][]): Promise<void> =>
  refuseHalfSwapped(portsOf(attachments, ...reverts), MACHINE)

const portsOf = (
  attachments: Attachment[],
  ...reverts: (ReturnType<typeof swapping> | ReturnType<typeof planned> | ReturnType<typeof reverted>)[]
) => ({
  catalog: { reverts: async () => reverts },
  machines: { observe: async () => observedMachine([], { attachments }) },
})

describe('a machine that a dead revert left behind', () => {
  test('is refused with disks of both sets, and with a disk missing', async () => {
    const error = { name: 'RevertUnfinished' }
    await expect(refuse(attachmentsOf('in', 'out'), swapping(SWAPS))).rejects.toMatchObject(error)
    await expect(refuse(attachmentsOf('out', 'in'), swapping(SWAPS))).rejects.toMatchObject(error)
    await expect(refuse(attachmentsOf('out', 'out').slice(0, 1), swapping(SWAPS))).rejects.toMatchObject(error)
  })

  test('is accepted with all old disks or all new ones', async () => {
    await expect(refuse(attachmentsOf('out', 'out'), swapping(SWAPS))).resolves.toBeUndefined()
    await expect(refuse(attachmentsOf('in', 'in'), swapping(SWAPS))).resolves.toBeUndefined()
  })

  test('is accepted when the revert had not begun to swap, or is done', async () => {
    await expect(refuse(attachmentsOf('in', 'out'), planned(SWAPS), reverted(SWAPS))).resolves.toBeUndefined()
  })
})
