import { expect, test } from 'vitest'
import { pointId, revertId } from '../../core/contracts/identifiers.ts'
import { pointIdOf, revertIdOf } from '../../core/derived-ids.ts'
import { linksOf, sizeGiBOf } from '../../core/links.ts'
import { captured, disksOf, MACHINE, reserved, runOf, snapshotOf, volumeOf } from './samples.ts'

const [root, ...others] = disksOf(3)
const members = [{ ...root!, mountPoints: ['/', '/boot'] }, ...others.map((disk) => ({ ...disk, mountPoints: [] }))]

test('the links of a point are one row per disk, root first, and the disks that no point holds', () => {
  const point = {
    ...captured(members),
    unprotected: [
      { device: '/dev/sdh', volume: volumeOf(9), reason: 'excluded-by-tag' as const },
      { device: 'ephemeral0', reason: 'instance-store' as const },
    ],
  }
  expect(linksOf(point).map(({ machine, ...row }) => (expect(machine).toBe(MACHINE), Object.values(row)))).toEqual([
    ['/, /boot', `/dev/xvda (${volumeOf(1)})`, snapshotOf(1), '-'],
    ['-', `/dev/sdf (${volumeOf(2)})`, snapshotOf(2), '-'],
    ['-', `/dev/sdg (${volumeOf(3)})`, snapshotOf(3), '-'],
    ['-', `/dev/sdh (${volumeOf(9)})`, 'not protected: excluded-by-tag', '-'],
    ['-', 'ephemeral0', 'not protected: instance-store', '-'],
  ])
})

test('a point that is not captured yet has no snapshots to show', () => {
  expect(linksOf(reserved()).map(({ snapshot }) => snapshot)).toEqual(['-', '-'])
})

test('the size of a point is that of all its disks', () => {
  expect(sizeGiBOf(reserved(disksOf(3)))).toBe(24)
})

test('a run names the same point and the same revert each time, and no other run does', async () => {
  const ids = await Promise.all([pointIdOf(runOf('a')), pointIdOf(runOf('a')), pointIdOf(runOf('b'))])
  expect(ids[0]).toBe(ids[1])
  expect(ids[0]).not.toBe(ids[2])
  expect(pointId.safeParse(ids[0]).success).toBe(true)
  expect(revertId.safeParse(await revertIdOf(runOf('a'))).success).toBe(true)
})
