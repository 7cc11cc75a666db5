import { describe, expect, test } from 'vitest'
import { inspect, ownersTags, policyOf } from '../../core/inspection.ts'
import type { ObservedMachine } from '../../core/ports.ts'
import { machineRecord } from '../../core/contracts/records.ts'
import { disksOf, MACHINE, NOW, observedMachine, observedVolume, specification, volumeOf } from './samples.ts'

const disks = disksOf(3)
const volumes = disks.map(({ volume }) => observedVolume(volume))
const nothingBeside = { instanceStoreDevices: [] }
const look = (
  changes: Partial<ObservedMachine> = {},
  seen = volumes,
  beside: Parameters<typeof inspect>[2] = nothingBeside,
) => inspect(observedMachine(disks, changes), seen, beside, NOW)

const excluded = (volume: string) =>
  observedVolume(volume, { specification: specification({ tags: { 'tandem:exclude': 'true' } }) })

describe('what a look at a machine writes down', () => {
  test('is a record of the catalog, with the root disk first', () => {
    const record = inspect(observedMachine(disks.toReversed()), volumes, nothingBeside, NOW)
    expect(machineRecord.parse(record)).toEqual(record)
    expect(record.disks.map(({ device, role }) => [device, role])).toEqual([
      ['/dev/xvda', 'root'],
      ['/dev/sdf', 'data'],
      ['/dev/sdg', 'data'],
    ])
  })

  test('leaves out the disks whose volume is excluded by its tag, and says so', () => {
    const record = look({}, [volumes[0]!, excluded(volumeOf(2)), volumes[2]!])
    expect(record.disks.map(({ volume }) => volume)).toEqual([volumeOf(1), volumeOf(3)])
    expect(record.unprotected).toEqual([{ device: '/dev/sdf', volume: volumeOf(2), reason: 'excluded-by-tag' }])
  })

  test.each(['false', 'TRUE', 'yes', ''])('takes tandem:exclude=%j for no exclusion', (value) => {
    const tagged = observedVolume(volumeOf(2), { specification: specification({ tags: { 'tandem:exclude': value } }) })
    expect(look({}, [volumes[0]!, tagged, volumes[2]!]).unprotected).toEqual([])
  })

  test('names the instance-store disks that no snapshot can hold', () => {
    const record = look({}, volumes, { instanceStoreDevices: ['ephemeral0', 'ephemeral1'] })
    expect(record.unprotected).toEqual([
      { device: 'ephemeral0', reason: 'instance-store' },
      { device: 'ephemeral1', reason: 'instance-store' },
    ])
  })

  test('counts a disk on its way in, and not one on its way out', () => {
    const attachments = observedMachine(disks).attachments
    const record = look({
      attachments: [
        attachments[0]!,
        { ...attachments[1]!, state: 'attaching' },
        { ...attachments[2]!, state: 'detaching' },
      ],
    })
    expect(record.disks.map(({ device }) => device)).toEqual(['/dev/xvda', '/dev/sdf'])
  })

  test('keeps user data with the configuration, and does without', () => {
    expect(look({}, volumes, { userData: 'IyEvYmluL3No', instanceStoreDevices: [] }).configuration.userData).toBe(
      'IyEvYmluL3No',
    )
    expect(look().configuration).not.toHaveProperty('userData')
  })

  test('keeps of a volume the tags of its owner alone', () => {
    const tags = { Name: 'db', 'aws:backup:x': '1', 'tandem:revert': 'rv-1', 'tandem:exclude': 'no' }
    expect(ownersTags(tags)).toEqual({ Name: 'db', 'tandem:exclude': 'no' })
  })
})

describe('a machine that cannot be protected is refused by name', () => {
  test.each(['terminated', 'shutting-down'] as const)('%s: MachineTerminated', (power) => {
    expect(() => look({ power })).toThrow(expect.objectContaining({ name: 'MachineTerminated' }))
  })

  test('no policy tag: MachineNotOptedIn, with the command that opts it in', () => {
    expect(() => look({ tags: { Name: 'db' } })).toThrow(
      expect.objectContaining({
        name: 'MachineNotOptedIn',
        message: expect.stringContaining(`aws ec2 create-tags --resources ${MACHINE}`),
      }),
    )
  })

  test('an empty policy tag is none', () => {
    expect(() => policyOf(observedMachine(disks, { tags: { 'tandem:policy': '' } }))).toThrow(
      expect.objectContaining({ name: 'MachineNotOptedIn' }),
    )
  })

  test('root on an instance-store disk: RootNotOnEbs', () => {
    expect(() => look({ rootDeviceType: 'instance-store' })).toThrow(expect.objectContaining({ name: 'RootNotOnEbs' }))
  })

  test('every disk excluded: NoDiskInScope, with the reason of each', () => {
    expect(() =>
      look(
        {},
        disks.map(({ volume }) => excluded(volume)),
      ),
    ).toThrow(
      expect.objectContaining({ name: 'NoDiskInScope', message: expect.stringContaining('/dev/sdg excluded-by-tag') }),
    )
  })

  test('a volume that EC2 does not show yet: NotVisibleYet, never a point without it', () => {
    expect(() => look({}, volumes.slice(1))).toThrow(expect.objectContaining({ name: 'NotVisibleYet' }))
  })
})
