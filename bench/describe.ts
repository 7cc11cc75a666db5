/**
 * Script: how many describe calls one process of the embedded account answers: one account, its server on one core, load from a
 * second process over connections that are kept. Signatures are verified; requests are signed once, beforehand.
 * `npm run bench:describe [seconds]`
 */
import {
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
  waitUntilInstanceRunning,
} from '@aws-sdk/client-ec2'
import { cpus } from 'node:os'

import { startAccount } from '../local/account.ts'
import { measureRate, type Send } from './calls.ts'

const SECONDS = Number(process.argv[2] ?? 4)

const account = await startAccount({ limits: 'none' })
const { endpoint, region, credentials } = account
const client = new EC2Client({ endpoint, region, credentials })
const measure = (name: string, warmUpCalls: number, send: Send): Promise<void> =>
  measureRate(account, name, { seconds: SECONDS, warmUpCalls }, send)

const ImageId = 'ami-0123456789abcdef0'
account.ec2.registerImage({ imageId: ImageId, rootDeviceName: '/dev/sda1', rootDeviceType: 'ebs', rootSizeGiB: 1 })
const launch = (count: number) =>
  client.send(new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: count, MaxCount: count }))
const volume = await client.send(new CreateVolumeCommand({ AvailabilityZone: `${region}a`, Size: 8 }))

console.log(`Node.js ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'} × ${cpus().length}`)
console.log(`${SECONDS} s each after a warm-up, signatures verified`)
const VolumeIds = [volume.VolumeId ?? '']
await measure('DescribeVolumes of one id', 5000, (to) => to.send(new DescribeVolumesCommand({ VolumeIds })))
const { Instances: [first] = [] } = await launch(1)
for (let index = 0; index < 9; index += 1) await launch(11)
await waitUntilInstanceRunning({ client, maxWaitTime: 120 }, {})
const InstanceIds = [first?.InstanceId ?? '']
await measure('DescribeInstances of one id', 5000, (to) => to.send(new DescribeInstancesCommand({ InstanceIds })))
await measure('DescribeInstances of 100 machines', 100, (to) => to.send(new DescribeInstancesCommand({})))
await account.close()
process.exit()
