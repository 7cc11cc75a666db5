import { IMAGE } from '../../../demo/machines.ts'
import type { Suite } from '../suite.ts'

export const volumes: Suite = {
  name: 'volumes',
  async run({ run, refused }) {
    const launched = await run(
      'launches a machine',
      `ec2 run-instances --image-id ${IMAGE} --instance-type m5.large --placement AvailabilityZone=eu-central-1a`,
    )
    const machine = launched.text('Instances.0.InstanceId')
    const made = await run(
      'makes a volume with tags',
      `ec2 create-volume --availability-zone eu-central-1a --size 2 --volume-type gp3 --iops 3000
        --throughput 125 --tag-specifications ResourceType=volume,Tags=[{Key=Name,Value=spare}]`,
      (answer) => answer.is('State', 'creating'),
    )
    const volume = made.text('VolumeId')
    await run('waits until it is available', `ec2 wait volume-available --volume-ids ${volume}`)
    await run('waits until the machine runs', `ec2 wait instance-running --instance-ids ${machine}`)
    const attach = ['ec2', 'attach-volume', '--volume-id', volume, '--instance-id', machine, '--device', '/dev/sdf']
    await run('attaches it', attach, (answer) => answer.is('State', 'attaching'))
    await run('waits until it is in use', `ec2 wait volume-in-use --volume-ids ${volume}`)
    await refused('does not attach it twice', attach, 'VolumeInUse')
    await refused('does not delete it while it is in use', `ec2 delete-volume --volume-id ${volume}`, 'VolumeInUse')
    await refused('does not shrink it', `ec2 modify-volume --volume-id ${volume} --size 1`, 'InvalidParameterValue')
    await run('grows it', `ec2 modify-volume --volume-id ${volume} --size 3`, (answer) =>
      answer.is('VolumeModification.TargetSize', 3),
    )
    await run('tells how far that is', `ec2 describe-volumes-modifications --volume-ids ${volume}`, (answer) =>
      answer.is('VolumesModifications.0.OriginalSize', 2),
    )
    await refused(
      'knows volumes that are not there',
      'ec2 describe-volumes --volume-ids vol-0123456789abcdef9',
      'InvalidVolume.NotFound',
    )
    await run('detaches it', `ec2 detach-volume --volume-id ${volume}`)
    await run('waits until it is off', `ec2 wait volume-available --volume-ids ${volume}`)
    await run('adds tags', `ec2 create-tags --resources ${volume} ${machine} --tags Key=owner,Value=tests`)
    await run(
      'finds tags',
      `ec2 describe-tags --filters Name=key,Values=owner Name=resource-id,Values=${volume}`,
      (answer) => answer.is('Tags.0.ResourceType', 'volume'),
    )
    await run('deletes it', `ec2 delete-volume --volume-id ${volume}`)
    await run('waits until it is gone', `ec2 wait volume-deleted --volume-ids ${volume}`)
  },
}
