import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { readVaults } from './copy-permissions.ts'
import { allow } from './permissions.ts'
import type { VaultAccess } from './vaults.ts'

/** Folders of a vault (docs/vault-format.md, section 1). Beside them there is `vault.json`, which nobody may delete. */
const FOLDERS = ['packs', 'index', 'maps', 'disks', 'points', 'moved', 'tombstones', 'expiry']
/** What an expiry writes: the time, what will go, and where it has moved blocks to. No manifest, and no segment. */
const WRITTEN = ['expiry', 'tombstones', 'packs', 'index', 'moved']

/**
 * Deletes what is not needed (section 8), but for what Object Lock holds, which it has to ask. Where the bucket keeps versions, what was
 * deleted can be brought back: no version may be deleted.
 */
export const expireVaults = (vaults: readonly VaultAccess[]): PolicyStatement[] => [
  ...readVaults(vaults),
  ...vaults.flatMap(({ bucketArn, prefix, keyArn }) => {
    const below = (folders: readonly string[]): string[] => folders.map((name) => `${bucketArn}/${prefix}${name}/*`)
    return [
      allow(['s3:DeleteObject', 's3:GetObjectRetention', 's3:GetObjectLegalHold'], below(FOLDERS)),
      allow(['s3:PutObject'], below(WRITTEN)),
      allow(['kms:GenerateDataKey'], [keyArn], { StringLike: { 'kms:ViaService': 's3.*' } }),
    ]
  }),
]
