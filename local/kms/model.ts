/** What the Key Management Service of one account and Region holds: plain data, so that it can be saved as it is. */
import type { GrantConstraints, GrantOperation } from '@aws-sdk/client-kms'
import type { Clock } from '../clock.ts'

/** Bytes of a key; a rotation adds some, and what was encrypted before is decrypted with what was there then. */
export interface KeyMaterial {
  readonly createdMs: number
  readonly bytes: Uint8Array
}

export interface Key {
  readonly id: string
  readonly arn: string
  readonly accountId: string
  readonly createdMs: number
  /** `AWS` for the keys that services make for themselves, `aws/ebs` and its kin. */
  readonly manager: 'AWS' | 'CUSTOMER'
  readonly materials: KeyMaterial[]
  readonly tags: Map<string, string>
  description: string
  enabled: boolean
  /** Set while the key is pending deletion. */
  deletesMs?: number
  /** The key policy, as given. */
  policy: string
  rotation?: { readonly periodDays: number; nextMs: number }
}

export interface Alias {
  /** `alias/…` */
  readonly name: string
  /** Absent for an alias of AWS whose key has not been used yet. */
  keyId?: string
  createdMs?: number
  updatedMs?: number
}

export interface Grant {
  readonly id: string
  readonly token: string
  readonly keyId: string
  readonly name?: string
  readonly granteePrincipal: string
  readonly retiringPrincipal?: string
  readonly issuingAccount: string
  readonly operations: readonly GrantOperation[]
  readonly constraints?: GrantConstraints
  readonly createdMs: number
}

export interface KmsState {
  readonly keys: Map<string, Key>
  readonly aliases: Map<string, Alias>
  readonly grants: Map<string, Grant>
}

/** One account and Region, as the operations see it. */
export interface KmsPlace {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly state: KmsState
  /** The KMS of another account in the same Region, for keys that are named by ARN. */
  readonly elsewhere: (accountId: string) => KmsState | undefined
}
