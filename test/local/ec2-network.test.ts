import type * as Sdk from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { MINUTE_MS, ZONE, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

const refused = (call: Promise<unknown>, code: string, message?: string): Promise<void> =>
  expect(call).rejects.toMatchObject(message === undefined ? { code } : { code, message })

async function subnetIn(account: TestAccount, zone = ZONE): Promise<string> {
  const { Subnets } = await account.call('DescribeSubnets', {
    Filters: [{ Name: 'availability-zone', Values: [zone] }],
  })
  return Subnets![0]!.SubnetId!
}

async function newInterface(account: TestAccount, request: object = {}): Promise<string> {
  const SubnetId = await subnetIn(account)
  const { NetworkInterface } = await account.call('CreateNetworkInterface', { SubnetId, ...request })
  return NetworkInterface!.NetworkInterfaceId!
}

const interfaceOf = async (account: TestAccount, id: string): Promise<Sdk.NetworkInterface> =>
  (await account.call('DescribeNetworkInterfaces', { NetworkInterfaceIds: [id] })).NetworkInterfaces![0]!

const instanceOf = async (account: TestAccount, id: string): Promise<Sdk.Instance> =>
  (await account.call('DescribeInstances', { InstanceIds: [id] })).Reservations![0]!.Instances![0]!

describe('network interfaces (AWS facts A.17)', () => {
  it('are attached and detached in their time; the one at index 0 stays', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const second = await newInterface(account)
    const { AttachmentId } = await account.call('AttachNetworkInterface', {
      NetworkInterfaceId: second,
      InstanceId: id,
      DeviceIndex: 1,
    })
    expect((await interfaceOf(account, second)).Attachment).toMatchObject({
      Status: 'attaching',
      DeleteOnTermination: false,
    })
    await refused(account.call('DeleteNetworkInterface', { NetworkInterfaceId: second }), 'InvalidParameterValue')
    await account.clock.advance(5_000)
    expect(await interfaceOf(account, second)).toMatchObject({ Status: 'in-use', Attachment: { Status: 'attached' } })

    const { NetworkInterfaces = [] } = await instanceOf(account, id)
    await refused(
      account.call('DetachNetworkInterface', { AttachmentId: NetworkInterfaces[0]!.Attachment!.AttachmentId! }),
      'OperationNotPermitted',
      'The network interface at device index 0 cannot be detached.',
    )
    await account.call('DetachNetworkInterface', { AttachmentId })
    expect((await interfaceOf(account, second)).Status).toBe('detaching')
    await account.clock.advance(5_000)
    expect((await interfaceOf(account, second)).Status).toBe('available')
    expect((await instanceOf(account, id)).NetworkInterfaces).toHaveLength(1)
    await account.call('DeleteNetworkInterface', { NetworkInterfaceId: second })
    await refused(interfaceOf(account, second), 'InvalidNetworkInterfaceID.NotFound')
  })

  it('are not attached in another zone, twice, at a taken index, or past the limit of the type', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const attach = (NetworkInterfaceId: string, DeviceIndex: number) =>
      account.call('AttachNetworkInterface', { NetworkInterfaceId, InstanceId: id, DeviceIndex })
    const elsewhere = await newInterface(account, { SubnetId: await subnetIn(account, 'eu-central-1b') })
    await refused(
      attach(elsewhere, 1),
      'InvalidParameterCombination',
      'You may not attach a network interface to an instance if they are not in the same availability zone',
    )
    const second = await newInterface(account)
    await refused(attach(second, 0), 'InvalidParameterValue')
    await attach(second, 1)
    await refused(attach(second, 2), 'InvalidNetworkInterface.InUse')
    await refused(attach(await newInterface(account), 2), 'AttachmentLimitExceeded')
  })

  it('keep an address for a replacement: DeleteOnTermination off, terminate, launch with the interface', async () => {
    const account = testAccount()
    const old = await account.runningInstance()
    const { NetworkInterfaces: [primary] = [], PrivateIpAddress } = await instanceOf(account, old.id)
    await account.call('ModifyNetworkInterfaceAttribute', {
      NetworkInterfaceId: primary!.NetworkInterfaceId!,
      Attachment: { AttachmentId: primary!.Attachment!.AttachmentId!, DeleteOnTermination: false },
    })
    await account.call('TerminateInstances', { InstanceIds: [old.id] })
    await account.clock.advance(MINUTE_MS)
    expect((await interfaceOf(account, primary!.NetworkInterfaceId!)).Status).toBe('available')
    const { id } = await account.runningInstance({
      NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: primary!.NetworkInterfaceId! }],
    })
    expect((await instanceOf(account, id)).PrivateIpAddress).toBe(PrivateIpAddress)
  })

  it('change one attribute at a time', async () => {
    const account = testAccount()
    const NetworkInterfaceId = await newInterface(account, { Description: 'one' })
    const change = (request: object) =>
      account.call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId, ...request })
    await refused(change({}), 'InvalidParameterCombination')
    await refused(
      change({ Description: { Value: 'two' }, SourceDestCheck: { Value: false } }),
      'InvalidParameterCombination',
    )
    await change({ SourceDestCheck: { Value: false } })
    await change({ Description: { Value: 'two' } })
    expect(await interfaceOf(account, NetworkInterfaceId)).toMatchObject({
      Description: 'two',
      SourceDestCheck: false,
    })
    const read = await account.call('DescribeNetworkInterfaceAttribute', {
      NetworkInterfaceId,
      Attribute: 'description',
    })
    expect(read.Description).toEqual({ Value: 'two' })
  })

  it('pass secondary addresses on, never the primary one', async () => {
    const account = testAccount()
    const one = await newInterface(account, { PrivateIpAddress: '172.31.1.1' })
    const other = await newInterface(account)
    const assign = (NetworkInterfaceId: string, PrivateIpAddresses: string[], AllowReassignment?: boolean) =>
      account.call('AssignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddresses, AllowReassignment })
    await assign(one, ['172.31.1.2'])
    await refused(assign(other, ['172.31.1.2']), 'InvalidIPAddress.InUse', 'Address 172.31.1.2 is in use.')
    await refused(assign(other, ['172.31.1.1'], true), 'InvalidIPAddress.InUse')
    await assign(other, ['172.31.1.2'], true)
    expect((await interfaceOf(account, one)).PrivateIpAddresses).toHaveLength(1)
    expect((await interfaceOf(account, other)).PrivateIpAddresses).toMatchObject([
      { Primary: true },
      { Primary: false, PrivateIpAddress: '172.31.1.2' },
    ])
    await account.call('UnassignPrivateIpAddresses', { NetworkInterfaceId: other, PrivateIpAddresses: ['172.31.1.2'] })
    await refused(
      account.call('UnassignPrivateIpAddresses', { NetworkInterfaceId: one, PrivateIpAddresses: ['172.31.1.1'] }),
      'InvalidParameterValue',
    )
    const { AssignedPrivateIpAddresses } = await account.call('AssignPrivateIpAddresses', {
      NetworkInterfaceId: one,
      SecondaryPrivateIpAddressCount: 2,
    })
    expect(AssignedPrivateIpAddresses).toHaveLength(2)
  })

  it('are found by their instance, their address and their tags', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    await newInterface(account, {
      PrivateIpAddress: '172.31.2.2',
      TagSpecifications: [{ ResourceType: 'network-interface', Tags: [{ Key: 'a', Value: 'b' }] }],
    })
    const find = async (Name: string, Value: string) =>
      (await account.call('DescribeNetworkInterfaces', { Filters: [{ Name, Values: [Value] }] })).NetworkInterfaces!
        .length
    expect(await find('attachment.instance-id', id)).toBe(1)
    expect(await find('private-ip-address', '172.31.2.2')).toBe(1)
    expect(await find('addresses.private-ip-address', '172.31.2.*')).toBe(1)
    expect(await find('tag:a', 'b')).toBe(1)
    expect(await find('status', 'available')).toBe(1)
    expect(await find('vpc-id', 'vpc-0')).toBe(0)
  })
})

describe('Elastic IPs (AWS facts A.17)', () => {
  it('survive stop and start, take the place of the automatic address, and move silently unless forbidden', async () => {
    const account = testAccount()
    const [one, other] = [await account.runningInstance(), await account.runningInstance()]
    const { AllocationId, PublicIp } = await account.call('AllocateAddress', {})
    const associate = (InstanceId: string, AllowReassociation?: boolean) =>
      account.call('AssociateAddress', { AllocationId, InstanceId, AllowReassociation })
    const { AssociationId } = await associate(one.id)
    expect((await associate(one.id)).AssociationId).toBe(AssociationId)
    expect((await instanceOf(account, one.id)).PublicIpAddress).toBe(PublicIp)
    await account.call('StopInstances', { InstanceIds: [one.id] })
    await account.clock.advance(MINUTE_MS)
    expect((await instanceOf(account, one.id)).PublicIpAddress).toBe(PublicIp)
    await account.call('StartInstances', { InstanceIds: [one.id] })
    await account.clock.advance(MINUTE_MS)
    expect((await instanceOf(account, one.id)).PublicIpAddress).toBe(PublicIp)

    await refused(associate(other.id, false), 'Resource.AlreadyAssociated')
    await associate(other.id)
    expect((await instanceOf(account, other.id)).PublicIpAddress).toBe(PublicIp)
    expect((await instanceOf(account, one.id)).PublicIpAddress).toBeUndefined()
    await refused(account.call('ReleaseAddress', { AllocationId: AllocationId! }), 'InvalidIPAddress.InUse')
    await account.call('TerminateInstances', { InstanceIds: [other.id] })
    await account.clock.advance(MINUTE_MS)
    expect((await account.call('DescribeAddresses', {})).Addresses).toMatchObject([
      { AllocationId, InstanceId: undefined },
    ])
    await account.call('ReleaseAddress', { AllocationId: AllocationId! })
    await refused(account.call('DescribeAddresses', { AllocationIds: [AllocationId!] }), 'InvalidAllocationID.NotFound')
  })

  it('ask for the interface of an instance with two, and for a running or stopped one', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const second = await newInterface(account)
    await account.call('AttachNetworkInterface', { NetworkInterfaceId: second, InstanceId: id, DeviceIndex: 1 })
    const { AllocationId } = await account.call('AllocateAddress', {})
    await refused(account.call('AssociateAddress', { AllocationId, InstanceId: id }), 'InvalidInstanceID')
    const { AssociationId } = await account.call('AssociateAddress', { AllocationId, NetworkInterfaceId: second })
    await account.call('DisassociateAddress', { AssociationId: AssociationId! })
    await refused(
      account.call('DisassociateAddress', { AssociationId: AssociationId! }),
      'InvalidAssociationID.NotFound',
    )
    const { Instances = [] } = await account.call('RunInstances', {
      ImageId: (await instanceOf(account, id)).ImageId!,
      MinCount: 1,
      MaxCount: 1,
    })
    await refused(
      account.call('AssociateAddress', { AllocationId, InstanceId: Instances[0]!.InstanceId! }),
      'IncorrectInstanceState',
    )
  })

  it('are five at most', async () => {
    const account = testAccount()
    for (let count = 0; count < 5; count += 1) await account.call('AllocateAddress', {})
    await refused(account.call('AllocateAddress', {}), 'AddressLimitExceeded')
  })
})

describe('a network of one’s own, as for a rehearsal that reaches nothing', () => {
  it('is made, launched into with the same address as the original, and taken down in the right order only', async () => {
    const account = testAccount()
    const { VpcId } = (await account.call('CreateVpc', { CidrBlock: '172.31.0.0/16' })).Vpc!
    const { SubnetId, MapPublicIpOnLaunch } = (
      await account.call('CreateSubnet', { VpcId, CidrBlock: '172.31.0.0/20', AvailabilityZone: ZONE })
    ).Subnet!
    expect(MapPublicIpOnLaunch).toBe(false)
    const { GroupId } = await account.call('CreateSecurityGroup', { VpcId, GroupName: 'closed', Description: 'none' })
    const original = await instanceOf(account, (await account.runningInstance()).id)
    const copy = await instanceOf(
      account,
      (
        await account.runningInstance({
          SubnetId,
          SecurityGroupIds: [GroupId!],
          PrivateIpAddress: original.PrivateIpAddress!,
        })
      ).id,
    )
    expect(copy).toMatchObject({ PrivateIpAddress: original.PrivateIpAddress, VpcId, SubnetId, PublicDnsName: '' })

    await refused(account.call('DeleteVpc', { VpcId: VpcId! }), 'DependencyViolation')
    await refused(account.call('DeleteSubnet', { SubnetId: SubnetId! }), 'DependencyViolation')
    await refused(account.call('DeleteSecurityGroup', { GroupId: GroupId! }), 'DependencyViolation')
    await account.call('TerminateInstances', { InstanceIds: [copy.InstanceId!] })
    await account.clock.advance(MINUTE_MS)
    await account.call('DeleteSecurityGroup', { GroupId: GroupId! })
    await account.call('DeleteSubnet', { SubnetId: SubnetId! })
    await account.call('DeleteVpc', { VpcId: VpcId! })
    await refused(account.call('DescribeVpcs', { VpcIds: [VpcId!] }), 'InvalidVpcID.NotFound')
  })

  it('refuses blocks that overlap or lie outside, groups of another VPC, and the sixth VPC', async () => {
    const account = testAccount()
    const { VpcId } = (await account.call('CreateVpc', { CidrBlock: '10.0.0.0/16' })).Vpc!
    const subnet = (CidrBlock: string) => account.call('CreateSubnet', { VpcId, CidrBlock })
    const { SubnetId } = (await subnet('10.0.0.0/24')).Subnet!
    await refused(subnet('10.0.0.128/25'), 'InvalidSubnet.Conflict')
    await refused(subnet('10.1.0.0/24'), 'InvalidSubnet.Range')
    await refused(subnet('10.0.1.1/24'), 'InvalidParameterValue')
    const { SecurityGroups: [ofDefault] = [] } = await account.call('DescribeSecurityGroups', {})
    await refused(newInterface(account, { SubnetId, Groups: [ofDefault!.GroupId!] }), 'InvalidParameter')
    for (let count = 2; count < 5; count += 1) await account.call('CreateVpc', { CidrBlock: '10.0.0.0/16' })
    await refused(account.call('CreateVpc', { CidrBlock: '10.0.0.0/16' }), 'VpcLimitExceeded')
  })

  it('keeps rules that name a block or a group, once each, until they are revoked', async () => {
    const account = testAccount()
    const { GroupId } = await account.call('CreateSecurityGroup', { GroupName: 'web', Description: 'web' })
    const https = {
      GroupId: GroupId!,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }],
    }
    await account.call('AuthorizeSecurityGroupIngress', https)
    await refused(account.call('AuthorizeSecurityGroupIngress', https), 'InvalidPermission.Duplicate')
    const { SecurityGroups } = await account.call('DescribeSecurityGroups', {
      Filters: [{ Name: 'ip-permission.to-port', Values: ['443'] }],
    })
    expect(SecurityGroups).toMatchObject([{ GroupId, IpPermissionsEgress: [{ IpProtocol: '-1' }] }])
    await account.call('RevokeSecurityGroupIngress', https)
    await refused(account.call('RevokeSecurityGroupIngress', https), 'InvalidPermission.NotFound')
    await refused(
      account.call('CreateSecurityGroup', { GroupName: 'web', Description: 'again' }),
      'InvalidGroup.Duplicate',
    )
  })
})

describe('key pairs', () => {
  it('are made, imported, named by launches and deleted', async () => {
    const account = testAccount()
    const { KeyMaterial } = await account.call('CreateKeyPair', { KeyName: 'mine', KeyType: 'ed25519' })
    expect(KeyMaterial).toContain('BEGIN PRIVATE KEY')
    const rsa = await account.call('CreateKeyPair', { KeyName: 'older' })
    expect(rsa.KeyMaterial).toContain('BEGIN RSA PRIVATE KEY')
    await account.call('DeleteKeyPair', { KeyName: 'older' })
    await refused(account.call('CreateKeyPair', { KeyName: 'mine' }), 'InvalidKeyPair.Duplicate')
    await refused(
      account.call('ImportKeyPair', { KeyName: 'bad', PublicKeyMaterial: Buffer.from('nonsense') }),
      'InvalidKey.Format',
    )
    const { id } = await account.runningInstance({ KeyName: 'mine' })
    expect((await instanceOf(account, id)).KeyName).toBe('mine')
    await account.call('DeleteKeyPair', { KeyName: 'mine' })
    await account.call('DeleteKeyPair', { KeyName: 'mine' })
    await refused(account.call('DescribeKeyPairs', { KeyNames: ['mine'] }), 'InvalidKeyPair.NotFound')
  })
})
