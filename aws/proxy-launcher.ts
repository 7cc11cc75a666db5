import {
  RunInstancesCommand,
  type _InstanceType,
  type EC2Client,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { DeployedProxy } from '../core/contracts/jobs.ts'
import type { NewProxy, ProxyLauncher } from '../core/copy-ports.ts'
import { TandemError } from '../core/errors.ts'
import { proxyUserData } from '../core/proxy-user-data.ts'
import { calling } from './calling.ts'

interface LauncherClients {
  readonly ec2: EC2Client
  readonly s3: S3Client
  readonly ssm: SSMClient
}

/** From the launch until the user data runs; the credentials that sign may end sooner, an hour or so later. */
const URL_SECONDS = 3600

/** gp3's base, and throughput enough for two cores (AWS facts A.12: at most a quarter of the IOPS). */
const DISK = { VolumeType: 'gp3', Iops: 3000, Throughput: 500, DeleteOnTermination: true } as const

/** Codes by which EC2 says that just now there is no such instance. */
const NO_CAPACITY = {
  InsufficientInstanceCapacity: 'NoCapacity',
  SpotMaxPriceTooLow: 'NoCapacity',
  MaxSpotInstanceCountExceeded: 'QuotaExceeded',
} as const

/** @param bucket of jobs and progress */
export function ec2ProxyLauncher(clients: LauncherClients, settings: DeployedProxy, bucket: string): ProxyLauncher {
  return {
    async ensureLaunched(proxy) {
      const image = await imageOf(clients.ssm, settings.imageParameter)
      const userData = proxyUserData({
        moverUrl: await moverUrl(clients.s3, settings),
        region: await clients.ec2.config.region(),
        bucket,
        job: proxy.job,
        deadlineMinutes: proxy.deadlineMinutes,
      })
      const request = requestOf(settings, proxy, image, userData)
      const { Instances } = await calling(
        {
          operation: 'RunInstances',
          subject: `a proxy of ${proxy.tags['tandem:point'] ?? proxy.job}`,
          meaning: NO_CAPACITY,
        },
        () => clients.ec2.send(new RunInstancesCommand(request)),
      )
      const instance = Instances?.[0]?.InstanceId
      if (!instance) throw new TandemError('UnexpectedAwsError', 'RunInstances answered without an instance.')
      return instance
    },
  }
}

const imageOf = (ssm: SSMClient, name: string): Promise<string> =>
  calling({ operation: 'GetParameter', subject: name }, async () => {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }))
    if (!Parameter?.Value) throw new TandemError('UnexpectedAwsError', `The parameter ${name} holds no image.`)
    return Parameter.Value
  })

const moverUrl = (s3: S3Client, { moverBucket, moverKey }: DeployedProxy): Promise<string> =>
  getSignedUrl(s3, new GetObjectCommand({ Bucket: moverBucket, Key: moverKey }), { expiresIn: URL_SECONDS })

/** One call makes instance, disks and interface, and they go with it: nothing of it has to be deleted one by one. */
function requestOf(
  settings: DeployedProxy,
  proxy: NewProxy,
  image: string,
  userData: string,
): RunInstancesCommandInput {
  const Tags = Object.entries(proxy.tags).map(([Key, Value]) => ({ Key, Value }))
  return {
    ClientToken: proxy.clientToken,
    MinCount: 1,
    MaxCount: 1,
    ImageId: image,
    InstanceType: proxy.instanceType as _InstanceType,
    ...(proxy.spot
      ? { InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } } }
      : {}),
    InstanceInitiatedShutdownBehavior: 'terminate',
    IamInstanceProfile: { Name: settings.instanceProfile },
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1, HttpEndpoint: 'enabled' },
    ...placementOf(settings, proxy),
    SecurityGroupIds: [settings.securityGroup],
    ...(proxy.disks.length > 0
      ? {
          BlockDeviceMappings: proxy.disks.map(({ device, snapshot }) => ({
            DeviceName: device,
            Ebs: { ...DISK, SnapshotId: snapshot },
          })),
        }
      : {}),
    UserData: Buffer.from(userData).toString('base64'),
    TagSpecifications: (['instance', 'volume'] as const).map((ResourceType) => ({ ResourceType, Tags })),
  }
}

function placementOf({ subnet }: DeployedProxy, { availabilityZone }: NewProxy) {
  if (subnet !== undefined) return { SubnetId: subnet }
  return availabilityZone === undefined ? {} : { Placement: { AvailabilityZone: availabilityZone } }
}
