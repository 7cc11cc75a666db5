/** What EBS needs to know of keys and its Region. */
import type { SnapshotBlockPublicAccessState } from '@aws-sdk/client-ec2'

export interface Encryption {
  readonly kmsKeyId: string
  /** Changes where the lineage of blocks breaks (AWS facts A.4). */
  readonly dataKeyId: string
}

/** Settings of EBS for the whole Region. */
export interface EbsSettings {
  encryptsByDefault: boolean
  /** ARN; absent: AWS's own key, `aws/ebs`. */
  defaultKeyId?: string
  blockPublicAccess: SnapshotBlockPublicAccessState
}

/** The Key Management Service, as EBS uses it (AWS facts G). */
export interface Keys {
  /** The key of this id, ARN, alias or alias ARN, as this account sees it. */
  find(name: string): KeyView | undefined
  managedKey(alias: string): KeyView
}

/** A key as EBS sees it. */
export interface KeyView {
  readonly arn: string
  readonly manager: 'AWS' | 'CUSTOMER'
  readonly state: string
}
