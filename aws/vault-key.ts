import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { TandemError } from '../core/errors.ts'
import { calling } from './calling.ts'
import { requireRegion } from './region.ts'

/** What KMS binds a vault's key to: it opens this vault's and no other's. */
const contextOf = (vaultId: Uint8Array): Record<string, string> => ({
  'tandem:vault': Buffer.from(vaultId).toString('hex'),
})

const WRONG_KEY = {
  InvalidCiphertextException: 'VaultKeyWrong',
  IncorrectKeyException: 'VaultKeyWrong',
  NotFoundException: 'VaultKeyWrong',
  DisabledException: 'VaultKeyWrong',
  KMSInvalidStateException: 'VaultKeyWrong',
  InvalidArnException: 'VaultKeyWrong',
  InvalidKeyUsageException: 'VaultKeyWrong',
} as const

export interface WrappedKey {
  readonly masterKey: Buffer
  readonly wrapped: Buffer
  /** ARN of the key that wraps it. */
  readonly keyId: string
}

async function kms(): Promise<KMSClient> {
  const client = new KMSClient({})
  await requireRegion(client)
  return client
}

/** A new master key, wrapped by a KMS key. @throws TandemError VaultKeyWrong, AccessDenied, AwsUnavailable */
export const createVaultKey = (keyId: string, vaultId: Uint8Array): Promise<WrappedKey> =>
  calling({ operation: 'GenerateDataKey', subject: keyId, meaning: WRONG_KEY }, async () => {
    const made = await (
      await kms()
    ).send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: contextOf(vaultId) }))
    if (!made.Plaintext || !made.CiphertextBlob || !made.KeyId)
      throw new TandemError('UnexpectedAwsError', `GenerateDataKey of ${keyId} answered without a key.`)
    return {
      masterKey: Buffer.from(made.Plaintext),
      wrapped: Buffer.from(made.CiphertextBlob),
      keyId: made.KeyId,
    }
  })

/** @throws TandemError VaultKeyWrong, AccessDenied, AwsUnavailable */
export const openVaultKey = (keyId: string | undefined, vaultId: Uint8Array, wrapped: Uint8Array): Promise<Buffer> =>
  calling({ operation: 'Decrypt', subject: keyId ?? 'the vault key', meaning: WRONG_KEY }, async () => {
    const { Plaintext } = await (
      await kms()
    ).send(new DecryptCommand({ KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: contextOf(vaultId) }))
    if (!Plaintext) throw new TandemError('UnexpectedAwsError', 'Decrypt answered without a key.')
    return Buffer.from(Plaintext)
  })
