/** Where a vault is, as plain data: every thread opens its own store from it. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseBucketPlace, type BucketPlace } from '../../core/bucket-place.ts'
import { TandemError } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { FolderStore } from './folder-store.ts'
import { RetryingStore } from './retrying-store.ts'

export type VaultLocation =
  | { readonly kind: 'folder'; readonly folder: string }
  | ({ readonly kind: 'bucket' } & BucketPlace)

/** @param url `s3://bucket/prefix` or `file:///folder` @throws TandemError InvalidInput */
export function parseLocation(url: string): VaultLocation {
  if (/^file:\/\/\/./.test(url)) return { kind: 'folder', folder: resolve(fileURLToPath(url)) }
  const place = parseBucketPlace(url)
  if (place) return { kind: 'bucket', ...place }
  throw new TandemError(
    'InvalidInput',
    `"${url}" is no place of a vault: expected s3://bucket/prefix or file:///folder.`,
  )
}

/** Opens no connection, and reads nothing. The SDK is loaded for a bucket only: each thread would load it. */
export async function openStore(location: VaultLocation): Promise<VaultStore> {
  if (location.kind === 'folder') return new FolderStore(location.folder)
  const { openBucketStore } = await import('../../aws/vault-bucket.ts')
  return new RetryingStore(await openBucketStore(location.bucket, location.prefix))
}
