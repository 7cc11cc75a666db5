/**
 * The form of a ciphertext of this KMS: a version, the ARN of the key and the number of its material in the clear, then
 * AES-256-GCM with the encryption context as additional data, so that another context or key really fails.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { AwsError } from '../wire/service.ts'
import type { Key } from './model.ts'

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const ALGORITHM = 'aes-256-gcm'

export type EncryptionContext = Readonly<Record<string, string>>

/** The same bytes for the same pairs in any order. */
function additionalData(header: Buffer, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).toSorted(([left], [right]) => (left < right ? -1 : 1))
  return Buffer.concat([header, Buffer.from(JSON.stringify(pairs))])
}

export function encryptWith(key: Key, plaintext: Uint8Array, context: EncryptionContext): Uint8Array {
  const index = key.materials.length - 1
  const material = key.materials[index]
  if (!material) throw new Error(`The key ${key.arn} has no material.`)
  const arn = Buffer.from(key.arn)
  const header = Buffer.concat([Buffer.from([VERSION, index, arn.length]), arn])
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, material.bytes, nonce).setAAD(additionalData(header, context))
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return new Uint8Array(Buffer.concat([header, nonce, cipher.getAuthTag(), body]))
}

const invalidCiphertext = (): AwsError => new AwsError('InvalidCiphertextException', '')

/** ARN of the key that made it. @throws AwsError InvalidCiphertextException */
export function keyArnOf(ciphertext: Uint8Array): string {
  const [version, , length = 0] = ciphertext
  const arn = Buffer.from(ciphertext.subarray(3, 3 + length)).toString()
  if (
    version !== VERSION ||
    ciphertext.length < 3 + length + NONCE_BYTES + TAG_BYTES ||
    !arn.startsWith('arn:aws:kms:')
  )
    throw invalidCiphertext()
  return arn
}

/** @throws AwsError InvalidCiphertextException when bytes, key or context are not those of the encryption */
export function decryptWith(key: Key, ciphertext: Uint8Array, context: EncryptionContext): Uint8Array {
  const [, index = 0, length = 0] = ciphertext
  const material = key.materials[index]
  const bytes = Buffer.from(ciphertext)
  const header = bytes.subarray(0, 3 + length)
  const nonce = bytes.subarray(header.length, header.length + NONCE_BYTES)
  const tag = bytes.subarray(header.length + NONCE_BYTES, header.length + NONCE_BYTES + TAG_BYTES)
  if (!material) throw invalidCiphertext()
  const decipher = createDecipheriv(ALGORITHM, material.bytes, nonce)
    .setAAD(additionalData(header, context))
    .setAuthTag(tag)
  try {
    return new Uint8Array(
      Buffer.concat([decipher.update(bytes.subarray(header.length + NONCE_BYTES + TAG_BYTES)), decipher.final()]),
    )
  } catch {
    throw invalidCiphertext()
  }
}
