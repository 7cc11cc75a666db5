import type * as Sdk from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { IMAGE_ID, MINUTE_MS, START_MS, ZONE, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

const ONE = { ImageId: IMAGE_ID, MinCount: 1, MaxCount: 1 }

const refused = (call: Promise<unknown>, code: string, message?: string): Promise<void> =>
  expect(call).rejects.toMatchObject(message === undefined ? { code } : { code, message })

async function launch(account: TestAccount, request: Partial<Sdk.RunInstancesRequest> = {}): Promise<Sdk.Instance> {
  const { Instances = [] } = await account.call('RunInstances', { ...ONE, ...request })
  return Instances[0]!
}

const described = async (account: TestAccount, id: string): Promise<Sdk.Instance> =>
  (await account.call('DescribeInstances', { InstanceIds: [id] })).Reservations![0]!.Instances![0]!

const rootAt = (VolumeInitializationRate: number) => ({
  BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeInitializationRate } }],
})

async function subnetIn(account: TestAccount, zone = ZONE): Promise<string> {
  const { Subnets } = await account.call('DescribeSubnets', {
    Filters: [{ Name: 'availability-zone', Values: [zone] }],
  })
  return Subnets![0]!.SubnetId!
}

const newInterface = async (account: TestAccount, request: object = {}): Promise<Sdk.NetworkInterface> =>
  (await account.call('CreateNetworkInterface', { SubnetId: await subnetIn(account), ...request })).NetworkInterface!

describe('the network of a launch (AWS facts A.17)', () => {
  it('takes interfaces or the parameters of the instance, never both', async () => {
    const account = testAccount()
    const SubnetId = await subnetIn(account)
    await refused(
      launch(account, { SubnetId, NetworkInterfaces: [{ DeviceIndex: 0, SubnetId }] }),
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID may not be specified on the same request',
    )
    await refused(
      launch(account, { PrivateIpAddress: '172.31.0.9', NetworkInterfaces: [{ DeviceIndex: 0, SubnetId }] }),
      'InvalidParameterCombination',
    )
    expect(account.host.counts().instances).toBe(0)
  })

  it('uses an existing interface, whose address and life it keeps', async () => {
    const account = testAccount()
    const own = await newInterface(account, { PrivateIpAddress: '172.31.0.77' })
    const { InstanceId, PrivateIpAddress } = await launch(account, {
      NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: own.NetworkInterfaceId }],
    })
    expect(PrivateIpAddress).toBe('172.31.0.77')
    await refused(
      launch(account, { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: own.NetworkInterfaceId }] }),
      'InvalidNetworkInterface.InUse',
    )
    await account.clock.advance(MINUTE_MS)
    await account.call('TerminateInstances', { InstanceIds: [InstanceId!] })
    await account.clock.advance(MINUTE_MS)
    const { NetworkInterfaces } = await account.call('DescribeNetworkInterfaces', {})
    expect(NetworkInterfaces).toMatchObject([{ NetworkInterfaceId: own.NetworkInterfaceId, Status: 'available' }])
  })

  it('refuses an existing interface together with a subnet or groups, and for several instances', async () => {
    const account = testAccount()
    const { NetworkInterfaceId } = await newInterface(account)
    const SubnetId = await subnetIn(account)
    await refused(
      launch(account, { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId, SubnetId }] }),
      'InvalidParameterCombination',
      'A network interface may not specify both a network interface ID and a subnet',
    )
    await refused(
      launch(account, { MaxCount: 2, NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId }] }),
      'InvalidParameterCombination',
    )
  })

  it('makes several interfaces with secondary addresses, tagged, and a public address only on a single one', async () => {
    const account = testAccount()
    const SubnetId = await subnetIn(account)
    const { InstanceId } = await launch(account, {
      InstanceType: 'm5.large',
      NetworkInterfaces: [
        { DeviceIndex: 0, SubnetId, SecondaryPrivateIpAddressCount: 2 },
        { DeviceIndex: 1, SubnetId, PrivateIpAddress: '172.31.3.3', DeleteOnTermination: false },
      ],
      TagSpecifications: [{ ResourceType: 'network-interface', Tags: [{ Key: 'a', Value: 'b' }] }],
    })
    const { NetworkInterfaces = [], PublicIpAddress } = await described(account, InstanceId!)
    expect(NetworkInterfaces.map((one) => one.PrivateIpAddresses!.length)).toEqual([3, 1])
    expect(NetworkInterfaces[1]).toMatchObject({
      PrivateIpAddress: '172.31.3.3',
      Attachment: { DeviceIndex: 1, DeleteOnTermination: false },
    })
    expect(PublicIpAddress).toBeUndefined()
    const tagged = await account.call('DescribeNetworkInterfaces', { Filters: [{ Name: 'tag:a', Values: ['b'] }] })
    expect(tagged.NetworkInterfaces).toHaveLength(2)
    await refused(
      launch(account, {
        NetworkInterfaces: [
          { DeviceIndex: 0, SubnetId, AssociatePublicIpAddress: true },
          { DeviceIndex: 1, SubnetId },
        ],
      }),
      'InvalidParameterCombination',
    )
    await refused(
      launch(account, { NetworkInterfaces: [0, 1, 2].map((DeviceIndex) => ({ DeviceIndex, SubnetId })) }),
      'AttachmentLimitExceeded',
    )
    await refused(launch(account, { NetworkInterfaces: [{ DeviceIndex: 1, SubnetId }] }), 'InvalidParameterValue')
  })

  it('refuses an address that is taken, reserved, or outside the subnet, and one for two instances', async () => {
    const account = testAccount()
    await launch(account, { PrivateIpAddress: '172.31.0.10' })
    await refused(
      launch(account, { PrivateIpAddress: '172.31.0.10' }),
      'InvalidIPAddress.InUse',
      'Address 172.31.0.10 is in use.',
    )
    await refused(launch(account, { PrivateIpAddress: '172.31.0.3' }), 'InvalidParameterValue')
    await refused(launch(account, { PrivateIpAddress: '10.0.0.10' }), 'InvalidParameterValue')
    await refused(launch(account, { PrivateIpAddress: '172.31.0.11', MaxCount: 2 }), 'InvalidParameterCombination')
  })

  it('frees the addresses of what is terminated, and says when a subnet is full', async () => {
    const account = testAccount()
    const { VpcId } = (await account.call('CreateVpc', { CidrBlock: '10.9.0.0/16' })).Vpc!
    const { SubnetId } = (await account.call('CreateSubnet', { VpcId, CidrBlock: '10.9.0.0/28' })).Subnet!
    await refused(launch(account, { SubnetId, MinCount: 12, MaxCount: 12 }), 'InsufficientFreeAddressesInSubnet')
    const { Instances = [] } = await account.call('RunInstances', { ...ONE, SubnetId, MinCount: 11, MaxCount: 11 })
    await refused(launch(account, { SubnetId }), 'InsufficientFreeAddressesInSubnet')
    await account.call('TerminateInstances', { InstanceIds: [Instances[0]!.InstanceId!] })
    await account.clock.advance(MINUTE_MS)
    const { PrivateIpAddress } = await launch(account, { SubnetId })
    expect(PrivateIpAddress).toBe(Instances[0]!.PrivateIpAddress)
  })
})

describe('capacity and quotas (AWS facts A.17, A.21)', () => {
  it('answers 500 where there is no capacity, of that type, in that zone, at a launch or a start, and only as often as planned', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance({ InstanceType: 'm5.large' })
    await account.call('StopInstances', { InstanceIds: [id] })
    await account.clock.advance(MINUTE_MS)
    account.host.lackCapacity({ type: 'm5.large', zone: ZONE })
    await launch(account, { InstanceType: 'c5.large' })
    await launch(account, { InstanceType: 'm5.large', Placement: { AvailabilityZone: 'eu-central-1b' } })
    await expect(account.call('StartInstances', { InstanceIds: [id] })).rejects.toMatchObject({
      code: 'InsufficientInstanceCapacity',
      status: 500,
    })
    await account.call('StartInstances', { InstanceIds: [id] })
    const giveBack = account.host.lackCapacity({ on: 'launch' }, 100)
    await refused(launch(account), 'InsufficientInstanceCapacity')
    giveBack()
    await launch(account)
  })

  it('launches as many as there is room for between MinCount and MaxCount', async () => {
    const account = testAccount()
    account.host.lackCapacity({ room: 2 }, 2)
    await refused(launch(account, { MinCount: 3, MaxCount: 5 }), 'InsufficientInstanceCapacity')
    const { Instances } = await account.call('RunInstances', { ...ONE, MaxCount: 5 })
    expect(Instances).toHaveLength(2)
  })

  it('counts the vCPUs of what runs against the quota, and not those of what is stopped', async () => {
    const account = testAccount({ quotas: { onDemandVcpus: 4 } })
    const { id } = await account.runningInstance({ InstanceType: 'm5.large' })
    await account.runningInstance({ InstanceType: 'm5.large' })
    await refused(launch(account, { InstanceType: 'm5.large' }), 'VcpuLimitExceeded')
    await account.call('StopInstances', { InstanceIds: [id] })
    await account.clock.advance(MINUTE_MS)
    await account.runningInstance({ InstanceType: 'm5.large' })
    await refused(account.call('StartInstances', { InstanceIds: [id] }), 'VcpuLimitExceeded')
  })

  it('lets a launch pass and end terminated, with the reason that was planned', async () => {
    const account = testAccount()
    account.host.failLaunch('Client.InvalidSnapshot.NotFound')
    const { InstanceId } = await launch(account)
    await account.clock.advance(MINUTE_MS)
    expect(await described(account, InstanceId!)).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Client.InvalidSnapshot.NotFound' },
    })
    expect(account.host.counts()).toEqual({ volumes: 0, snapshots: 0, instances: 0 })
  })

  it('lets instances pass whose volumes are past a quota, and end terminated; the others of the launch come up (AWS facts A.17, A.22)', async () => {
    const account = testAccount({ quotas: { storageGiB: { gp3: 8 } } })
    const gp3 = { VolumeSize: 2, VolumeType: 'gp3' as const }
    const { Instances = [] } = await account.call('RunInstances', {
      ...ONE,
      MaxCount: 3,
      BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: gp3 }],
    })
    await account.clock.advance(MINUTE_MS)
    const ends = await Promise.all(Instances.map(({ InstanceId }) => described(account, InstanceId!)))
    expect(ends.map(({ State, StateReason }) => [State?.Name, StateReason?.Code])).toEqual([
      ['running', undefined],
      ['running', undefined],
      ['terminated', 'Client.VolumeLimitExceeded'],
    ])
    expect(account.host.counts()).toMatchObject({ volumes: 4, instances: 2 })
  })

  it('refuses a launch whose disks together ask for more initialization than there is (AWS facts A.12, A.22)', async () => {
    const account = testAccount({ quotas: { initializationRate: 500 } })
    const two = { MinCount: 2, MaxCount: 2 }
    await refused(launch(account, { ...rootAt(300), ...two }), 'VolumeInitializationRateLimitExceeded')
    expect(await launch(account, { ...rootAt(250), ...two })).toMatchObject({ State: { Name: 'pending' } })
  })
})

describe('spot (AWS facts A.17)', () => {
  const spot = { MarketType: 'spot' as const }

  it('has a request, cannot be stopped, is warned, and is taken two minutes later', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance({
      InstanceMarketOptions: spot,
      TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: [{ Key: 'why', Value: 'cheap' }] }],
    })
    const { SpotInstanceRequests } = await account.call('DescribeSpotInstanceRequests', {})
    expect(SpotInstanceRequests).toMatchObject([{ InstanceId: id, State: 'active', Tags: [{ Key: 'why' }] }])
    const { SpotInstanceRequestId } = SpotInstanceRequests![0]!
    expect(await described(account, id)).toMatchObject({ InstanceLifecycle: 'spot', SpotInstanceRequestId })
    await refused(account.call('StopInstances', { InstanceIds: [id] }), 'UnsupportedOperation')

    account.host.interruptSpot(id)
    expect(account.events.at(-1)).toMatchObject({
      'detail-type': 'EC2 Spot Instance Interruption Warning',
      detail: { 'instance-id': id, 'instance-action': 'terminate' },
    })
    await account.clock.advance(2 * MINUTE_MS - 1)
    expect(await account.stateOf(id)).toBe('running')
    await account.clock.advance(MINUTE_MS)
    expect(await described(account, id)).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Server.SpotInstanceTermination' },
    })
    const after = await account.call('DescribeSpotInstanceRequests', {})
    expect(after.SpotInstanceRequests).toMatchObject([
      { State: 'closed', Status: { Code: 'instance-terminated-no-capacity' } },
    ])
  })

  it('has no capacity of its own, where on demand there is', async () => {
    const account = testAccount()
    account.host.lackCapacity({ market: 'spot' }, 2)
    await refused(
      launch(account, { InstanceMarketOptions: spot }),
      'InsufficientInstanceCapacity',
      'There is no Spot capacity available that matches your request.',
    )
    await launch(account)
  })
})

describe('what is launched from', () => {
  it('refuses an image of another architecture, and a paravirtual one or one without ENA on Nitro', async () => {
    const account = testAccount()
    await refused(launch(account, { InstanceType: 'm6g.large' }), 'InvalidParameterValue')
    const { id } = await account.runningInstance()
    const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: await account.volumeAt(id, '/dev/xvda') })
    await account.clock.advance(10 * MINUTE_MS)
    const register = async (Name: string, more: object): Promise<string> =>
      (
        await account.call('RegisterImage', {
          Name,
          Architecture: 'x86_64',
          RootDeviceName: '/dev/xvda',
          BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
          ...more,
        })
      ).ImageId!
    const paravirtual = await register('paravirtual', {})
    const withoutEna = await register('hvm', { VirtualizationType: 'hvm' })
    const good = await register('ena', { VirtualizationType: 'hvm', EnaSupport: true })
    const on = (ImageId: string) => launch(account, { ImageId, InstanceType: 'm5.large' })
    await refused(on(paravirtual), 'InvalidParameterCombination')
    await refused(on(withoutEna), 'InvalidParameterCombination')
    expect((await on(good)).State).toMatchObject({ Name: 'pending' })
  })

  it('knows the profiles that IAM knows, and says so when a new one has not arrived yet (AWS facts A.17)', async () => {
    const arn = 'arn:aws:iam::111122223333:instance-profile/proxy'
    const account = testAccount({
      profileOf: (nameOrArn) => (nameOrArn === 'proxy' || nameOrArn === arn ? { arn, id: 'AIPATEST' } : undefined),
    })
    await refused(
      launch(account, { IamInstanceProfile: { Name: 'other' } }),
      'InvalidParameterValue',
      'Value (other) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name',
    )
    const { id } = await account.runningInstance({ IamInstanceProfile: { Name: 'proxy' } })
    expect((await described(account, id)).IamInstanceProfile).toEqual({ Arn: arn, Id: 'AIPATEST' })
    const { IamInstanceProfileAssociations: [association] = [] } = await account.call(
      'DescribeIamInstanceProfileAssociations',
      { Filters: [{ Name: 'instance-id', Values: [id] }] },
    )
    const again = { InstanceId: id, IamInstanceProfile: { Arn: arn } }
    await refused(account.call('AssociateIamInstanceProfile', again), 'IncorrectState')
    await account.call('DisassociateIamInstanceProfile', { AssociationId: association!.AssociationId! })
    expect((await described(account, id)).IamInstanceProfile).toBeUndefined()
    await account.call('AssociateIamInstanceProfile', again)
    expect((await described(account, id)).IamInstanceProfile?.Arn).toBe(arn)
  })

  it('gives a token its own scope in each zone that a request names (AWS facts A.17)', async () => {
    const account = testAccount()
    const inZone = async (AvailabilityZone: string) =>
      (await launch(account, { ClientToken: 'token', Placement: { AvailabilityZone } })).InstanceId
    const first = await inZone('eu-central-1a')
    expect(await inZone('eu-central-1b')).not.toBe(first)
    expect(await inZone('eu-central-1a')).toBe(first)
  })

  it('makes data volumes from snapshots right in the launch, and refuses more volumes than the type has slots', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: await account.volumeAt(id, '/dev/sdf') })
    await account.clock.advance(10 * MINUTE_MS)
    const letters = 'bcdefghijklmnopqrstuvwxyz'.split('')
    const from = (names: string[]): Sdk.BlockDeviceMapping[] =>
      names.map((DeviceName) => ({ DeviceName, Ebs: { SnapshotId, DeleteOnTermination: false } }))
    const names = [...letters.map((letter) => `/dev/sd${letter}`), '/dev/xvdba']
    await refused(
      launch(account, { InstanceType: 'm5.large', BlockDeviceMappings: from([...names, '/dev/xvdbb']) }),
      'AttachmentLimitExceeded',
    )
    const { InstanceId } = await launch(account, {
      InstanceType: 'm5.large',
      BlockDeviceMappings: from(names.slice(0, 2)),
    })
    await account.clock.advance(MINUTE_MS)
    const { BlockDeviceMappings } = await described(account, InstanceId!)
    expect(BlockDeviceMappings!.map(({ DeviceName, Ebs }) => [DeviceName, Ebs!.DeleteOnTermination])).toEqual([
      ['/dev/xvda', true],
      ['/dev/sdb', false],
      ['/dev/sdc', false],
    ])
  })

  it('describes the types that it knows, by what they can do', async () => {
    const account = testAccount()
    const { InstanceTypes } = await account.call('DescribeInstanceTypes', {
      InstanceTypes: ['m5.large', 'm7i.24xlarge'],
    })
    expect(InstanceTypes).toMatchObject([
      { EbsInfo: { AttachmentLimitType: 'shared', MaximumEbsAttachments: 28 }, Hypervisor: 'nitro' },
      { EbsInfo: { AttachmentLimitType: 'dedicated', MaximumEbsAttachments: 64 } },
    ])
    const xen = await account.call('DescribeInstanceTypes', { Filters: [{ Name: 'hypervisor', Values: ['xen'] }] })
    expect(xen.InstanceTypes!.map(({ InstanceType }) => InstanceType)).toContain('t2.micro')
    expect(xen.InstanceTypes!.map(({ InstanceType }) => InstanceType)).not.toContain('m5.large')
  })

  it('remembers when it was launched, in the answer and the time of the clock', async () => {
    const account = testAccount()
    expect((await launch(account)).LaunchTime).toEqual(new Date(START_MS))
  })
})
