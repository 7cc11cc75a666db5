/** DescribeImages, and the attributes of images. */
import type {
  DescribeImageAttributeRequest,
  DescribeImagesRequest,
  ImageAttribute,
  Image as ImageOutput,
  LaunchPermission,
  ModifyImageAttributeRequest,
  ResetImageAttributeRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { asSeenBy, placed, type Placed } from '../across-accounts.ts'
import { raggedly } from '../describe.ts'
import { filterBy, shownBy } from '../filters.ts'
import { IMAGE, findAll } from '../ids.ts'
import type { Account } from '../model.ts'
import { pageOf } from '../paging.ts'
import { invalidValue, operation, required } from '../request.ts'
import { ownImage } from './images.ts'
import type { Image } from './model.ts'
import { toImageOutput, toMappings } from './shapes.ts'
import { imageAnywhere, sharedImages } from './shares.ts'

const IDS_MAX = 1000

const FILTERS = {
  architecture: 'Architecture',
  'block-device-mapping.delete-on-termination': 'BlockDeviceMappings.Ebs.DeleteOnTermination',
  'block-device-mapping.device-name': 'BlockDeviceMappings.DeviceName',
  'block-device-mapping.snapshot-id': 'BlockDeviceMappings.Ebs.SnapshotId',
  'block-device-mapping.volume-size': 'BlockDeviceMappings.Ebs.VolumeSize',
  'block-device-mapping.volume-type': 'BlockDeviceMappings.Ebs.VolumeType',
  'block-device-mapping.encrypted': 'BlockDeviceMappings.Ebs.Encrypted',
  'boot-mode': 'BootMode',
  'creation-date': 'CreationDate',
  description: 'Description',
  'ena-support': 'EnaSupport',
  'free-tier-eligible': '',
  hypervisor: 'Hypervisor',
  'image-allowed': '',
  'image-id': 'ImageId',
  'image-type': 'ImageType',
  'is-public': 'Public',
  'kernel-id': '',
  'manifest-location': 'ImageLocation',
  name: 'Name',
  'owner-alias': 'ImageOwnerAlias',
  'owner-id': 'OwnerId',
  platform: 'Platform',
  'platform-details': 'PlatformDetails',
  'product-code': '',
  'product-code.type': '',
  'public-ssm-parameter-name': '',
  'ramdisk-id': '',
  'root-device-name': 'RootDeviceName',
  'root-device-type': 'RootDeviceType',
  'source-image-id': 'SourceImageId',
  'source-image-region': 'SourceImageRegion',
  'source-instance-id': 'SourceInstanceId',
  'sriov-net-support': 'SriovNetSupport',
  state: 'State',
  'state-reason-code': 'StateReason.Code',
  'state-reason-message': 'StateReason.Message',
  'usage-operation': 'UsageOperation',
  'virtualization-type': 'VirtualizationType',
} as const

const isOwnedBy =
  ({ accountId }: Account, owners: readonly string[]) =>
  ({ ownerId, ownerAlias }: Image): boolean =>
    owners.length === 0 ||
    owners.some((owner) => owner === ownerId || owner === ownerAlias || (owner === 'self' && ownerId === accountId))

/** `all`: public ones; `self` and an account: those that it was given leave to launch. */
const isExecutableBy =
  ({ accountId }: Account, users: readonly string[]) =>
  ({ isPublic, launchPermissions }: Image): boolean =>
    users.length === 0 ||
    users.some((user) => (user === 'all' ? isPublic : launchPermissions.has(user === 'self' ? accountId : user)))

function describeImages(account: Account, request: DescribeImagesRequest): object {
  const show = (image: Image): ImageOutput => toImageOutput(account, image)
  const ids = request.ImageIds?.length ? [...new Set(request.ImageIds)] : undefined
  if (ids && ids.length > IDS_MAX)
    throw invalidValue(`No more than ${IDS_MAX} ids can be given in imagesSet of one request.`)
  const isAsked = ids && imagesNamed(account, ids)
  const passesFilters = filterBy(request.Filters, shownBy(show, FILTERS))
  const isOwned = isOwnedBy(account, request.Owners ?? [])
  const isExecutable = isExecutableBy(account, request.ExecutableUsers ?? [])
  const passes = ({ resource: image }: Placed<Image>): boolean =>
    (isAsked?.has(image) ?? true) &&
    isOwned(image) &&
    isExecutable(image) &&
    account.images.shows(image) &&
    passesFilters(account.images.has(image.id) ? image : asSeenBy(account, image))
  const all = placed<Image>([account.images.values(), ...sharedImages(account)])
  const page = pageOf(all, request, passes, ids && 'imagesSet', { min: 1, max: 1000 })
  const items = page.items.map(({ order, resource }) => ({ id: resource.id, order, image: resource }))
  const given = account.consistency.ragged && !ids ? raggedly(account, { ...page, items }, request) : { ...page, items }
  return { Images: given.items.map(({ image }) => show(image)), NextToken: given.nextToken }
}

/** Those that somebody else keeps for himself are left out in silence. @throws AwsError InvalidAMIID.NotFound */
function imagesNamed(account: Account, ids: readonly string[]): ReadonlySet<Image> {
  const foreign = new Map<string, Image>()
  for (const id of ids) {
    const found = imageAnywhere(account, id)
    if (found && found.owner !== account) foreign.set(id, found.image)
  }
  const own = ids.filter((id) => !foreign.has(id))
  return new Set([...foreign.values(), ...findAll(IMAGE, account.images, own)])
}

const permissionsOf = ({ isPublic, launchPermissions }: Image): LaunchPermission[] => [
  ...(isPublic ? [{ Group: 'all' as const }] : []),
  ...[...launchPermissions].map((UserId) => ({ UserId })),
]

const value = (text: string | undefined) => (text === undefined ? {} : { Value: text })

function describeAttribute(account: Account, request: DescribeImageAttributeRequest): ImageAttribute {
  const image = ownImage(account, request.ImageId)
  const answer = { ImageId: image.id }
  switch (required(request.Attribute, 'attribute')) {
    case 'blockDeviceMapping':
      return { ...answer, BlockDeviceMappings: toMappings(image) }
    case 'bootMode':
      return { ...answer, BootMode: value(image.bootMode) }
    case 'description':
      return { ...answer, Description: value(image.description) }
    case 'imdsSupport':
      return { ...answer, ImdsSupport: value(image.imdsSupport) }
    case 'lastLaunchedTime':
      return { ...answer, LastLaunchedTime: value(toImageOutput(account, image).LastLaunchedTime) }
    case 'launchPermission':
      return { ...answer, LaunchPermissions: permissionsOf(image) }
    case 'sriovNetSupport':
      return { ...answer, SriovNetSupport: value(image.sriovNetSupport) }
    case 'tpmSupport':
      return { ...answer, TpmSupport: value(image.tpmSupport) }
    case 'uefiData':
      return { ...answer, UefiData: value(image.uefiData) }
    case 'deregistrationProtection':
    case 'kernel':
    case 'productCodes':
    case 'ramdisk':
    default:
      throw new AwsError('UnsupportedOperation', `The attribute ${request.Attribute} is not supported by this account.`)
  }
}

interface PermissionChange {
  readonly add: readonly LaunchPermission[]
  readonly remove: readonly LaunchPermission[]
}

/** In whichever of the two ways it is asked for. */
function permissionChangeOf(request: ModifyImageAttributeRequest): PermissionChange | undefined {
  const { LaunchPermission: change, OperationType, UserIds = [], UserGroups = [] } = request
  if (change) return { add: change.Add ?? [], remove: change.Remove ?? [] }
  if (OperationType === undefined) return undefined
  const named: LaunchPermission[] = [
    ...UserIds.map((UserId) => ({ UserId })),
    ...UserGroups.map((Group) => ({ Group: Group as 'all' })),
  ]
  return OperationType === 'add' ? { add: named, remove: [] } : { add: [], remove: named }
}

function changePermissions(image: Image, { add, remove }: PermissionChange): void {
  for (const { UserId, Group } of [...add, ...remove]) {
    if (Group !== undefined && Group !== 'all')
      throw invalidValue(`Value (${String(Group)}) for parameter group is invalid.`)
    if (UserId !== undefined && !/^\d{12}$/.test(UserId))
      throw new AwsError(
        'InvalidAMIAttributeItemValue',
        `Invalid attribute item value "${UserId}" for userId item type.`,
      )
  }
  if (add.some(({ Group }) => Group === 'all') && image.disks.some(({ encrypted }) => encrypted))
    throw new AwsError('InvalidParameter', 'Snapshot of an image with encrypted volumes cannot be made public.')
  for (const { UserId, Group } of add) {
    if (UserId !== undefined) image.launchPermissions.add(UserId)
    if (Group !== undefined) image.isPublic = true
  }
  for (const { UserId, Group } of remove) {
    if (UserId !== undefined) image.launchPermissions.delete(UserId)
    if (Group !== undefined) image.isPublic = false
  }
}

function modifyAttribute(account: Account, request: ModifyImageAttributeRequest): object {
  const image = ownImage(account, request.ImageId)
  const change = permissionChangeOf(request)
  const { Attribute, Description, ImdsSupport, Value } = request
  const description = Description?.Value ?? (Attribute === 'description' ? Value : undefined)
  const given = [change, description, ImdsSupport].filter((one) => one !== undefined)
  if (given.length !== 1)
    throw new AwsError(
      'InvalidParameterCombination',
      given.length === 0 ? 'No attributes specified.' : 'Fields for multiple attribute types specified',
    )
  if (change) changePermissions(image, change)
  if (description !== undefined) image.description = description
  // It can be switched on, and never off again.
  if (ImdsSupport) {
    if (ImdsSupport.Value !== 'v2.0')
      throw invalidValue(`Value (${ImdsSupport.Value ?? ''}) for imdsSupport is invalid.`)
    image.imdsSupport = 'v2.0'
  }
  return {}
}

function resetAttribute(account: Account, request: ResetImageAttributeRequest): object {
  const image = ownImage(account, request.ImageId)
  image.launchPermissions.clear()
  image.isPublic = false
  return {}
}

export const imageDescriptions = (account: Account): Operations => ({
  DescribeImages: operation<DescribeImagesRequest>(
    [
      'ImageIds',
      'Owners',
      'ExecutableUsers',
      'Filters',
      'MaxResults',
      'NextToken',
      'IncludeDeprecated',
      'IncludeDisabled',
    ],
    (input) => describeImages(account, input),
  ),
  DescribeImageAttribute: operation<DescribeImageAttributeRequest>(['ImageId', 'Attribute'], (input) =>
    describeAttribute(account, input),
  ),
  ModifyImageAttribute: operation<ModifyImageAttributeRequest>(
    [
      'ImageId',
      'Attribute',
      'Description',
      'ImdsSupport',
      'LaunchPermission',
      'OperationType',
      'UserGroups',
      'UserIds',
      'Value',
    ],
    (input) => modifyAttribute(account, input),
  ),
  ResetImageAttribute: operation<ResetImageAttributeRequest>(['ImageId', 'Attribute'], (input) =>
    resetAttribute(account, input),
  ),
})
