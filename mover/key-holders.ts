/** Who holds the key that wraps a vault's master key (docs/vault-format.md, section 2). */
import { randomBytes, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { TandemError } from '../core/errors.ts'
import { derive, seal, unseal } from './format/keys.ts'

export interface KeyHolder {
  readonly kind: 'kms' | 'file'
  /** A new master key, and how the vault keeps it. */
  create(vaultId: Buffer): Promise<{ readonly masterKey: Buffer; readonly wrapped: Buffer; readonly keyId?: string }>
  /** @throws TandemError VaultKeyWrong, AccessDenied */
  open(vaultId: Buffer, wrapped: Buffer, keyId?: string): Promise<Buffer>
}

const NONCE_BYTES = 12

/** The key in a file: 64 hexadecimal digits. @throws TandemError VaultKeyWrong when there is no such file, or no key in it */
export function keyFile(path: string): KeyHolder {
  const fileKey = (): Buffer => {
    let text: string
    try {
      text = readFileSync(path, 'utf8').trim()
    } catch (cause) {
      throw new TandemError('VaultKeyWrong', `The key file ${path} cannot be read.`, { cause })
    }
    if (!/^[0-9a-fA-F]{64}$/.test(text))
      throw new TandemError(
        'VaultKeyWrong',
        `The key file ${path} does not hold a key: expected 64 hexadecimal digits, as from: openssl rand -hex 32`,
      )
    return Buffer.from(text, 'hex')
  }
  const wrappingKey = (vaultId: Buffer): KeyObject => derive(fileKey(), vaultId, 'wrap')
  return {
    kind: 'file',
    async create(vaultId) {
      const masterKey = randomBytes(32)
      const nonce = randomBytes(NONCE_BYTES)
      return { masterKey, wrapped: Buffer.concat([nonce, seal(wrappingKey(vaultId), nonce, vaultId, masterKey)]) }
    },
    async open(vaultId, wrapped) {
      const nonce = wrapped.subarray(0, NONCE_BYTES)
      const masterKey = unseal(wrappingKey(vaultId), nonce, vaultId, wrapped.subarray(NONCE_BYTES))
      if (!masterKey) throw new TandemError('VaultKeyWrong', `The key in ${path} does not open this vault.`)
      return masterKey
    },
  }
}

/** A KMS key. @param keyId id, alias or ARN; needed to make a vault only, for a vault names its own */
export const kmsKey = (keyId?: string): KeyHolder => ({
  kind: 'kms',
  async create(vaultId) {
    if (keyId === undefined) throw new TandemError('InvalidInput', 'A new vault needs the id of a KMS key.')
    const { createVaultKey } = await import('../aws/vault-key.ts')
    return createVaultKey(keyId, vaultId)
  },
  async open(vaultId, wrapped, wrappedBy) {
    const { openVaultKey } = await import('../aws/vault-key.ts')
    return openVaultKey(keyId ?? wrappedBy, vaultId, wrapped)
  },
})
