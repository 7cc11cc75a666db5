/** Who may launch and copy an image: its owner, everybody, or whom its owner names (AWS facts A.17, A.21). */
import { AwsError } from '../../wire/service.ts'
import { IMAGE, find } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { sourceSnapshot } from '../volumes/volumes.ts'
import type { Image } from './model.ts'

interface FoundImage {
  readonly image: Image
  /** Who keeps the image and its snapshots: the account itself for what its host put there. */
  readonly owner: Account
}

/** Whether an image of `owner` is of its own making and given to this account. */
const mayLaunch = ({ accountId: ownerId }: Account, image: Image, accountId: string): boolean =>
  image.ownerId === ownerId && (image.isPublic || image.launchPermissions.has(accountId))

const isSame = (one: Account, other: Account | undefined): boolean => one.accountId === other?.accountId

/** Images of other accounts in this Region that this account may launch, by account. */
export function* sharedImages(account: Account): Generator<Image[]> {
  for (const owner of account.accountsIn(account.region))
    if (!isSame(owner, account))
      yield [...owner.images.values()].filter((image) => mayLaunch(owner, image, account.accountId))
}

/** An image of any account in a Region, whoever may use it. */
export function imageAnywhere(account: Account, id: string, region = account.region): FoundImage | undefined {
  const own = region === account.region ? account : account.elsewhere(account.accountId, region)
  const others = account.accountsIn(region).filter((owner) => !isSame(owner, account))
  for (const owner of [...(own ? [own] : []), ...others]) {
    const image = owner.images.get(id)
    if (image && (owner === own || image.ownerId === owner.accountId)) return { image, owner }
  }
  return undefined
}

/**
 * An image of a Region that this account may launch and copy.
 * @throws AwsError InvalidAMIID.NotFound; AuthFailure for one of somebody else that is not shared
 */
export function usableImage(account: Account, id: string, region = account.region): FoundImage {
  const found = imageAnywhere(account, id, region)
  if (!found) return { image: find(IMAGE, new Map(), id), owner: account }
  const { image, owner } = found
  if (isSame(owner, account)) return { image: find(IMAGE, owner.images, id), owner }
  if (mayLaunch(owner, image, account.accountId)) return found
  throw new AwsError('AuthFailure', `Not authorized for images: [${id}]`)
}

/** Who keeps the snapshots of an image. */
export const ownerOf = (account: Account, { ownerId }: Image): Account =>
  account.elsewhere(ownerId, account.region) ?? account

/** The snapshot that a volume is made from: leave to launch an image is leave to use its snapshots. @throws AwsError as sourceSnapshot */
export function launchSnapshot(account: Account, image: Image, id: string | undefined): Snapshot | undefined {
  const ofImage = image.disks.some(({ snapshotId }) => snapshotId === id) && ownerOf(account, image)
  return (ofImage && ofImage.snapshots.get(id ?? '')) || sourceSnapshot(account, id)
}
