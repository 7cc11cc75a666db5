/** The envelope of small objects (docs/vault-format.md, section 5). */
import { createHmac, randomBytes } from 'node:crypto'
import { NO_NONCE, seal, unseal, type VaultKeys } from './keys.ts'
import { SALT_BYTES } from './parameters.ts'
import { compress, decompress } from './zstd.ts'

const MAGIC = Buffer.from('TANDOBJ1')
/** The largest small object is the manifest of a 64 TiB disk: 65,536 segments of 70 bytes. An index part is far below. */
const PLAINTEXT_LIMIT_BYTES = 64 * 1024 * 1024

const context = ({ vaultId }: VaultKeys, name: string): Buffer => Buffer.concat([vaultId, Buffer.from(name)])

/** Seals an object for its name. @param salt random unless the object is named by its content */
export function sealObject(
  keys: VaultKeys,
  name: string,
  plaintext: Uint8Array,
  salt: Buffer = randomBytes(SALT_BYTES),
): Buffer {
  const sealed = seal(keys.objectKey(salt), NO_NONCE, context(keys, name), compress(plaintext))
  return Buffer.concat([MAGIC, salt, sealed])
}

/** The plaintext; undefined when it is no such object, or not the one of this name in this vault. */
export function openObject(keys: VaultKeys, name: string, object: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength)
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  const salt = bytes.subarray(MAGIC.length, MAGIC.length + SALT_BYTES)
  if (salt.length < SALT_BYTES) return undefined
  const frame = unseal(keys.objectKey(salt), NO_NONCE, context(keys, name), bytes.subarray(MAGIC.length + SALT_BYTES))
  try {
    return frame && decompress(frame, PLAINTEXT_LIMIT_BYTES)
  } catch {
    return undefined
  }
}

/** Id of a segment: equal segments are one object. */
export const segmentId = ({ idKey }: VaultKeys, plaintext: Uint8Array): Buffer =>
  createHmac('sha256', idKey).update('segment').update(plaintext).digest()
