/** RunInstances (AWS facts A.17). */
import type { Reservation, RunInstancesRequest, Tag } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { addAttachment } from './attachments.ts'
import { planDisks } from './block-devices.ts'
import type { DiskPlan } from './block-devices.ts'
import { toInstanceOutput, toReservation } from './describe-instances.ts'
import { IMAGE, find } from './ids.ts'
import { beginBoot } from './instance-states.ts'
import type { Account, Image, Instance } from './model.ts'
import type { Zone } from './network.ts'
import { ClientTokens, invalidValue, operation, required, supportOnly } from './request.ts'
import { mergeTags, tagsOnCreation } from './tags.ts'
import { makeVolume } from './volumes.ts'

const USER_DATA_MAX_BYTES = 16_384
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** @throws AwsError InvalidParameterValue */
export function checkUserData(base64: string): void {
  const text = base64.replace(/\s/g, '')
  if (!BASE64.test(text)) throw invalidValue('Invalid BASE64 encoding of user data.')
  if (Buffer.byteLength(text, 'base64') > USER_DATA_MAX_BYTES)
    throw invalidValue(`User data is limited to ${USER_DATA_MAX_BYTES} bytes`)
}

interface LaunchPlan {
  readonly request: RunInstancesRequest
  readonly image: Image
  readonly zone: Zone
  readonly disks: readonly DiskPlan[]
  readonly count: number
  readonly instanceTags: readonly Tag[]
  readonly volumeTags: readonly Tag[]
}

function countOf({ MinCount, MaxCount }: RunInstancesRequest): number {
  const least = required(MinCount, 'MinCount')
  const most = required(MaxCount, 'MaxCount')
  if (least < 1) throw invalidValue(`Value (${least}) for parameter minCount is invalid. Minimum value is 1.`)
  if (least > most)
    throw new AwsError('InvalidParameterCombination', `The parameter minCount ${least} exceeds maxCount ${most}`)
  return most
}

function zoneOf({ network }: Account, { SubnetId, Placement }: RunInstancesRequest): Zone {
  const named = Placement?.AvailabilityZone === undefined ? undefined : network.zoneNamed(Placement.AvailabilityZone)
  const zone = SubnetId === undefined ? (named ?? network.zones[0]) : network.zoneOfSubnet(SubnetId)
  if (!zone || (named && named.id !== zone.id))
    throw invalidValue(`The subnet '${SubnetId ?? ''}' is not in the availability zone '${named?.name ?? ''}'`)
  return zone
}

function checkSecurityGroups({ network }: Account, ids: readonly string[] = []): void {
  for (const id of ids)
    if (id !== network.securityGroupId)
      throw new AwsError('InvalidGroup.NotFound', `The security group '${id}' does not exist`)
}

/** Everything that can be refused is refused here, before anything is made. */
function plan(account: Account, request: RunInstancesRequest): LaunchPlan {
  const image = find(IMAGE, account.images, required(request.ImageId, 'ImageId'))
  const zone = zoneOf(account, request)
  supportOnly(request.Placement ?? {}, ['AvailabilityZone'], 'Placement.')
  checkSecurityGroups(account, request.SecurityGroupIds)
  if (request.UserData !== undefined) checkUserData(request.UserData)
  const tags = tagsOnCreation(request.TagSpecifications, ['instance', 'volume'])
  return {
    request,
    image,
    zone,
    disks: planDisks(account, image, request.BlockDeviceMappings ?? [], zone),
    count: countOf(request),
    instanceTags: tags.instance,
    volumeTags: tags.volume,
  }
}

function newInstance(account: Account, launch: LaunchPlan, reservationId: string, launchIndex: number): Instance {
  const { request, image, zone } = launch
  const nowMs = account.clock.now()
  return {
    id: account.ids.next('i'),
    order: account.nextOrder(),
    createdMs: nowMs,
    tags: mergeTags(new Map(), launch.instanceTags),
    reservationId,
    launchIndex,
    image,
    type: request.InstanceType ?? 'm1.small',
    zone,
    privateIp: account.network.takePrivateIp(zone),
    networkInterfaceId: account.ids.next('eni'),
    clientToken: request.ClientToken,
    profile: profileOf(account, request),
    metadataOptions: request.MetadataOptions ?? {},
    attachments: new Map(),
    state: 'pending',
    publicIp: account.network.nextPublicIp(),
    userData: request.UserData,
    disableApiStop: request.DisableApiStop ?? false,
    disableApiTermination: request.DisableApiTermination ?? false,
    shutdownBehavior: request.InstanceInitiatedShutdownBehavior ?? 'stop',
    transitionReason: '',
    launchedMs: nowMs,
    impaired: false,
  }
}

function profileOf({ accountId }: Account, { IamInstanceProfile }: RunInstancesRequest): Instance['profile'] {
  if (!IamInstanceProfile) return undefined
  const { Arn, Name } = IamInstanceProfile
  return { Arn: Arn ?? `arn:aws:iam::${accountId}:instance-profile/${required(Name, 'IamInstanceProfile.Name')}` }
}

function launchOne(account: Account, launch: LaunchPlan, reservationId: string, launchIndex: number): Instance {
  const instance = newInstance(account, launch, reservationId, launchIndex)
  account.instances.set(instance.id, instance)
  for (const { volume: plan, device, deleteOnTermination } of launch.disks) {
    const volume = makeVolume(account, { ...plan, tags: launch.volumeTags })
    addAttachment(account, { volume, instance, device }, deleteOnTermination)
  }
  beginBoot(account, instance, { otherwise: 'terminated' })
  return instance
}

function runInstances(
  account: Account,
  tokens: ClientTokens<readonly Instance[]>,
  request: RunInstancesRequest,
): Reservation {
  const earlier = tokens.earlier(request.ClientToken, request)
  if (earlier?.some(({ state }) => state === 'terminated'))
    throw new AwsError('IdempotentInstanceTerminated', 'The client token is that of a terminated instance.')
  if (earlier) return toReservation(account, earlier)
  const launch = plan(account, request)
  const reservationId = account.ids.next('r')
  const instances = Array.from({ length: launch.count }, (_, index) => launchOne(account, launch, reservationId, index))
  tokens.remember(request.ClientToken, request, instances)
  return { ...toReservation(account, instances), Instances: instances.map((one) => toInstanceOutput(account, one)) }
}

export function launchOperations(account: Account): Operations {
  const tokens = new ClientTokens<readonly Instance[]>(account.state.launchTokens)
  return {
    RunInstances: operation<RunInstancesRequest>(
      [
        'BlockDeviceMappings',
        'ClientToken',
        'DisableApiStop',
        'DisableApiTermination',
        'IamInstanceProfile',
        'ImageId',
        'InstanceInitiatedShutdownBehavior',
        'InstanceType',
        'MaxCount',
        'MetadataOptions',
        'MinCount',
        'Placement',
        'SecurityGroupIds',
        'SubnetId',
        'TagSpecifications',
        'UserData',
      ],
      (input) => runInstances(account, tokens, input),
    ),
  }
}
