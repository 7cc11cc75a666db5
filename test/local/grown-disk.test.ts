/** A disk that grows while its guest uses it. */
import {
  CreateSnapshotCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  ModifyVolumeCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { EBSClient, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs'
import { expect, onTestFinished, test } from 'vitest'
import { startAccount } from '../../local/account.ts'
import { manualClock } from '../../local/clock.ts'

const IMAGE = 'ami-0123456789abcdef0'
const MINUTE_MS = 60_000
/** Writes a MiB past the end of the disk of 1 GiB, when it is told to by `go`, and says by `done` how that went. */
const WRITE_PAST = 'dd if=/dev/zero of="$GUEST_ROOT/dev/sdf" bs=1M seek=1024 count=1 conv=notrunc status=none'
const WRITER = `#!/bin/bash
cd "$GUEST_ROOT" && mkfifo go done
( while read -r _ <go; do tr '\\0' x </dev/zero | head -c 1048576 | ${WRITE_PAST.replace('if=/dev/zero ', 'iflag=fullblock ')}; echo $? >done; done ) &`

test('a guest sees and can use what ModifyVolume adds, its running programs too, and snapshots have it', async () => {
  const account = await startAccount({ clock: manualClock(Date.UTC(2026, 2, 1)), limits: 'none' })
  onTestFinished(() => account.close())
  const { endpoint, region, credentials, clock } = account
  const ec2 = new EC2Client({ endpoint, region, credentials, maxAttempts: 1 })
  account.ec2.registerImage({ imageId: IMAGE, rootDeviceName: '/dev/xvda', rootDeviceType: 'ebs', rootSizeGiB: 1 })
  const request: RunInstancesCommandInput = {
    ImageId: IMAGE,
    MinCount: 1,
    MaxCount: 1,
    UserData: Buffer.from(WRITER).toString('base64'),
    BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, VolumeType: 'gp3' } }],
  }
  const { Instances } = await ec2.send(new RunInstancesCommand(request))
  const InstanceId = Instances?.[0]?.InstanceId ?? ''
  await clock.advance(MINUTE_MS)
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] }))
  const disk = Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings?.find(
    ({ DeviceName }) => DeviceName === '/dev/sdf',
  )
  const VolumeId = disk?.Ebs?.VolumeId ?? ''

  const guest = account.guests.ofInstance(InstanceId)!
  const run = async (command: string) => (await guest.run(command, { timeoutMs: 20_000 })).stdout.trim()
  const sizeSeen = async () => {
    const { blockdevices } = JSON.parse(await run('lsblk --json -b -d -o NAME,SIZE'))
    return blockdevices.find(({ name }: { name: string }) => name === 'nvme1n1').size
  }
  const writerEnds = () => run('echo >go; read -r status <done; echo $status')
  const GIB = 1024 ** 3
  expect(await sizeSeen()).toBe(GIB)
  expect(await writerEnds()).toBe('1')

  await ec2.send(new ModifyVolumeCommand({ VolumeId, Size: 3 }))
  expect(await sizeSeen()).toBe(GIB)
  await clock.advance(MINUTE_MS)
  const { Volumes } = await ec2.send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }))
  expect(Volumes?.[0]?.Size).toBe(3)
  expect(await sizeSeen()).toBe(3 * GIB)
  expect(await writerEnds()).toBe('0')

  const { SnapshotId } = await ec2.send(new CreateSnapshotCommand({ VolumeId }))
  await clock.advance(10 * MINUTE_MS)
  const ebs = new EBSClient({ endpoint, region, credentials, maxAttempts: 1 })
  const { Blocks, VolumeSize } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }))
  expect(VolumeSize).toBe(3)
  expect(Blocks?.map(({ BlockIndex }) => BlockIndex)).toEqual([2_048, 2_049])
})
