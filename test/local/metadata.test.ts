import type { Instance } from '@aws-sdk/client-ec2'
import { expect, onTestFinished, test } from 'vitest'
import { createMetadata } from '../../local/metadata/metadata.ts'
import type { MetadataOptions } from '../../local/metadata/metadata.ts'
import { INSTANCE_ID, machine, sh } from './guest-machine.ts'

const PROFILE = 'arn:aws:iam::111122223333:instance-profile/proxy'
const NOW_MS = Date.UTC(2026, 0, 5)
const HOUR_MS = 3_600_000
const CREDENTIALS = {
  accessKeyId: 'ASIA1',
  secretAccessKey: 'secret',
  sessionToken: 'token',
  issuedMs: NOW_MS - HOUR_MS,
  expiresMs: NOW_MS + 5 * HOUR_MS,
}
const MAC = '02:11:22:33:44:55'

const described: Instance = {
  InstanceId: INSTANCE_ID,
  ImageId: 'ami-1',
  InstanceType: 'm5.large',
  Architecture: 'x86_64',
  LaunchTime: new Date('2026-01-01T00:00:00Z'),
  PrivateIpAddress: '10.0.0.5',
  PrivateDnsName: 'ip-10-0-0-5.eu-central-1.compute.internal',
  PublicIpAddress: '203.0.113.7',
  Placement: { AvailabilityZone: 'eu-central-1a', AvailabilityZoneId: 'euc1-az1' },
  RootDeviceName: '/dev/xvda',
  BlockDeviceMappings: [{ DeviceName: '/dev/sdf' }, { DeviceName: '/dev/xvda' }],
  SecurityGroups: [{ GroupId: 'sg-1', GroupName: 'default' }],
  NetworkInterfaces: [
    {
      MacAddress: MAC,
      NetworkInterfaceId: 'eni-1',
      OwnerId: '111122223333',
      SubnetId: 'subnet-1',
      VpcId: 'vpc-1',
      PrivateIpAddress: '10.0.0.5',
      Attachment: { DeviceIndex: 0 },
      Groups: [{ GroupId: 'sg-1', GroupName: 'default' }],
    },
  ],
  IamInstanceProfile: { Arn: PROFILE, Id: 'AIPA1' },
  MetadataOptions: { HttpTokens: 'required', HttpEndpoint: 'enabled', InstanceMetadataTags: 'disabled' },
  Tags: [{ Key: 'Name', Value: 'web' }],
}

const OPTIONS: MetadataOptions = {
  clock: { now: () => NOW_MS, factor: 2 },
  accountId: '111122223333',
  region: 'eu-central-1',
  roleOfProfile: (arn) => (arn === PROFILE ? 'arn:aws:iam::111122223333:role/made/by/us/proxy-role' : undefined),
  credentialsFor: (_, session) => ({ ...CREDENTIALS, accessKeyId: `ASIA-${session}` }),
}

/** The metadata of an instance that is as described, with changes that may be made later. */
async function instance(changes: Partial<Instance> = {}, userData?: string) {
  const now = { ...described, ...changes }
  const served = await createMetadata(OPTIONS).serve({
    instanceId: INSTANCE_ID,
    reservationId: 'r-1',
    ...(userData === undefined ? {} : { userData }),
    describe: () => now,
  })
  const { endpoint } = served
  onTestFinished(() => served.close())
  const put = (headers: Record<string, string>) => fetch(`${endpoint}/latest/api/token`, { method: 'PUT', headers })
  const token = async (ttlSeconds = 60) =>
    (await put({ 'X-aws-ec2-metadata-token-ttl-seconds': String(ttlSeconds) })).text()
  const get = (path: string, headers: Record<string, string>) => fetch(`${endpoint}${path}`, { headers })
  const mine = await token()
  const read = async (path: string) => {
    const response = await get(`/latest/${path}`, { 'X-aws-ec2-metadata-token': mine })
    return response.ok ? response.text() : response.status
  }
  return { now, endpoint, put, token, get, read }
}

test('gives a session token for a stated time, and answers nobody without one where tokens are required (AWS facts H)', async () => {
  const { put, get, token } = await instance()
  const answer = await put({ 'X-aws-ec2-metadata-token-ttl-seconds': '21600' })
  expect(answer.headers.get('x-aws-ec2-metadata-token-ttl-seconds')).toBe('21600')
  expect((await put({})).status).toBe(400)
  for (const ttl of ['0', '21601', 'x'])
    expect((await put({ 'X-aws-ec2-metadata-token-ttl-seconds': ttl })).status).toBe(400)
  const forwarded = { 'X-aws-ec2-metadata-token-ttl-seconds': '60', 'X-Forwarded-For': '10.0.0.1' }
  expect((await put(forwarded)).status).toBe(403)
  const path = '/latest/meta-data/instance-id'
  expect((await get(path, {})).status).toBe(401)
  expect((await get(path, { 'X-aws-ec2-metadata-token': 'made-up' })).status).toBe(401)
  const answered = await get(path, { 'X-aws-ec2-metadata-token': await token(60) })
  expect([await answered.text(), answered.headers.get('x-aws-ec2-metadata-token-ttl-seconds')]).toEqual([
    INSTANCE_ID,
    '60',
  ])
})

test('answers without a token where tokens are optional, and nobody where the endpoint is disabled, as soon as that changes', async () => {
  const { now, get, put } = await instance({ MetadataOptions: { HttpTokens: 'optional', HttpEndpoint: 'enabled' } })
  expect(await (await get('/latest/meta-data/ami-id', {})).text()).toBe('ami-1')
  expect((await get('/latest/meta-data/ami-id', { 'X-aws-ec2-metadata-token': 'made-up' })).status).toBe(401)
  now.MetadataOptions = { HttpTokens: 'optional', HttpEndpoint: 'disabled' }
  expect((await get('/latest/meta-data/ami-id', {})).status).toBe(403)
  expect((await put({ 'X-aws-ec2-metadata-token-ttl-seconds': '60' })).status).toBe(403)
})

test('keeps the tokens of one instance from another', async () => {
  const [one, other] = [await instance(), await instance()]
  const headers = { 'X-aws-ec2-metadata-token': await one.token() }
  expect((await one.get('/latest/meta-data/', headers)).status).toBe(200)
  expect((await other.get('/latest/meta-data/', headers)).status).toBe(401)
})

test.each([
  ['meta-data/instance-type', 'm5.large'],
  ['meta-data/local-ipv4/', '10.0.0.5'],
  ['meta-data/public-ipv4', '203.0.113.7'],
  ['meta-data/mac', MAC],
  ['meta-data/placement', 'availability-zone\navailability-zone-id\nregion'],
  ['meta-data/placement/region', 'eu-central-1'],
  ['meta-data/reservation-id', 'r-1'],
  ['meta-data/network/interfaces/macs/', `${MAC}/`],
  [`meta-data/network/interfaces/macs/${MAC}/subnet-id`, 'subnet-1'],
  [`meta-data/network/interfaces/macs/${MAC}/security-group-ids`, 'sg-1'],
  ['meta-data/block-device-mapping/', 'ami\nebs1\nroot'],
  ['meta-data/block-device-mapping/root', '/dev/xvda'],
  ['meta-data/block-device-mapping/ebs1', 'sdf'],
  ['meta-data/iam/security-credentials/', 'proxy-role'],
  ['user-data', '#!/bin/bash\ntrue'],
  ['meta-data/tags/instance/Name', 404],
  ['meta-data/nonsense', 404],
  ['meta-data/constructor', 404],
  ['dynamic/instance-identity/', 'document'],
  ['dynamic/instance-identity/pkcs7', 501],
])('answers %s', async (path, expected) => {
  const { read } = await instance({}, '#!/bin/bash\ntrue')
  expect(await read(path)).toBe(expected)
})

test('follows the instance: tags when they are allowed, interfaces and addresses; but disks as they were at the start', async () => {
  const { now, read } = await instance()
  now.MetadataOptions = { ...described.MetadataOptions, InstanceMetadataTags: 'enabled' }
  now.BlockDeviceMappings = [{ DeviceName: '/dev/sdg' }]
  now.NetworkInterfaces = [
    ...(described.NetworkInterfaces ?? []),
    { MacAddress: '02:00:00:00:00:02', NetworkInterfaceId: 'eni-2', Association: { PublicIp: '203.0.113.9' } },
  ]
  expect(await read('meta-data/tags/instance/')).toBe('Name')
  expect(await read('meta-data/tags/instance/Name')).toBe('web')
  expect(await read('meta-data/network/interfaces/macs/02:00:00:00:00:02/public-ipv4s')).toBe('203.0.113.9')
  expect(await read('meta-data/block-device-mapping/ebs1')).toBe('sdf')
})

test('gives the credentials of the profile’s role, their end by the machine’s own clock, and none without a profile', async () => {
  const { now, read } = await instance()
  const credentials = JSON.parse(String(await read('meta-data/iam/security-credentials/proxy-role')))
  expect(credentials).toMatchObject({
    Code: 'Success',
    Type: 'AWS-HMAC',
    AccessKeyId: `ASIA-${INSTANCE_ID}`,
    SecretAccessKey: 'secret',
    Token: 'token',
  })
  // Virtual time is twice as fast.
  const minutesLeft = (Date.parse(credentials.Expiration) - Date.now()) / 60_000
  expect(minutesLeft).toBeCloseTo(150, 0)
  expect(JSON.parse(String(await read('meta-data/iam/info')))).toMatchObject({
    Code: 'Success',
    InstanceProfileArn: PROFILE,
  })
  now.IamInstanceProfile = { Arn: `${PROFILE}2`, Id: 'AIPA2' }
  expect(JSON.parse(String(await read('meta-data/iam/info')))).toMatchObject({ Code: 'InstanceProfileNotFound' })
  expect(await read('meta-data/iam/security-credentials/proxy-role')).toBe(404)
  delete now.IamInstanceProfile
  expect(await read('meta-data/iam/')).toBe(404)
})

test('identifies the instance in a document', async () => {
  const { read } = await instance()
  expect(JSON.parse(String(await read('dynamic/instance-identity/document')))).toMatchObject({
    accountId: '111122223333',
    region: 'eu-central-1',
    instanceId: INSTANCE_ID,
    availabilityZone: 'eu-central-1a',
    pendingTime: '2026-01-01T00:00:00Z',
  })
})

test('is found by a guest in its environment, for as long as the guest runs', async () => {
  const { guests, spec } = machine(undefined, { metadata: createMetadata(OPTIONS) })
  const guest = await guests.start({ ...spec, describe: () => described })
  const endpoint = (await sh(guest, 'echo "$AWS_EC2_METADATA_SERVICE_ENDPOINT"')).stdout.trim()
  const token = await fetch(`${endpoint}/latest/api/token`, {
    method: 'PUT',
    headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
  })
  const headers = { 'X-aws-ec2-metadata-token': await token.text() }
  expect(await (await fetch(`${endpoint}/latest/meta-data/instance-id`, { headers })).text()).toBe(INSTANCE_ID)
  await guest.stop()
  await expect(fetch(`${endpoint}/latest/meta-data/instance-id`, { headers })).rejects.toThrow('fetch failed')

  const alone = machine()
  const without = await alone.guests.start(alone.spec)
  expect((await sh(without, 'echo "$AWS_EC2_METADATA_DISABLED"')).stdout).toBe('true\n')
})
