/** RunInstances (AWS facts A.17). */
import type { Reservation, RunInstancesRequest, Tag } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { addAttachment } from '../volumes/attachments.ts'
import { planDisks } from './block-devices.ts'
import type { DiskPlan } from './block-devices.ts'
import { roomFor } from './capacity.ts'
import { toReservation } from './describe-instances.ts'
import { checkFits } from '../images/fit.ts'
import type { Image } from '../images/model.ts'
import { usableImage } from '../images/shares.ts'
import { beginBoot, failureOf, launchFailure } from './instance-states.ts'
import { instanceTypeOf, volumesMax } from './instance-types.ts'
import type { InstanceType } from './instance-types.ts'
import { checkRoom, makeInterfaces, planNetwork } from './launch-network.ts'
import type { NetworkPlan } from './launch-network.ts'
import { checkMetadataOptions } from './metadata-options.ts'
import type { Account } from '../model.ts'
import type { Instance, ProfileAssociation, StateReason } from './model.ts'
import { keyNamed } from '../network/key-pairs.ts'
import { associationWith } from './profiles.ts'
import { ClientTokens, invalidValue, operation, required, supportOnly } from '../request.ts'
import { makeSpotRequest, spotPlanOf } from './spot.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import { checkInitializationRates, checkVolumeQuotas } from '../volumes/volume-quotas.ts'
import { makeVolume } from '../volumes/volumes.ts'

const USER_DATA_MAX_BYTES = 16_384
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const DEFAULT_TYPE = 'm1.small'

/** @throws AwsError InvalidParameterValue */
export function checkUserData(base64: string): void {
  const text = base64.replace(/\s/g, '')
  if (!BASE64.test(text)) throw invalidValue('Invalid BASE64 encoding of user data.')
  if (Buffer.byteLength(text, 'base64') > USER_DATA_MAX_BYTES)
    throw invalidValue(`User data is limited to ${USER_DATA_MAX_BYTES} bytes`)
}

/** What a launch makes, checked. */
export interface LaunchPlan {
  readonly request: RunInstancesRequest
  readonly image: Image
  readonly type: InstanceType
  readonly network: NetworkPlan
  readonly disks: readonly DiskPlan[]
  readonly count: number
  readonly profile?: ProfileAssociation
  readonly spot?: ReturnType<typeof spotPlanOf>
  readonly tags: Readonly<Record<(typeof TAGGED)[number], readonly Tag[]>>
}

const TAGGED = ['instance', 'volume', 'network-interface', 'spot-instances-request'] as const

function countsOf({ MinCount, MaxCount }: RunInstancesRequest): { least: number; most: number } {
  const least = required(MinCount, 'MinCount')
  const most = required(MaxCount, 'MaxCount')
  if (least < 1) throw invalidValue(`Value (${least}) for parameter minCount is invalid. Minimum value is 1.`)
  if (least > most)
    throw new AwsError('InvalidParameterCombination', `The parameter minCount ${least} exceeds maxCount ${most}`)
  return { least, most }
}

function checkOptions(account: Account, request: RunInstancesRequest): void {
  if (request.UserData !== undefined) checkUserData(request.UserData)
  if (request.KeyName !== undefined) keyNamed(account, request.KeyName)
  checkMetadataOptions(request.MetadataOptions ?? {})
  supportOnly(request.Monitoring ?? {}, ['Enabled'], 'Monitoring.')
  if (request.HibernationOptions?.Configured)
    throw new AwsError('UnsupportedOperation', 'Hibernation is not supported by this account.')
}

/** Everything that can be refused is refused here, before anything is made. */
function plan(account: Account, request: RunInstancesRequest, caller: Caller): LaunchPlan {
  const image = launchable(account, required(request.ImageId, 'ImageId'))
  const type = instanceTypeOf(request.InstanceType ?? DEFAULT_TYPE)
  const counts = countsOf(request)
  checkOptions(account, request)
  checkFits(image, type)
  const tags = tagsOnCreation(request.TagSpecifications, TAGGED)
  const network = planNetwork(account, request, type, mergeTags(new Map(), tags['network-interface']))
  const { zone } = network
  const disks = planDisks(account, image, request.BlockDeviceMappings ?? [], zone, caller)
  if (disks.length > volumesMax(type.name, network.interfaces.length))
    throw new AwsError('AttachmentLimitExceeded', `Volume attachment limit exceeded for instance type ${type.name}.`)
  const profile = associationWith(account, request.IamInstanceProfile)
  const spot = spotPlanOf(request.InstanceMarketOptions)
  checkRoom(account, network, counts.least)
  const count = roomFor(account, { ...counts, type, zone, on: 'launch', market: spot ? 'spot' : 'on-demand' })
  checkRoom(account, network, count)
  const rates = Array.from({ length: count }, () => disks.map(({ volume }) => volume.initializationRate))
  checkInitializationRates(account, rates.flat())
  return { request, image, type, network, disks, count, profile, spot, tags }
}

/** @throws AwsError InvalidAMIID.NotFound, InvalidAMIID.Unavailable, AuthFailure */
export function launchable(account: Account, imageId: string): Image {
  const { image, owner } = usableImage(account, imageId)
  const isAvailable = image.disks.every(
    ({ snapshotId }) => snapshotId === undefined || owner.snapshots.get(snapshotId)?.state === 'completed',
  )
  if (isAvailable && image.failure === undefined) return image
  throw new AwsError('InvalidAMIID.Unavailable', `The image ID '${imageId}' is not available`)
}

/** An instance that is `pending`, not yet in the account, without disks and interfaces. */
export function newInstance(
  account: Account,
  launch: LaunchPlan,
  reservationId: string,
  launchIndex: number,
): Instance {
  const { request, image, type } = launch
  const nowMs = account.clock.now()
  const id = account.ids.next('i')
  const { zone } = launch.network
  const spotTags = mergeTags(new Map(), launch.tags['spot-instances-request'])
  return {
    id,
    order: account.nextOrder(),
    createdMs: nowMs,
    tags: mergeTags(new Map(), launch.tags.instance),
    reservationId,
    launchIndex,
    image,
    type: type.name,
    zone,
    tenancy: 'default',
    interfaceIds: [],
    rootVolumeIds: [],
    clientToken: request.ClientToken,
    keyName: request.KeyName,
    spot: launch.spot && makeSpotRequest(account, launch.spot, { id, image, type: type.name, zone }, spotTags),
    profile: launch.profile && { ...launch.profile, id: account.ids.next('iip-assoc') },
    metadataOptions: request.MetadataOptions ?? {},
    attachments: new Map(),
    state: 'pending',
    userData: request.UserData,
    disableApiStop: request.DisableApiStop ?? false,
    disableApiTermination: request.DisableApiTermination ?? false,
    shutdownBehavior: request.InstanceInitiatedShutdownBehavior ?? 'stop',
    transitionReason: '',
    launchedMs: nowMs,
    impairments: new Map(),
    monitored: request.Monitoring?.Enabled ?? false,
    ebsOptimized: request.EbsOptimized ?? false,
    enaSupport: image.enaSupport,
  }
}

/** What a launch is told about disks that it does not get: it has passed, and ends terminated (AWS facts A.17). */
function diskFailure(account: Account, disks: LaunchPlan['disks']): StateReason | undefined {
  if (disks.some(({ volume }) => volume.keyProblem !== undefined)) return failureOf('Client.InternalError')
  try {
    checkVolumeQuotas(
      account,
      disks.map(({ volume }) => volume),
    )
    return undefined
  } catch (cause) {
    if (cause instanceof AwsError) return failureOf('Client.VolumeLimitExceeded')
    throw cause
  }
}

function launchOne(account: Account, launch: LaunchPlan, reservationId: string, launchIndex: number): Instance {
  const instance = newInstance(account, launch, reservationId, launchIndex)
  account.instances.set(instance.id, instance)
  makeInterfaces(account, instance, launch.network)
  const fails = diskFailure(account, launch.disks)
  const made = fails?.Code === 'Client.VolumeLimitExceeded' ? [] : launch.disks
  for (const { volume: planned, device, deleteOnTermination } of made) {
    const volume = makeVolume(account, { ...planned, tags: launch.tags.volume })
    addAttachment(account, { volume, instance, device }, deleteOnTermination)
    if (device === launch.image.rootDeviceName) instance.rootVolumeIds.push(volume.id)
  }
  launch.image.lastLaunchedMs = account.clock.now()
  beginBoot(account, instance, { otherwise: 'terminated', fails: launchFailure(account) ?? fails })
  return instance
}

/** A token counts in its zone where the request names one, else in the Region (AWS facts A.17). */
function scopeOf({ Placement, SubnetId, NetworkInterfaces = [] }: RunInstancesRequest): string {
  return [Placement?.AvailabilityZone, Placement?.AvailabilityZoneId, SubnetId, NetworkInterfaces[0]?.SubnetId].join(
    ' ',
  )
}

function runInstances(
  account: Account,
  tokens: ClientTokens<readonly Instance[]>,
  request: RunInstancesRequest,
  caller: Caller,
): Reservation {
  const scope = scopeOf(request)
  const earlier = tokens.earlier(request.ClientToken, request, scope)
  if (earlier?.some(({ state }) => state === 'terminated'))
    throw new AwsError('IdempotentInstanceTerminated', 'The client token is that of a terminated instance.')
  if (earlier) return toReservation(account, earlier)
  const launch = plan(account, request, caller)
  const reservationId = account.ids.next('r')
  const instances = Array.from({ length: launch.count }, (_, index) => launchOne(account, launch, reservationId, index))
  tokens.remember(request.ClientToken, request, instances, scope)
  return toReservation(account, instances)
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
        'EbsOptimized',
        'HibernationOptions',
        'IamInstanceProfile',
        'ImageId',
        'InstanceInitiatedShutdownBehavior',
        'InstanceMarketOptions',
        'InstanceType',
        'KeyName',
        'MaxCount',
        'MetadataOptions',
        'MinCount',
        'Monitoring',
        'NetworkInterfaces',
        'Placement',
        'PrivateIpAddress',
        'SecurityGroupIds',
        'SecurityGroups',
        'SubnetId',
        'TagSpecifications',
        'UserData',
      ],
      (input, caller) => runInstances(account, tokens, input, caller),
    ),
  }
}
