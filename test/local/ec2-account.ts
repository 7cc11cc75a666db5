/** An EC2 with guests that only note what happens to them, for the tests of local/ec2. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type * as Sdk from '@aws-sdk/client-ec2'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../local/clock.ts'
import { manualClock } from '../../local/clock.ts'
import { createEc2 } from '../../local/ec2/ec2.ts'
import type { Ec2Host, Ec2Options } from '../../local/ec2/ec2.ts'
import { createKms } from '../../local/kms/kms.ts'
import type { Kms } from '../../local/kms/kms.ts'
import type { Guest, GuestDisk, GuestSpec } from '../../local/ec2/instances/guest.ts'
import type { Caller, EmittedEvent, Operations } from '../../local/wire/service.ts'

export const MINUTE_MS = 60_000
export const START_MS = Date.parse('2026-01-02T03:04:05Z')
export const IMAGE_ID = 'ami-0123456789abcdef0'
export const ZONE = 'eu-central-1a'

export const CALLER: Caller = {
  accountId: '111122223333',
  region: 'eu-central-1',
  arn: 'arn:aws:iam::111122223333:user/test',
  accessKeyId: 'AKIATEST',
  requestId: 'request-1',
}

export class NotingGuest implements Guest {
  readonly spec: GuestSpec
  readonly notes: string[] = []
  disks: readonly GuestDisk[]
  paused = false
  /** What it has written to its console. */
  said = ''
  stopped = false

  constructor(spec: GuestSpec) {
    this.spec = spec
    this.disks = spec.disks
  }

  pause(): void {
    this.paused = true
    this.notes.push('pause')
  }

  resume(): void {
    this.paused = false
    this.notes.push('resume')
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.notes.push('stop')
  }

  async reboot(): Promise<void> {
    this.notes.push('reboot')
  }

  disksChanged(disks: readonly GuestDisk[]): void {
    this.disks = disks
    this.notes.push('disks')
  }
}

/** Input and output of the operations that the tests call. */
interface Api {
  RunInstances: [Sdk.RunInstancesRequest, Sdk.Reservation]
  StartInstances: [Sdk.StartInstancesRequest, Sdk.StartInstancesResult]
  StopInstances: [Sdk.StopInstancesRequest, Sdk.StopInstancesResult]
  TerminateInstances: [Sdk.TerminateInstancesRequest, Sdk.TerminateInstancesResult]
  DescribeInstances: [Sdk.DescribeInstancesRequest, Sdk.DescribeInstancesResult]
  DescribeInstanceStatus: [Sdk.DescribeInstanceStatusRequest, Sdk.DescribeInstanceStatusResult]
  DescribeInstanceAttribute: [Sdk.DescribeInstanceAttributeRequest, Sdk.InstanceAttribute]
  ModifyInstanceAttribute: [Sdk.ModifyInstanceAttributeRequest, object]
  CreateVolume: [Sdk.CreateVolumeRequest, Sdk.Volume]
  DeleteVolume: [Sdk.DeleteVolumeRequest, object]
  DescribeVolumes: [Sdk.DescribeVolumesRequest, Sdk.DescribeVolumesResult]
  AttachVolume: [Sdk.AttachVolumeRequest, Sdk.VolumeAttachment]
  DetachVolume: [Sdk.DetachVolumeRequest, Sdk.VolumeAttachment]
  CreateSnapshots: [Sdk.CreateSnapshotsRequest, Sdk.CreateSnapshotsResult]
  CreateSnapshot: [Sdk.CreateSnapshotRequest, Sdk.Snapshot]
  DeleteSnapshot: [Sdk.DeleteSnapshotRequest, object]
  DescribeSnapshots: [Sdk.DescribeSnapshotsRequest, Sdk.DescribeSnapshotsResult]
  CreateTags: [Sdk.CreateTagsRequest, object]
  DeleteTags: [Sdk.DeleteTagsRequest, object]
  DescribeTags: [Sdk.DescribeTagsRequest, Sdk.DescribeTagsResult]
  DescribeAvailabilityZones: [Sdk.DescribeAvailabilityZonesRequest, Sdk.DescribeAvailabilityZonesResult]
  RebootInstances: [Sdk.RebootInstancesRequest, object]
  MonitorInstances: [Sdk.MonitorInstancesRequest, Sdk.MonitorInstancesResult]
  GetConsoleOutput: [Sdk.GetConsoleOutputRequest, Sdk.GetConsoleOutputResult]
  ModifyInstanceMetadataOptions: [Sdk.ModifyInstanceMetadataOptionsRequest, Sdk.ModifyInstanceMetadataOptionsResult]
  AssociateIamInstanceProfile: [Sdk.AssociateIamInstanceProfileRequest, Sdk.AssociateIamInstanceProfileResult]
  DisassociateIamInstanceProfile: [Sdk.DisassociateIamInstanceProfileRequest, Sdk.DisassociateIamInstanceProfileResult]
  DescribeIamInstanceProfileAssociations: [
    Sdk.DescribeIamInstanceProfileAssociationsRequest,
    Sdk.DescribeIamInstanceProfileAssociationsResult,
  ]
  DescribeSpotInstanceRequests: [Sdk.DescribeSpotInstanceRequestsRequest, Sdk.DescribeSpotInstanceRequestsResult]
  CancelSpotInstanceRequests: [Sdk.CancelSpotInstanceRequestsRequest, Sdk.CancelSpotInstanceRequestsResult]
  DescribeInstanceTypes: [Sdk.DescribeInstanceTypesRequest, Sdk.DescribeInstanceTypesResult]
  RegisterImage: [Sdk.RegisterImageRequest, Sdk.RegisterImageResult]
  CreateImage: [Sdk.CreateImageRequest, Sdk.CreateImageResult]
  DeregisterImage: [Sdk.DeregisterImageRequest, Sdk.DeregisterImageResult]
  DescribeImages: [Sdk.DescribeImagesRequest, Sdk.DescribeImagesResult]
  DescribeImageAttribute: [Sdk.DescribeImageAttributeRequest, Sdk.ImageAttribute]
  ModifyImageAttribute: [Sdk.ModifyImageAttributeRequest, object]
  CreateReplaceRootVolumeTask: [Sdk.CreateReplaceRootVolumeTaskRequest, Sdk.CreateReplaceRootVolumeTaskResult]
  DescribeReplaceRootVolumeTasks: [Sdk.DescribeReplaceRootVolumeTasksRequest, Sdk.DescribeReplaceRootVolumeTasksResult]
  CreateVpc: [Sdk.CreateVpcRequest, Sdk.CreateVpcResult]
  DeleteVpc: [Sdk.DeleteVpcRequest, object]
  DescribeVpcs: [Sdk.DescribeVpcsRequest, Sdk.DescribeVpcsResult]
  CreateSubnet: [Sdk.CreateSubnetRequest, Sdk.CreateSubnetResult]
  DeleteSubnet: [Sdk.DeleteSubnetRequest, object]
  DescribeSubnets: [Sdk.DescribeSubnetsRequest, Sdk.DescribeSubnetsResult]
  CreateSecurityGroup: [Sdk.CreateSecurityGroupRequest, Sdk.CreateSecurityGroupResult]
  DeleteSecurityGroup: [Sdk.DeleteSecurityGroupRequest, Sdk.DeleteSecurityGroupResult]
  DescribeSecurityGroups: [Sdk.DescribeSecurityGroupsRequest, Sdk.DescribeSecurityGroupsResult]
  AuthorizeSecurityGroupIngress: [Sdk.AuthorizeSecurityGroupIngressRequest, Sdk.AuthorizeSecurityGroupIngressResult]
  RevokeSecurityGroupIngress: [Sdk.RevokeSecurityGroupIngressRequest, Sdk.RevokeSecurityGroupIngressResult]
  CreateNetworkInterface: [Sdk.CreateNetworkInterfaceRequest, Sdk.CreateNetworkInterfaceResult]
  DeleteNetworkInterface: [Sdk.DeleteNetworkInterfaceRequest, object]
  AttachNetworkInterface: [Sdk.AttachNetworkInterfaceRequest, Sdk.AttachNetworkInterfaceResult]
  DetachNetworkInterface: [Sdk.DetachNetworkInterfaceRequest, object]
  DescribeNetworkInterfaces: [Sdk.DescribeNetworkInterfacesRequest, Sdk.DescribeNetworkInterfacesResult]
  DescribeNetworkInterfaceAttribute: [
    Sdk.DescribeNetworkInterfaceAttributeRequest,
    Sdk.DescribeNetworkInterfaceAttributeResult,
  ]
  ModifyNetworkInterfaceAttribute: [Sdk.ModifyNetworkInterfaceAttributeRequest, object]
  AssignPrivateIpAddresses: [Sdk.AssignPrivateIpAddressesRequest, Sdk.AssignPrivateIpAddressesResult]
  UnassignPrivateIpAddresses: [Sdk.UnassignPrivateIpAddressesRequest, object]
  AllocateAddress: [Sdk.AllocateAddressRequest, Sdk.AllocateAddressResult]
  ReleaseAddress: [Sdk.ReleaseAddressRequest, object]
  AssociateAddress: [Sdk.AssociateAddressRequest, Sdk.AssociateAddressResult]
  DisassociateAddress: [Sdk.DisassociateAddressRequest, object]
  DescribeAddresses: [Sdk.DescribeAddressesRequest, Sdk.DescribeAddressesResult]
  CreateKeyPair: [Sdk.CreateKeyPairRequest, Sdk.KeyPair]
  ImportKeyPair: [Sdk.ImportKeyPairRequest, Sdk.ImportKeyPairResult]
  DescribeKeyPairs: [Sdk.DescribeKeyPairsRequest, Sdk.DescribeKeyPairsResult]
  DeleteKeyPair: [Sdk.DeleteKeyPairRequest, Sdk.DeleteKeyPairResult]
}

export interface TestAccount {
  readonly clock: Clock
  readonly host: Ec2Host
  readonly kms: Kms
  readonly guests: NotingGuest[]
  readonly events: EmittedEvent[]
  readonly operations: Operations
  call<Name extends keyof Api>(name: Name, input: Api[Name][0]): Promise<Api[Name][1]>
  /** An instance that runs, with a root volume and `dataVolumes` of 1 GiB at /dev/sdf and on. */
  runningInstance(request?: Partial<Sdk.RunInstancesRequest>): Promise<{ id: string; guest: NotingGuest }>
  volumeAt(instanceId: string, device: string): Promise<string>
  stateOf(instanceId: string): Promise<string | undefined>
  /** What was told of events since the last time, in short. */
  told(): string[]
  /** The account as a new process has it, from what this one saved. This one is over. */
  afterRestart(): Promise<TestAccount>
}

interface TestOptions {
  readonly clock?: Clock
  readonly visibilityDelayMs?: number
  readonly consistency?: Ec2Options['consistency']
  readonly quotas?: Ec2Options['quotas']
  readonly profileOf?: Ec2Options['profileOf']
  readonly guest?: (spec: GuestSpec) => NotingGuest
  /** What an earlier account left. */
  readonly left?: { readonly directory: string; readonly saved: Buffer }
}

const DATA_DISK: Sdk.BlockDeviceMapping = { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, VolumeType: 'gp3' } }

const short = ({ detail }: EmittedEvent): string =>
  [detail['event'], detail['result'], detail['state']].filter((word) => typeof word === 'string').join(' ')

/** An account that is cleaned up when the test is over. */
export function testAccount(options: TestOptions = {}): TestAccount {
  const clock = options.clock ?? manualClock(START_MS)
  const directory = options.left?.directory ?? mkdtempSync(join(tmpdir(), 'ec2-test-'))
  const guests: NotingGuest[] = []
  const events: EmittedEvent[] = []
  const kms = createKms({ clock, accountId: CALLER.accountId, region: CALLER.region })
  const { service, host, durable } = createEc2({
    clock,
    accountId: CALLER.accountId,
    region: CALLER.region,
    directory,
    keys: kms,
    emit: (event) => void events.push(event),
    guests: {
      console: (instanceId) => guests.findLast(({ spec }) => spec.instanceId === instanceId)?.said,
      async start(spec) {
        const guest = options.guest?.(spec) ?? new NotingGuest(spec)
        guests.push(guest)
        return guest
      },
    },
    visibilityDelayMs: options.visibilityDelayMs,
    consistency: options.consistency,
    quotas: options.quotas,
    profileOf: options.profileOf,
  })
  if (options.left) {
    durable.restore(deserialize(options.left.saved))
    durable.resume?.()
  } else host.registerImage({ imageId: IMAGE_ID, rootDeviceName: '/dev/xvda', rootDeviceType: 'ebs', rootSizeGiB: 1 })
  onTestFinished(async () => {
    await host.close()
    clock.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  let toldCount = 0

  const account: TestAccount = {
    clock,
    host,
    operations: service.operations,
    kms,
    guests,
    events,
    async call<Name extends keyof Api>(name: Name, input: Api[Name][0]) {
      const operation = service.operations[name]
      if (!operation) throw new Error(`${name} is not implemented`)
      return (await operation(input as never, CALLER)) as Api[Name][1]
    },
    async runningInstance(request = {}) {
      const { Instances: [instance] = [] } = await account.call('RunInstances', {
        ImageId: IMAGE_ID,
        MinCount: 1,
        MaxCount: 1,
        BlockDeviceMappings: [DATA_DISK],
        ...request,
      })
      await clock.advance(MINUTE_MS)
      return { id: instance!.InstanceId!, guest: guests.at(-1)! }
    },
    async volumeAt(instanceId, device) {
      const { Volumes = [] } = await account.call('DescribeVolumes', {
        Filters: [
          { Name: 'attachment.instance-id', Values: [instanceId] },
          { Name: 'attachment.device', Values: [device] },
        ],
      })
      return Volumes[0]!.VolumeId!
    },
    async stateOf(instanceId) {
      const { Reservations } = await account.call('DescribeInstances', { InstanceIds: [instanceId] })
      return Reservations?.[0]?.Instances?.[0]?.State?.Name
    },
    told() {
      const told = events.slice(toldCount).map(short)
      toldCount = events.length
      return told
    },
    async afterRestart() {
      const saved = serialize(durable.save())
      await host.close()
      clock.stop()
      return testAccount({ ...options, clock: manualClock(clock.now()), left: { directory, saved } })
    },
  }
  return account
}
