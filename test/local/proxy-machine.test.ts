import { mkdtempSync, openSync, readSync, rmSync, closeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test } from 'vitest'
import { autoClock } from '../../local/clock.ts'
import { createEc2 } from '../../local/ec2/ec2.ts'
import { Faults } from '../../local/faults.ts'
import { createGuests } from '../../local/guests/guests.ts'
import { ServiceSessions } from '../../local/iam/service-sessions.ts'
import { createIdentities } from '../../local/identities.ts'
import { createKms } from '../../local/kms/kms.ts'
import { createMetadata } from '../../local/metadata/metadata.ts'
import { createS3 } from '../../local/s3/s3.ts'
import { startWireServer } from '../../local/wire/server.ts'
import type { ObservedCall } from '../../local/wire/server.ts'
import { START_MS } from './guest-machine.ts'

const PLACE = { accountId: '111122223333', region: 'eu-central-1' } as const
const PROFILE = `arn:aws:iam::${PLACE.accountId}:instance-profile/proxy`
const ROLE = `arn:aws:iam::${PLACE.accountId}:role/proxy-role`

/** An account with machines and objects, and what was called in it. */
async function startCloud() {
  const directory = mkdtempSync(join(tmpdir(), 'proxy-'))
  const clock = autoClock(START_MS)
  const identities = createIdentities({ accountId: PLACE.accountId })
  const calls: ObservedCall[] = []
  const sessions = new ServiceSessions(clock, identities, { lifeSeconds: 21_600, renewalSeconds: 3600 })
  let endpoint = ''
  const guests = createGuests({
    clock,
    directory: join(directory, 'guests'),
    endpoint: () => endpoint,
    metadata: createMetadata({
      ...PLACE,
      clock,
      roleOfProfile: (arn) => (arn === PROFILE ? ROLE : undefined),
      credentialsFor: (roleArn, session) => sessions.get(roleArn, session),
    }),
    onPowerOff: (instanceId) => ec2.host.guestPoweredOff(instanceId),
  })
  const ec2 = createEc2({
    ...PLACE,
    clock,
    directory: join(directory, 'disks'),
    emit: () => {},
    guests,
    keys: createKms({ ...PLACE, clock }),
  })
  const s3 = createS3({ clock, directory: join(directory, 'objects') })
  const wire = await startWireServer({
    services: [ec2.service, s3.service],
    identify: identities.identify,
    region: PLACE.region,
    faults: new Faults(),
    clock,
    onCall: (call) => calls.push(call),
  })
  endpoint = wire.endpoint
  onTestFinished(async () => {
    await ec2.host.close()
    await guests.close()
    await wire.close()
    clock.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  const settings = { endpoint, region: PLACE.region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
  const client = new S3Client(settings)
  const CreateBucketConfiguration = { LocationConstraint: PLACE.region }
  await client.send(new CreateBucketCommand({ Bucket: 'vault', CreateBucketConfiguration }))
  calls.length = 0
  return { clock, guests, calls, host: ec2.host, ec2: new EC2Client(settings), s3: client }
}

/** As a proxy will: code and credentials from nowhere but the account, blocks by the volume's id, and off it goes. */
const USER_DATA = `#!/bin/bash
cat >"$TMPDIR/fetch.cjs" <<'CODE'
const { createRequire } = require('node:module')
const { openSync, writeSync } = require('node:fs')
const { S3Client, GetObjectCommand } = createRequire(${JSON.stringify(resolve('package.json'))})('@aws-sdk/client-s3')
const imds = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT + '/latest/'
const ask = async (path, options) => (await fetch(imds + path, options)).text()
async function main() {
  const token = await ask('api/token', { method: 'PUT', headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' } })
  const headers = { 'X-aws-ec2-metadata-token': token }
  const region = await ask('meta-data/placement/region', { headers })
  const s3 = new S3Client({ region })
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'vault', Key: 'block' }))
  const disk = openSync(process.argv[2], 'r+')
  writeSync(disk, await Body.transformToByteArray(), 0, undefined, 4096)
}
main().catch((error) => { console.error(error); process.exit(1) })
CODE
read -r serial < <(lsblk -J -o NAME,SERIAL,MOUNTPOINT | grep -o 'vol[0-9a-f]*' | tail -n 1)
node "$TMPDIR/fetch.cjs" "$GUEST_ROOT/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$serial" && shutdown -h now
`

test('runs user data that takes credentials from its metadata, reads an object, writes it to a disk and ends its machine (AWS facts A.17)', async () => {
  const cloud = await startCloud()
  const { clock, ec2, s3, host, calls } = cloud
  const call = <T>(work: () => Promise<T>): Promise<T> => clock.holding(work)
  const block = Buffer.from('a block of a disk '.repeat(1000))
  await call(() => s3.send(new PutObjectCommand({ Bucket: 'vault', Key: 'block', Body: block })))
  host.registerImage({
    imageId: 'ami-0123456789abcdef0',
    rootDeviceName: '/dev/xvda',
    rootDeviceType: 'ebs',
    rootSizeGiB: 1,
  })
  const { Instances: [launched] = [] } = await call(() =>
    ec2.send(
      new RunInstancesCommand({
        ImageId: 'ami-0123456789abcdef0',
        InstanceType: 'c5.large',
        MinCount: 1,
        MaxCount: 1,
        IamInstanceProfile: { Arn: PROFILE },
        InstanceInitiatedShutdownBehavior: 'terminate',
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
        UserData: Buffer.from(USER_DATA).toString('base64'),
        BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, DeleteOnTermination: false } }],
      }),
    ),
  )
  const InstanceIds = [launched?.InstanceId ?? '']
  const describe = async () =>
    (await call(() => ec2.send(new DescribeInstancesCommand({ InstanceIds })))).Reservations?.[0]?.Instances?.[0]
  await clock.sleep(25_000)
  const volumeId =
    (await describe())?.BlockDeviceMappings?.find((one) => one.DeviceName === '/dev/sdf')?.Ebs?.VolumeId ?? ''
  await clock.sleep(60_000)

  expect(await describe()).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: { Code: 'Client.InstanceInitiatedShutdown' },
  })
  const written = Buffer.alloc(block.length)
  const disk = openSync(host.volumePath(volumeId), 'r')
  readSync(disk, written, 0, written.length, 4096)
  closeSync(disk)
  expect(written.equals(block)).toBe(true)
  expect(calls.filter(({ operation }) => operation === 'GetObject').map(({ caller }) => caller.arn)).toEqual([
    `arn:aws:sts::${PLACE.accountId}:assumed-role/proxy-role/${InstanceIds[0]}`,
  ])
  expect(cloud.guests.console(InstanceIds[0] ?? '')).not.toContain('Error')
})

test('lets a machine’s user data fail where its profile has no role: it has no other credentials (AWS facts H)', async () => {
  const { clock, ec2, guests, host, calls } = await startCloud()
  host.registerImage({
    imageId: 'ami-0123456789abcdef0',
    rootDeviceName: '/dev/xvda',
    rootDeviceType: 'ebs',
    rootSizeGiB: 1,
  })
  const { Instances: [launched] = [] } = await clock.holding(() =>
    ec2.send(
      new RunInstancesCommand({
        ImageId: 'ami-0123456789abcdef0',
        MinCount: 1,
        MaxCount: 1,
        UserData: Buffer.from(USER_DATA).toString('base64'),
      }),
    ),
  )
  await clock.sleep(60_000)
  expect(guests.console(launched?.InstanceId ?? '')).toContain('CredentialsProviderError')
  expect(calls.map(({ operation }) => operation)).toEqual(['RunInstances'])
})
