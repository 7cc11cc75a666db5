/** The keys of a vault, all derived from its master key (docs/vault-format.md, section 2). */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { TAG_BYTES } from './parameters.ts'

const CIPHER = 'aes-256-gcm'
export const NO_NONCE = Buffer.alloc(12)
const NOTHING = Buffer.alloc(0)

/** Not bytes: Node makes such an object of bytes each time that they are used, which takes longer than the HMAC of an id. */
export interface VaultKeys {
  /** 16 bytes. */
  readonly vaultId: Buffer
  readonly idKey: KeyObject
  readonly checkKey: KeyObject
  packKey(packId: Uint8Array): KeyObject
  objectKey(salt: Uint8Array): KeyObject
}

/** `HKDF-SHA-256`, 32 bytes. */
export const derive = (key: Uint8Array | KeyObject, salt: Uint8Array, purpose: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', key, salt, `tandem-vault/1 ${purpose}`, 32)))

export function vaultKeys(masterKey: Uint8Array, vaultId: Uint8Array): VaultKeys {
  const master = createSecretKey(masterKey)
  return {
    vaultId: Buffer.from(vaultId),
    idKey: derive(master, vaultId, 'id'),
    checkKey: derive(master, vaultId, 'check'),
    packKey: (packId) => derive(master, packId, 'pack'),
    objectKey: (salt) => derive(master, salt, 'object'),
  }
}

/** Id of a block of 524,288 bytes. */
export const blockId = ({ idKey }: VaultKeys, block: Uint8Array): Buffer =>
  createHmac('sha256', idKey)
    .update(hash('sha256', block, 'buffer'))
    .digest()

/**
 * Check of a block of 524,288 bytes, 16 bytes: secret, unlike an id, and eight times as fast. Says whether it is the very block that a map
 * means; what is deduplicated goes by ids, which also somebody who has the key cannot make collide.
 */
export const blockCheck = ({ checkKey }: VaultKeys, block: Uint8Array): Buffer =>
  seal(checkKey, NO_NONCE, block, NOTHING)

/** `ciphertext ‖ tag`. */
export function seal(key: KeyObject, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce)
  cipher.setAAD(associated)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** The plaintext of `ciphertext ‖ tag`; undefined when the tag is not right: another key, other bytes, another place. */
export function unseal(
  key: KeyObject,
  nonce: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv(CIPHER, key, nonce)
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return plaintext
}

/** Nonce of a record: its ordinal in the pack, which never repeats under a pack's key. */
export function ordinalNonce(ordinal: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(ordinal, 8)
  return nonce
}
