/**
 * The Key Management Service of the embedded account: symmetric keys with real AES-256-GCM, so that a wrong key or context
 * fails as it does in AWS. Multi-Region, asymmetric and imported keys are refused.
 */
import type { KeyState } from '@aws-sdk/client-kms'
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import { AwsError } from '../wire/service.ts'
import type { AccessRequest, Service } from '../wire/service.ts'
import { kmsAccess } from './access.ts'
import { aliasOperations } from './aliases.ts'
import { cryptographicOperations } from './cryptography.ts'
import { grantOperations, isGranted } from './grants.ts'
import { keySettingOperations } from './key-settings.ts'
import { keyOperations, letDelete, stateOf } from './keys.ts'
import { findKey, managedKey, newState } from './lookup.ts'
import type { Key, KmsPlace, KmsState } from './model.ts'
import { tagOperations } from './tags.ts'

export interface KmsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  /** The KMS of another account and Region of this process. */
  readonly elsewhere?: (accountId: string, region: string) => Kms | undefined
}

/** A key as other services see it. */
export interface KeyView {
  readonly arn: string
  readonly accountId: string
  readonly manager: 'AWS' | 'CUSTOMER'
  readonly state: KeyState
  readonly policy: string
}

export interface Kms {
  readonly service: Service
  readonly durable: Durable
  /** For the KMS of the other places alone. */
  readonly state: KmsState
  /** The key of this id, ARN, alias or alias ARN, if there is one: those of other accounts by ARN alone. */
  find(name: string): KeyView | undefined
  /** The key that a service uses unless told which, e.g. `alias/aws/ebs`: made when it is first asked for. */
  managedKey(alias: string): KeyView
  /** Whether a grant of a key of this account lets one of these principals do this. */
  isGranted(request: AccessRequest, principals: readonly string[]): boolean
}

const toView = (key: Key): KeyView => ({
  arn: key.arn,
  accountId: key.accountId,
  manager: key.manager,
  state: stateOf(key),
  policy: key.policy,
})

function lookUp(place: KmsPlace, name: string): Key | undefined {
  try {
    return findKey(place, name)
  } catch (cause) {
    if (cause instanceof AwsError) return undefined
    throw cause
  }
}

function durableOf(place: KmsPlace): Durable {
  const { state } = place
  return {
    name: 'kms',
    save: () => state,
    restore(saved) {
      const { keys, aliases, grants } = saved as KmsState
      for (const [id, key] of keys) state.keys.set(id, key)
      for (const [name, alias] of aliases) state.aliases.set(name, alias)
      for (const [id, grant] of grants) state.grants.set(id, grant)
    },
    resume() {
      for (const key of state.keys.values()) letDelete(place, key)
    },
  }
}

export function createKms(options: KmsOptions): Kms {
  const { clock, accountId, region, elsewhere } = options
  const place: KmsPlace = {
    clock,
    accountId,
    region,
    state: newState(),
    elsewhere: (other) => elsewhere?.(other, region)?.state,
  }
  return {
    state: place.state,
    durable: durableOf(place),
    service: {
      sdk: () => import('@aws-sdk/client-kms'),
      clientName: 'KMSClient',
      signingName: 'kms',
      operations: {
        ...keyOperations(place),
        ...keySettingOperations(place),
        ...tagOperations(place),
        ...aliasOperations(place),
        ...grantOperations(place),
        ...cryptographicOperations(place),
      },
      access: kmsAccess(place),
    },
    find(name) {
      const key = lookUp(place, name)
      return key && toView(key)
    },
    managedKey: (alias) => toView(managedKey(place, alias)),
    isGranted: (request, principals) => isGranted(place, request, principals),
  }
}
