import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DiskSwap } from '../../core/contracts/records.ts'
import { isTandemError } from '../../core/errors.ts'
import { refuseUnswappable, revertToUndo, swapsToPoint, swapsToUndo, type Preflight } from '../../core/revert-plan.ts'
import { isInPlace, sidesOf } from '../../core/swap.ts'
import type { Attachment, ObservedMachine, ObservedVolume } from '../../core/ports.ts'
import {
  complete,
  deviceOf,
  disksOf,
  MACHINE,
  NOW,
  observedMachine,
  observedSnapshot,
  observedVolume,
  planned,
  reverted,
  specification,
  swapsOf,
  volumeOf,
} from './samples.ts'

/** The machine has volumes 11, 12, … where the point has 1, 2, …. */
const current = disksOf(3, 11)
const point = complete(disksOf(3))
const snapshots = point.members.map(({ snapshot, volume }) => observedSnapshot(snapshot, volume))
const see = (
  changes: Partial<ObservedMachine> = {},
  volumes = current.map(({ volume }) => observedVolume(volume)),
): Preflight => ({
  observed: observedMachine(current, changes),
  volumes,
  stopProtected: false,
})
const named = (name: string, message?: RegExp) =>
  expect.objectContaining({ name, ...(message ? { message: expect.stringMatching(message) } : {}) })
const tagged = (volume: string, tags: Record<string, string>): ObservedVolume =>
  observedVolume(volume, { specification: specification({ tags }) })

describe('a machine whose disks must not be swapped is refused by name', () => {
  test.each([
    ['MachineTerminated', { power: 'terminated' }],
    ['MachineNotOptedIn', { tags: {} }],
    ['MachineInAutoScalingGroup', { tags: { 'tandem:policy': 'nightly', 'aws:autoscaling:groupName': 'web' } }],
    ['MachineInTransition', { power: 'pending' }],
    ['MachineInTransition', { power: 'stopping' }],
  ] as const)('%s: %j', (name, changes) => {
    expect(() => refuseUnswappable(see(changes))).toThrow(named(name))
  })

  test('StopProtected, with the command that allows it', () => {
    expect(() => refuseUnswappable({ ...see(), stopProtected: true })).toThrow(
      named('StopProtected', /--no-disable-api-stop/),
    )
  })

  test.each(['attaching', 'detaching', 'busy'] as const)('DisksStillMoving: a disk is %s', (state) => {
    const [root, ...others] = observedMachine(current).attachments
    expect(() => refuseUnswappable(see({ attachments: [...others, { ...root!, state }] }))).toThrow(
      named('DisksStillMoving'),
    )
  })

  test.each(['running', 'stopped'] as const)('and a %s one is not refused', (power) => {
    expect(() => refuseUnswappable(see({ power }))).not.toThrow()
  })
})

describe('the way to a point', () => {
  test('takes out what is there and puts in the snapshot of the same device, root first', () => {
    const swaps = swapsToPoint(see(), point, snapshots)
    expect(swaps.map(({ device, outgoing, incoming }) => [device, outgoing.volume, incoming.from?.snapshot])).toEqual(
      point.members.map(({ device, snapshot }, index) => [device, volumeOf(11 + index), snapshot]),
    )
    expect(swaps[0]?.role).toBe('root')
  })

  test('carries the flag of each side: the outgoing as it is now, the incoming as it was then', () => {
    const attachments = observedMachine(current).attachments.map((attachment) => ({
      ...attachment,
      deleteOnTermination: false,
    }))
    const [root] = swapsToPoint(see({ attachments }), point, snapshots)
    expect(root).toMatchObject({ outgoing: { deleteOnTermination: false }, incoming: { deleteOnTermination: true } })
  })

  test("gives the new volume the owner's tags of today, none of ours, and the point's size and type", () => {
    const [first, ...rest] = current
    const seen = [
      tagged(first!.volume, { Name: 'root', 'tandem:run': 'x', 'aws:y': 'z' }),
      ...rest.map(({ volume }) => observedVolume(volume)),
    ]
    const [root] = swapsToPoint(see({}, seen), point, snapshots)
    expect(root?.incoming.from?.specification).toEqual({ ...point.members[0]!.specification, tags: { Name: 'root' } })
  })

  test('leaves an excluded disk that the point does not have where it is', () => {
    const small = complete(disksOf(2))
    const seen = [
      observedVolume(volumeOf(11)),
      observedVolume(volumeOf(12)),
      tagged(volumeOf(13), { 'tandem:exclude': 'true' }),
    ]
    expect(swapsToPoint(see({}, seen), small, snapshots).map(({ device }) => device)).toEqual(['/dev/xvda', '/dev/sdf'])
  })

  test.each<[string, string, () => DiskSwap[]]>([
    [
      'a device that the machine no longer has',
      'DiskLayoutChanged',
      () => swapsToPoint(see({ attachments: observedMachine(current.slice(0, 2)).attachments }), point, snapshots),
    ],
    [
      'a disk that the point does not have',
      'DiskLayoutChanged',
      () => swapsToPoint(see(), complete(disksOf(2)), snapshots),
    ],
    [
      'a member that is excluded now',
      'DiskLayoutChanged',
      () =>
        swapsToPoint(
          see({}, [
            tagged(volumeOf(11), { 'tandem:exclude': 'true' }),
            observedVolume(volumeOf(12)),
            observedVolume(volumeOf(13)),
          ]),
          point,
          snapshots,
        ),
    ],
    [
      'a Multi-Attach disk',
      'SharedDiskInPoint',
      () =>
        swapsToPoint(
          see({}, [
            observedVolume(volumeOf(11)),
            observedVolume(volumeOf(12), { specification: specification({ multiAttach: true }) }),
            observedVolume(volumeOf(13)),
          ]),
          point,
          snapshots,
        ),
    ],
    ['a snapshot that is gone', 'SnapshotMissing', () => swapsToPoint(see(), point, snapshots.slice(1))],
    [
      'a snapshot in the recycle bin',
      'SnapshotFailed',
      () => swapsToPoint(see(), point, [{ ...snapshots[0]!, state: 'recoverable' }, ...snapshots.slice(1)]),
    ],
    ['a volume that EC2 does not show', 'NotVisibleYet', () => swapsToPoint(see({}, []), point, snapshots)],
  ])('is refused for %s: %s', (_, name, plan) => {
    expect(plan).toThrow(named(name))
  })
})

describe('an undo', () => {
  /** The revert put volume 101, 102 where 1, 2 were. */
  const earlier = reverted(swapsOf(2))
  const now = [101, 102].map((number, index) => ({
    device: deviceOf(index),
    volume: volumeOf(number),
    deleteOnTermination: false,
  }))
  const inUse = now.map(({ volume }) => observedVolume(volume))
  const kept = [1, 2].map((number) => observedVolume(volumeOf(number), { state: 'available' }))
  const undo = (volumes: ObservedVolume[]): DiskSwap[] =>
    swapsToUndo({ observed: observedMachine(now), volumes, stopProtected: false }, earlier)

  test('puts back what the revert took out, with the flag it had, and makes no volume', () => {
    const swaps = undo([...inUse, ...kept])
    expect(swaps).toEqual(
      earlier.disks.map(({ device, role, outgoing, incoming }) => ({
        device,
        role,
        outgoing: { volume: incoming.volume, deleteOnTermination: false },
        incoming: outgoing,
      })),
    )
  })

  test('of an undo is the revert again', () => {
    const first = undo([...inUse, ...kept])
    const second = swapsToUndo(
      {
        observed: observedMachine(earlier.disks.map(({ device, outgoing }) => ({ device, ...outgoing }))),
        volumes: [
          ...kept.map(({ volume }) => observedVolume(volume)),
          ...inUse.map(({ volume }) => observedVolume(volume, { state: 'available' })),
        ],
        stopProtected: false,
      },
      reverted(first),
    )
    expect(second.map(({ incoming }) => incoming.volume)).toEqual(earlier.disks.map(({ incoming }) => incoming.volume))
  })

  test('is refused when the kept disk is gone or in use, and when the disk in place is not that of the revert', () => {
    expect(() => undo([...inUse, kept[0]!])).toThrow(named('NothingToUndo', /gone/))
    expect(() => undo([...inUse, kept[0]!, { ...kept[1]!, state: 'in-use' }])).toThrow(named('NothingToUndo', /in-use/))
    const other = observedMachine([now[0]!, { ...now[1]!, volume: volumeOf(7) }])
    expect(() =>
      swapsToUndo(
        { observed: other, volumes: [...inUse, observedVolume(volumeOf(7)), ...kept], stopProtected: false },
        earlier,
      ),
    ).toThrow(named('DiskLayoutChanged'))
  })

  test.each([
    ['a machine that was never reverted', [], 'never reverted'],
    [
      'reverts that were not carried out',
      [planned(), { ...planned(), state: 'failed' as const, failedAt: NOW, failure: { error: 'x', cause: 'y' } }],
      'never reverted',
    ],
    ['a revert that was undone', [reverted(swapsOf(1), { undoneBy: `rv-${'0'.repeat(19)}2` })], 'was undone already'],
    [
      'a revert whose disks are no longer kept',
      [reverted(swapsOf(1), { undoUntil: '2026-03-01T01:59:59.000Z' })],
      'could be undone until',
    ],
  ])('has nothing to undo on %s', (_, records, message) => {
    expect(() => revertToUndo(MACHINE, records, NOW)).toThrow(named('NothingToUndo', new RegExp(message)))
  })

  test('undoes the latest revert, not an earlier one', () => {
    const latest = reverted(swapsOf(1), { revert: `rv-${'0'.repeat(19)}9` })
    expect(revertToUndo(MACHINE, [planned(), latest, reverted()], NOW)).toBe(latest)
  })
})

describe('whatever a machine looks like', () => {
  const attachment = fc.record({
    excluded: fc.boolean(),
    multiAttach: fc.boolean(),
    state: fc.constantFrom<Attachment['state']>('attached', 'attached', 'attached', 'detaching', 'busy'),
  })

  test('a plan never touches an excluded or a shared disk, leaves no disk in scope behind, and uses no volume twice', () => {
    let plannedCount = 0
    fc.assert(
      fc.property(
        fc.array(attachment, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (places, memberCount) => {
          const disks = disksOf(places.length, 11)
          const byDevice = new Map(places.map((place, index) => [deviceOf(index), place]))
          const observed = observedMachine(disks, {
            attachments: disks.map(({ device, volume }) => ({
              device,
              volume,
              deleteOnTermination: true,
              state: byDevice.get(device)!.state,
            })),
          })
          const volumes = disks.map(({ device, volume }) => {
            const { excluded, multiAttach } = byDevice.get(device)!
            return observedVolume(volume, {
              specification: specification({ multiAttach, tags: excluded ? { 'tandem:exclude': 'true' } : {} }),
            })
          })
          const wanted = complete(disksOf(memberCount))
          const held = wanted.members.map(({ snapshot, volume }) => observedSnapshot(snapshot, volume))
          let swaps: DiskSwap[]
          try {
            swaps = swapsToPoint({ observed, volumes, stopProtected: false }, wanted, held)
          } catch (error) {
            if (isTandemError(error)) return
            throw error
          }
          plannedCount += 1
          for (const { device } of swaps)
            expect(byDevice.get(device)).toMatchObject({ excluded: false, multiAttach: false })
          const inScope = [...byDevice]
            .filter(([, { excluded, state }]) => !excluded && state !== 'detaching')
            .map(([device]) => device)
          expect(swaps.map(({ device }) => device).toSorted()).toEqual(inScope.toSorted())
          expect(new Set(swaps.map(({ outgoing }) => outgoing.volume)).size).toBe(swaps.length)
        },
      ),
      { numRuns: 2000 },
    )
    expect(plannedCount).toBeGreaterThan(0)
  })

  test('a swap forward and back is the identity, flags included', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 6 }), (flags) => {
        const swaps = swapsOf(flags.length).map((swap, index) => ({
          ...swap,
          outgoing: { ...swap.outgoing, deleteOnTermination: flags[index]![0] },
          incoming: { ...swap.incoming, deleteOnTermination: flags[index]![1] },
        }))
        const before = swaps.map(({ device, outgoing }) => ({ device, ...outgoing }))
        const apply = (disks: typeof before, direction: 'forward' | 'back') =>
          disks.map((disk) => {
            const sides = sidesOf(
              swaps.find(({ device }) => device === disk.device)!,
              direction,
            )
            expect(sides.leaving).toBe(disk.volume)
            return { device: disk.device, volume: sides.entering!, deleteOnTermination: sides.deleteOnTermination }
          })
        const there = apply(before, 'forward')
        const revert = planned(swaps)
        expect([
          isInPlace(revert, observedMachine(there), 'forward'),
          isInPlace(revert, observedMachine(there), 'back'),
        ]).toEqual([true, false])
        expect(apply(there, 'back')).toEqual(before)
        expect(isInPlace(revert, observedMachine(before), 'back')).toBe(true)
      }),
    )
  })

  test('the right volumes at the wrong devices are not in place', () => {
    const [root, data] = swapsOf(2)
    const crossed = observedMachine([
      { device: root!.device, ...data!.outgoing },
      { device: data!.device, ...root!.outgoing },
    ])
    expect(isInPlace(planned(), crossed, 'back')).toBe(false)
  })

  test('no mixture counts as in place, in either direction', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('old', 'new', 'none'), { minLength: 2, maxLength: 5 }), (places) => {
        const swaps = swapsOf(places.length)
        const disks = swaps.flatMap(({ device, outgoing, incoming }, index) =>
          places[index] === 'none'
            ? []
            : [
                {
                  device,
                  deleteOnTermination: true,
                  volume: places[index] === 'old' ? outgoing.volume : incoming.volume!,
                },
              ],
        )
        const observed = observedMachine(disks)
        expect(isInPlace(planned(swaps), observed, 'forward')).toBe(places.every((place) => place === 'new'))
        expect(isInPlace(planned(swaps), observed, 'back')).toBe(places.every((place) => place === 'old'))
      }),
    )
  })
})
