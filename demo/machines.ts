import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
  type _InstanceType,
  type Instance,
  type Tag,
} from '@aws-sdk/client-ec2'
import type { Account } from '../local/account.ts'
import { workloadUserData } from '../local/guests/workload.ts'

export const IMAGE = 'ami-0123456789abcdef0'
/** Amazon Linux for Graviton, and the public parameter that says so: what proxies are launched from. */
const AMAZON_LINUX = 'ami-0a1b2c3d4e5f60718'
const AMAZON_LINUX_PARAMETER = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64'
const ROOT_DEVICE = '/dev/sda1'
const DISK_SIZE_GIB = 1
/** Time for one more launch (AWS facts A.20). */
const THROTTLED_MS = 500

export interface DataDisk {
  readonly device: string
  readonly excluded?: boolean
}

export interface MachineOrder {
  readonly name: string
  /** Absent: not opted in. */
  readonly policy?: string
  readonly dataDisks: readonly DataDisk[]
  readonly instanceType?: string
  /** Default: the demo workload, which writes to the first data disk, then to the root disk. */
  readonly userData?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** The hands of whoever owns machines in an account: launches them, looks at them. Every call holds the account's clock. */
export class Fleet {
  readonly #account: Account
  readonly #ec2: EC2Client
  /** Its calls are repeated in virtual time, not in the SDK's real one. */
  readonly #launches: EC2Client

  constructor(account: Account) {
    this.#account = account
    const { endpoint, region, credentials } = account
    this.#ec2 = new EC2Client({ endpoint, region, credentials })
    this.#launches = new EC2Client({ endpoint, region, credentials, maxAttempts: 1 })
    account.ec2.registerImage({
      imageId: IMAGE,
      rootDeviceName: ROOT_DEVICE,
      rootDeviceType: 'ebs',
      rootSizeGiB: DISK_SIZE_GIB,
    })
    account.ec2.registerImage({
      imageId: AMAZON_LINUX,
      rootDeviceName: '/dev/xvda',
      rootDeviceType: 'ebs',
      rootSizeGiB: 2,
      architecture: 'arm64',
    })
    account.ssm.publishParameter(AMAZON_LINUX_PARAMETER, AMAZON_LINUX)
  }

  /** The client, for calls of one's own; use `call` around them. */
  get ec2(): EC2Client {
    return this.#ec2
  }

  /** Keeps virtual time still while a call is on its way. */
  call<T>(work: () => Promise<T>): Promise<T> {
    return this.#account.clock.holding(work)
  }

  /** EC2 lets five launches through at once and two more each second; whoever launches a fleet waits his turn. */
  async #paced<T>(launch: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.call(launch)
      } catch (error) {
        if (!(error instanceof Error && error.name === 'RequestLimitExceeded')) throw error
        await this.#account.clock.sleep(THROTTLED_MS)
      }
    }
  }

  /** Launches a machine with 1 GiB disks; it runs when enough virtual time has passed. Returns its instance id. */
  async launch(order: MachineOrder): Promise<string> {
    const tags = { Name: order.name, ...(order.policy ? { 'tandem:policy': order.policy } : {}), ...order.tags }
    const [firstDisk, ...otherDisks] = order.dataDisks.map(({ device }) => device)
    const userData =
      order.userData ?? (firstDisk ? workloadUserData({ dataDevice: firstDisk, otherDevices: otherDisks }) : '')
    const { Instances } = await this.#paced(() =>
      this.#launches.send(
        new RunInstancesCommand({
          ImageId: IMAGE,
          InstanceType: (order.instanceType ?? 'm5.large') as _InstanceType,
          MinCount: 1,
          MaxCount: 1,
          UserData: Buffer.from(userData).toString('base64'),
          BlockDeviceMappings: order.dataDisks.map(({ device }) => ({
            DeviceName: device,
            Ebs: { VolumeSize: DISK_SIZE_GIB, VolumeType: 'gp3', DeleteOnTermination: false },
          })),
          TagSpecifications: [{ ResourceType: 'instance', Tags: toTags(tags) }],
        }),
      ),
    )
    const [instance] = Instances ?? []
    if (!instance?.InstanceId) throw new Error(`${order.name} was not launched.`)
    for (const { device } of order.dataDisks.filter(({ excluded }) => excluded))
      await this.tag([this.volumeAt(await this.describe(instance.InstanceId), device)], { 'tandem:exclude': 'true' })
    return instance.InstanceId
  }

  async describe(instanceId: string): Promise<Instance> {
    const { Reservations } = await this.call(() =>
      this.#ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] })),
    )
    const instance = Reservations?.[0]?.Instances?.[0]
    if (!instance) throw new Error(`There is no instance ${instanceId}.`)
    return instance
  }

  /** Volume id by device name. */
  disksOf(instance: Instance): Map<string, string> {
    const mappings = instance.BlockDeviceMappings ?? []
    return new Map(
      mappings.flatMap(({ DeviceName, Ebs }) => (DeviceName && Ebs?.VolumeId ? [[DeviceName, Ebs.VolumeId]] : [])),
    )
  }

  volumeAt(instance: Instance, device: string): string {
    const volume = this.disksOf(instance).get(device)
    if (!volume) throw new Error(`${instance.InstanceId} has no disk at ${device}.`)
    return volume
  }

  async tag(resources: string[], tags: Readonly<Record<string, string>>): Promise<void> {
    await this.call(() => this.#ec2.send(new CreateTagsCommand({ Resources: resources, Tags: toTags(tags) })))
  }

  /** Tags of a volume. */
  async tagsOf(volumeId: string): Promise<Record<string, string>> {
    const { Volumes } = await this.call(() => this.#ec2.send(new DescribeVolumesCommand({ VolumeIds: [volumeId] })))
    return Object.fromEntries((Volumes?.[0]?.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']))
  }
}

const toTags = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
