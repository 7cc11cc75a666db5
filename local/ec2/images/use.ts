/** Which image keeps a snapshot from being deleted (AWS facts A.7). */
import type { Account } from '../model.ts'
import type { Image } from './model.ts'

export function imageUsing({ images }: Account, snapshotId: string): Image | undefined {
  for (const image of images.values()) if (image.disks.some((disk) => disk.snapshotId === snapshotId)) return image
  return undefined
}
