import { IMAGE } from '../../../demo/machines.ts'
import type { Suite } from '../suite.ts'

export const images: Suite = {
  name: 'images',
  async run({ run, refused }) {
    const launched = await run('launches a machine', `ec2 run-instances --image-id ${IMAGE} --instance-type m5.large`)
    const machine = launched.text('Instances.0.InstanceId')
    await run('waits until it runs', `ec2 wait instance-running --instance-ids ${machine}`)
    const made = await run(
      'makes an image of it',
      `ec2 create-image --instance-id ${machine} --name golden --no-reboot`,
    )
    const image = made.text('ImageId')
    await refused(
      'takes no name twice',
      `ec2 create-image --instance-id ${machine} --name golden --no-reboot`,
      'InvalidAMIName.Duplicate',
    )
    await run('waits until the image is available', `ec2 wait image-available --image-ids ${image}`)
    const shown = await run(
      'shows what it is made of',
      'ec2 describe-images --owners self --filters Name=name,Values=gold*',
      (answer) => {
        answer.is('Images.0.ImageId', image)
        answer.is('Images.0.RootDeviceType', 'ebs')
      },
    )
    const snapshot = shown.text('Images.0.BlockDeviceMappings.0.Ebs.SnapshotId')
    await refused(
      'does not delete the snapshot of an image',
      `ec2 delete-snapshot --snapshot-id ${snapshot}`,
      'InvalidSnapshot.InUse',
    )
    const registered = await run('registers another image of the same snapshot', [
      'ec2',
      'register-image',
      '--name',
      'silver',
      '--root-device-name',
      '/dev/sda1',
      '--architecture',
      'x86_64',
      '--ena-support',
      '--virtualization-type',
      'hvm',
      '--block-device-mappings',
      JSON.stringify([{ DeviceName: '/dev/sda1', Ebs: { SnapshotId: snapshot } }]),
    ])
    await run(
      'launches a machine of it',
      `ec2 run-instances --image-id ${registered.text('ImageId')} --instance-type m5.large`,
    )
    for (const id of [image, registered.text('ImageId')])
      await run('deregisters an image', ['ec2', 'deregister-image', '--image-id', id])
    await run('deletes the snapshot now', `ec2 delete-snapshot --snapshot-id ${snapshot}`)
  },
}
