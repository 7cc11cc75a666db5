import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { withMounts } from '../../core/lsblk.ts'
import { disksOf } from './samples.ts'

const disks = disksOf(3)
const serialOf = (index: number): string => disks[index]!.volume.replace('-', '')
const mounts = (output: unknown) =>
  withMounts(disks, typeof output === 'string' ? output : JSON.stringify(output)).map(
    ({ mountPoints, fileSystem }) => ({
      mountPoints,
      fileSystem,
    }),
  )

test('reads mounts of whole disks, of partitions and of logical volumes, sorted', () => {
  const blockdevices = [
    {
      serial: serialOf(0),
      fstype: null,
      mountpoint: null,
      children: [
        { fstype: 'xfs', mountpoint: '/' },
        { fstype: 'vfat', mountpoint: '/boot/efi' },
      ],
    },
    { serial: serialOf(1), fstype: 'ext4', mountpoint: '/data' },
    {
      serial: serialOf(2),
      fstype: 'LVM2_member',
      children: [
        { fstype: 'xfs', mountpoint: '/var/log' },
        { fstype: 'xfs', children: [{ fstype: 'ext4', mountpoint: '/srv' }] },
      ],
    },
  ]
  expect(mounts({ blockdevices })).toEqual([
    { mountPoints: ['/', '/boot/efi'], fileSystem: 'xfs' },
    { mountPoints: ['/data'], fileSystem: 'ext4' },
    { mountPoints: ['/srv', '/var/log'], fileSystem: 'xfs' },
  ])
})

test('tells a disk that nobody mounted from a disk that the guest does not know', () => {
  const [known, unknown] = mounts({ blockdevices: [{ serial: serialOf(0), fstype: 'swap', mountpoint: null }] })
  expect(known).toEqual({ mountPoints: [], fileSystem: undefined })
  expect(unknown).toEqual({ mountPoints: undefined, fileSystem: undefined })
})

test('no output of a guest, however odd, changes the disks themselves or stops the work', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((value) => JSON.stringify({ blockdevices: value })),
      ),
      (output) => {
        const after = withMounts(disks, output)
        expect(after).toMatchObject(disks)
        expect(after).toHaveLength(disks.length)
      },
    ),
  )
})
