import {
  AttachVolumeCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
  type Instance,
} from '@aws-sdk/client-ec2'
import type { Account } from '../local/account.ts'
import { workloadUserData } from '../local/guests/workload.ts'
export { AttachVolumeCommand, CreateTagsCommand, CreateVolumeCommand, DescribeInstancesCommand, DescribeVolumesCommand, EC2Client, RunInstancesCommand, type Instance, workloadUserData }
export type { Account }
