import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exclusions, matchMembers, refuseChangedLayout, requireComplete } from '../../core/capture.ts'
import { isTandemError } from '../../core/errors.ts'
import { captured, disksOf, NOW, observedMachine, observedSnapshot, reserved, snapshotOf, volumeOf } from './samples.ts'

const disks = disksOf(3)
const set = disks.map(({ volume }) => observedSnapshot(volume.replace('vol-', 'snap-'), volume))
const named = (name: string, message?: RegExp) =>
  expect.objectContaining({ name, ...(message ? { message: expect.stringMatching(message) } : {}) })

describe('the disks of a machine that is about to be captured', () => {
  const point = reserved(disks.slice(0, 2), {
    unprotected: [{ device: '/dev/sdg', volume: volumeOf(3), reason: 'excluded-by-tag' }],
  })

  test('are those of the point, excluded ones included', () => {
    expect(() => refuseChangedLayout(point, observedMachine(disks))).not.toThrow()
  })

  test('an excluded disk may go: it is not of the point', () => {
    expect(() => refuseChangedLayout(point, observedMachine(disks.slice(0, 2)))).not.toThrow()
  })

  test('a disk attached since is refused and named', () => {
    expect(() => refuseChangedLayout(point, observedMachine(disksOf(4)))).toThrow(
      named('DiskLayoutChanged', /vol-0{16}4 at \/dev\/sdh was attached/),
    )
  })

  test('a disk detached since is refused and named', () => {
    expect(() => refuseChangedLayout(point, observedMachine([disks[0]!, disks[2]!]))).toThrow(
      named('DiskLayoutChanged', /vol-0{16}2 at \/dev\/sdf was detached/),
    )
  })

  test('a disk on its way out is gone already', () => {
    const observed = observedMachine(disks)
    const attachments = observed.attachments.map((attachment) =>
      attachment.volume === volumeOf(2) ? { ...attachment, state: 'detaching' as const } : attachment,
    )
    expect(() => refuseChangedLayout(point, { ...observed, attachments })).toThrow(named('DiskLayoutChanged'))
  })
})

test.each([
  {
    device: '/dev/sdg',
    volume: volumeOf(3),
    reason: 'excluded-by-tag' as const,
    wanted: { volumes: [volumeOf(3)], boot: false },
  },
  { device: '/dev/xvda', volume: volumeOf(1), reason: 'excluded-by-tag' as const, wanted: { volumes: [], boot: true } },
  { device: 'ephemeral0', reason: 'instance-store' as const, wanted: { volumes: [], boot: false } },
])('$device, $reason, is left out of CreateSnapshots as $wanted', ({ wanted, ...disk }) => {
  expect(exclusions(reserved(disks.slice(0, 1), { unprotected: [disk] }))).toEqual(wanted)
})

describe('the members of a set', () => {
  test('are found whatever the order of the answer', () => {
    const { members, capturedAt } = matchMembers(reserved(disks), set.toReversed())
    expect(members.map(({ snapshot }) => snapshot)).toEqual([snapshotOf(1), snapshotOf(2), snapshotOf(3)])
    expect(capturedAt).toBe(NOW)
  })

  test('of two instants are not a point', () => {
    const later = observedSnapshot(snapshotOf(3), volumeOf(3), { startedAt: '2026-03-01T02:00:00.001Z' })
    expect(() => matchMembers(reserved(disks), [set[0]!, set[1]!, later])).toThrow(
      named('SnapshotFailed', /not of one instant/),
    )
  })

  test('whatever EC2 answers, each member has the snapshot of its own volume and all have one instant, or the set is refused', () => {
    const snapshots = fc.array(
      fc.record({
        snapshot: fc.integer({ min: 1, max: 6 }).map(snapshotOf),
        volume: fc.integer({ min: 1, max: 4 }).map(volumeOf),
        startedAt: fc.constantFrom(NOW, '2026-03-01T02:00:00.001Z'),
      }),
      { maxLength: 5 },
    )
    let matchedCount = 0
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), snapshots, (count, answer) => {
        const observed = answer.map(({ snapshot, volume, startedAt }) =>
          observedSnapshot(snapshot, volume, { startedAt }),
        )
        try {
          const { members, capturedAt } = matchMembers(reserved(disksOf(count)), observed)
          matchedCount += 1
          expect(members).toHaveLength(count)
          for (const member of members)
            expect(
              observed.find(({ snapshot, volume }) => snapshot === member.snapshot && volume === member.volume),
            ).toMatchObject({
              startedAt: capturedAt,
            })
        } catch (error) {
          if (!isTandemError(error, 'DiskLayoutChanged', 'SnapshotFailed')) throw error
        }
      }),
      { numRuns: 2000 },
    )
    expect(matchedCount).toBeGreaterThan(0)
  })
})

describe('a point is complete (invariant 1)', () => {
  test('when each member is completed and of one instant', () => {
    expect(() => requireComplete(captured(disks), set)).not.toThrow()
  })

  test.each([
    ['pending', 'NotVisibleYet'],
    ['error', 'SnapshotFailed'],
    ['recoverable', 'SnapshotFailed'],
    ['recovering', 'SnapshotFailed'],
  ] as const)('not while one member is %s: %s', (state, name) => {
    expect(() => requireComplete(captured(disks), [{ ...set[0]!, state }, set[1]!, set[2]!])).toThrow(named(name))
  })

  test('not while one member is not shown', () => {
    expect(() => requireComplete(captured(disks), set.slice(1))).toThrow(named('NotVisibleYet', /snap-0{16}1/))
  })

  test('not when the snapshots turn out to be of two instants', () => {
    const other = { ...set[2]!, startedAt: '2026-03-01T02:00:01.000Z' }
    expect(() => requireComplete(captured(disks), [set[0]!, set[1]!, other])).toThrow(named('SnapshotFailed'))
  })
})
