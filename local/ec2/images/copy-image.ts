/** CopyImage, across Regions and accounts: an own image whose snapshots are copies (AWS facts A.6, A.17). */
import type { CopyImageRequest } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { makeCopy, type CopyPlan } from '../snapshots/copies.ts'
import { encryptionOfCopy } from '../encryption.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { newResource } from '../network/default-vpc.ts'
import { ClientTokens, invalidValue, operation, required } from '../request.ts'
import { mayUse } from '../snapshots/shares.ts'
import { checkSnapshotQuotas } from '../snapshots/snapshots.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import type { Image, ImageDisk } from './model.ts'
import { checkNewImage } from './names.ts'
import { stateOf } from './shapes.ts'
import { usableImage } from './shares.ts'

/** Keys of AWS's own services do not come along. */
const ownTags = ({ tags }: Image): [string, string][] => [...tags].filter(([key]) => !key.startsWith('aws:'))

/** Leave to launch is not leave to copy: that needs the snapshots to be shared as well. @throws AwsError InvalidRequest */
function sourceOf(account: Account, owner: Account, { snapshotId = '' }: ImageDisk): Snapshot | undefined {
  const snapshot = owner.snapshots.get(snapshotId)
  if (!snapshot || mayUse(owner, snapshot, account.accountId)) return snapshot
  throw new AwsError('InvalidRequest', 'You do not have permission to access the storage of this ami')
}

function copyImage(
  account: Account,
  tokens: ClientTokens<string>,
  request: CopyImageRequest,
  caller: Caller,
): { ImageId: string } {
  const earlier = tokens.earlier(request.ClientToken, request)
  if (earlier !== undefined) return { ImageId: earlier }
  const region = required(request.SourceRegion, 'sourceRegion')
  const name = required(request.Name, 'name')
  const { image, owner } = usableImage(account, required(request.SourceImageId, 'sourceImageId'), region)
  if (image.rootDeviceType !== 'ebs') throw invalidValue(`The image '${image.id}' has no root on EBS.`)
  if (stateOf(owner, image) !== 'available')
    throw new AwsError('InvalidAMIID.Unavailable', `The image ID '${image.id}' is not available`)
  checkNewImage(account, name, request.Description)
  const tags = tagsOnCreation(request.TagSpecifications, ['image', 'snapshot'])
  const resource = newResource(account, 'ami')
  const plans = image.disks.map((disk): { disk: ImageDisk; copy?: CopyPlan } => {
    const source = sourceOf(account, owner, disk)
    if (!source) return { disk }
    const plan = encryptionOfCopy(account, request, source, caller)
    const description = `Copied for DestinationAmi ${resource.id} from SourceAmi ${image.id} for SourceSnapshot ${source.id}.`
    return { disk, copy: { source, region, plan, description, tags: mergeTags(new Map(), tags.snapshot) } }
  })
  checkSnapshotQuotas(account, plans.length)
  const disks = plans.map(({ disk, copy }): ImageDisk => {
    if (!copy) return disk
    return { ...disk, snapshotId: makeCopy(account, copy).id, encrypted: copy.plan.encryption !== undefined }
  })
  const copied = request.CopyImageTags && image.ownerId === account.accountId ? ownTags(image) : []
  account.images.set(resource.id, {
    ...image,
    ...resource,
    tags: mergeTags(new Map(copied), tags.image),
    name,
    description: request.Description ?? '',
    ownerId: account.accountId,
    ownerAlias: undefined,
    disks,
    sourceInstanceId: undefined,
    sourceImageId: image.id,
    sourceImageRegion: region,
    isPublic: false,
    launchPermissions: new Set(),
    lastLaunchedMs: undefined,
  })
  tokens.remember(request.ClientToken, request, resource.id)
  return { ImageId: resource.id }
}

export function imageCopyOperations(account: Account): Operations {
  const tokens = new ClientTokens<string>(account.state.imageTokens)
  return {
    CopyImage: operation<CopyImageRequest>(
      [
        'ClientToken',
        'CopyImageTags',
        'Description',
        'Encrypted',
        'KmsKeyId',
        'Name',
        'SourceImageId',
        'SourceRegion',
        'TagSpecifications',
      ],
      (input, caller) => copyImage(account, tokens, input, caller),
    ),
  }
}
