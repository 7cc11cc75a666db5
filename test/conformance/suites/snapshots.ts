import assert from 'node:assert/strict'
import { IMAGE } from '../../../demo/machines.ts'
import type { Suite } from '../suite.ts'

const DISKS = JSON.stringify(['/dev/sdf', '/dev/sdg'].map((DeviceName) => ({ DeviceName, Ebs: { VolumeSize: 1 } })))

export const snapshots: Suite = {
  name: 'snapshots',
  async run({ run, refused }) {
    const launched = await run(
      'launches a machine of three disks',
      `ec2 run-instances --image-id ${IMAGE} --instance-type m5.large --block-device-mappings ${DISKS}`,
    )
    const machine = launched.text('Instances.0.InstanceId')
    await run('waits until it runs', `ec2 wait instance-running --instance-ids ${machine}`)
    const set = await run(
      'snapshots its disks at one instant',
      [
        'ec2',
        'create-snapshots',
        '--instance-specification',
        `InstanceId=${machine}`,
        '--description',
        'all at once',
        '--tag-specifications',
        'ResourceType=snapshot,Tags=[{Key=set,Value=conformance}]',
      ],
      (answer) => {
        const times = (answer.at('Snapshots') as { StartTime: string }[]).map(({ StartTime }) => StartTime)
        assert.equal(times.length, 3)
        assert.equal(new Set(times).size, 1)
      },
    )
    const ids = (set.at('Snapshots') as { SnapshotId: string }[]).map(({ SnapshotId }) => SnapshotId)
    const [snapshot = ''] = ids
    await run('waits until all are completed', `ec2 wait snapshot-completed --snapshot-ids ${ids.join(' ')}`)
    await run(
      'finds them by their tag',
      'ec2 describe-snapshots --owner-ids self --filters Name=tag:set,Values=conformance',
      (answer) => assert.equal((answer.at('Snapshots') as unknown[]).length, 3),
    )
    await refused(
      'knows snapshots that are not there',
      'ec2 describe-snapshots --snapshot-ids snap-0123456789abcdef9',
      'InvalidSnapshot.NotFound',
    )
    const copied = await run(
      'copies one within the Region',
      `ec2 copy-snapshot --source-region eu-central-1 --source-snapshot-id ${snapshot}`,
    )
    const copy = copied.text('SnapshotId')
    await run('waits until the copy is completed', `ec2 wait snapshot-completed --snapshot-ids ${copy}`)
    const abroad = await run(
      'copies one to another Region',
      `--region eu-west-1 ec2 copy-snapshot --source-region eu-central-1 --source-snapshot-id ${snapshot}`,
    )
    await run(
      'waits for it there',
      `--region eu-west-1 ec2 wait snapshot-completed --snapshot-ids ${abroad.text('SnapshotId')}`,
    )
    const restored = await run(
      'makes a volume of the copy',
      `ec2 create-volume --availability-zone eu-central-1b --snapshot-id ${copy} --encrypted`,
      (answer) => answer.is('Encrypted', true),
    )
    await run('waits until it is available', `ec2 wait volume-available --volume-ids ${restored.text('VolumeId')}`)
    await run('deletes a snapshot', `ec2 delete-snapshot --snapshot-id ${copy}`)
    await refused('does not delete it twice', `ec2 delete-snapshot --snapshot-id ${copy}`, 'InvalidSnapshot.NotFound')
  },
}
