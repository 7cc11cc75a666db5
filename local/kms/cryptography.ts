/** Encrypt, Decrypt, ReEncrypt, data keys, random bytes: with real bytes. */
import { randomBytes } from 'node:crypto'
import type {
  DataKeySpec,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  GenerateDataKeyRequest,
  GenerateDataKeyResponse,
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateRandomRequest,
  GenerateRandomResponse,
  ReEncryptRequest,
  ReEncryptResponse,
} from '@aws-sdk/client-kms'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { decryptWith, encryptWith, keyArnOf } from './ciphertext.ts'
import type { EncryptionContext } from './ciphertext.ts'
import { rotateIfDue } from './key-settings.ts'
import { checkUsable, findKey } from './lookup.ts'
import type { Key, KmsPlace } from './model.ts'
import { checkLength, invalid, operation, required } from './request.ts'

const ALGORITHM = 'SYMMETRIC_DEFAULT'
const PLAINTEXT_BYTES = [1, 4_096] as const
const CIPHERTEXT_BYTES = [1, 6_144] as const
const DATA_KEY_BYTES = [1, 1_024] as const
const SPEC_BYTES: Readonly<Record<DataKeySpec, number>> = { AES_128: 16, AES_256: 32 }

function keyToUse(place: KmsPlace, name: string | undefined): Key {
  const key = checkUsable(findKey(place, required(name, 'keyId')))
  rotateIfDue(key, place.clock.now())
  return key
}

function checkAlgorithm(algorithm: string | undefined): void {
  if (algorithm !== undefined && algorithm !== ALGORITHM)
    throw new AwsError('InvalidKeyUsageException', `The algorithm ${algorithm} is incompatible with a symmetric key.`)
}

function encrypt(place: KmsPlace, request: EncryptRequest): () => EncryptResponse {
  const plaintext = required(request.Plaintext, 'plaintext')
  checkLength('plaintext', plaintext.length, PLAINTEXT_BYTES)
  checkAlgorithm(request.EncryptionAlgorithm)
  const key = keyToUse(place, request.KeyId)
  return () => ({
    KeyId: key.arn,
    EncryptionAlgorithm: ALGORITHM,
    CiphertextBlob: encryptWith(key, plaintext, request.EncryptionContext ?? {}),
  })
}

/**
 * The key that made the ciphertext. A key that is named must be that one.
 * @throws AwsError InvalidCiphertextException, IncorrectKeyException, and what is wrong with the key
 */
function keyOfCiphertext(place: KmsPlace, ciphertext: Uint8Array, named: string | undefined): Key {
  checkLength('ciphertextBlob', ciphertext.length, CIPHERTEXT_BYTES)
  const arn = keyArnOf(ciphertext)
  if (named !== undefined && findKey(place, named).arn !== arn)
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  return checkUsable(keyThatMade(place, arn))
}

/** A key of another Region, or one that is gone, cannot be told from one that is somebody else's. */
function keyThatMade(place: KmsPlace, arn: string): Key {
  try {
    return findKey(place, arn)
  } catch {
    throw new AwsError(
      'AccessDeniedException',
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    )
  }
}

function decrypt(place: KmsPlace, request: DecryptRequest): () => DecryptResponse {
  const ciphertext = required(request.CiphertextBlob, 'ciphertextBlob')
  checkAlgorithm(request.EncryptionAlgorithm)
  const key = keyOfCiphertext(place, ciphertext, request.KeyId)
  const plaintext = decryptWith(key, ciphertext, request.EncryptionContext ?? {})
  return () => ({ KeyId: key.arn, EncryptionAlgorithm: ALGORITHM, Plaintext: plaintext })
}

function reEncrypt(place: KmsPlace, request: ReEncryptRequest): () => ReEncryptResponse {
  const ciphertext = required(request.CiphertextBlob, 'ciphertextBlob')
  checkAlgorithm(request.SourceEncryptionAlgorithm)
  checkAlgorithm(request.DestinationEncryptionAlgorithm)
  const source = keyOfCiphertext(place, ciphertext, request.SourceKeyId)
  const destination = keyToUse(place, required(request.DestinationKeyId, 'destinationKeyId'))
  const plaintext = decryptWith(source, ciphertext, request.SourceEncryptionContext ?? {})
  return () => ({
    CiphertextBlob: encryptWith(destination, plaintext, request.DestinationEncryptionContext ?? {}),
    SourceKeyId: source.arn,
    KeyId: destination.arn,
    SourceEncryptionAlgorithm: ALGORITHM,
    DestinationEncryptionAlgorithm: ALGORITHM,
  })
}

function dataKeyBytes({ KeySpec, NumberOfBytes }: GenerateDataKeyRequest): number {
  if ((KeySpec === undefined) === (NumberOfBytes === undefined))
    throw invalid('Please specify either number of bytes or key spec.')
  if (KeySpec !== undefined) return SPEC_BYTES[KeySpec]
  checkLength('numberOfBytes', NumberOfBytes ?? 0, DATA_KEY_BYTES)
  return NumberOfBytes ?? 0
}

function generateDataKey(place: KmsPlace, request: GenerateDataKeyRequest): () => GenerateDataKeyResponse {
  const bytes = dataKeyBytes(request)
  const key = keyToUse(place, request.KeyId)
  return () => newDataKey(key, bytes, request.EncryptionContext ?? {})
}

function newDataKey(key: Key, bytes: number, context: EncryptionContext): GenerateDataKeyResponse {
  const Plaintext = new Uint8Array(randomBytes(bytes))
  return { KeyId: key.arn, Plaintext, CiphertextBlob: encryptWith(key, Plaintext, context) }
}

function generateDataKeyWithoutPlaintext(place: KmsPlace, request: GenerateDataKeyRequest): () => object {
  const generate = generateDataKey(place, request)
  return () => ({ ...generate(), Plaintext: undefined })
}

function generateRandom(request: GenerateRandomRequest): GenerateRandomResponse {
  const bytes = required(request.NumberOfBytes, 'numberOfBytes')
  checkLength('numberOfBytes', bytes, DATA_KEY_BYTES)
  return { Plaintext: new Uint8Array(randomBytes(bytes)) }
}

export const cryptographicOperations = (place: KmsPlace): Operations => ({
  Encrypt: operation<EncryptRequest>(
    ['KeyId', 'Plaintext', 'EncryptionContext', 'GrantTokens', 'EncryptionAlgorithm'],
    (input) => encrypt(place, input),
  ),
  Decrypt: operation<DecryptRequest>(
    ['CiphertextBlob', 'EncryptionContext', 'GrantTokens', 'KeyId', 'EncryptionAlgorithm'],
    (input) => decrypt(place, input),
  ),
  ReEncrypt: operation<ReEncryptRequest>(
    [
      'CiphertextBlob',
      'SourceEncryptionContext',
      'SourceKeyId',
      'DestinationKeyId',
      'DestinationEncryptionContext',
      'SourceEncryptionAlgorithm',
      'DestinationEncryptionAlgorithm',
      'GrantTokens',
    ],
    (input) => reEncrypt(place, input),
  ),
  GenerateDataKey: operation<GenerateDataKeyRequest>(
    ['KeyId', 'EncryptionContext', 'NumberOfBytes', 'KeySpec', 'GrantTokens'],
    (input) => generateDataKey(place, input),
  ),
  GenerateDataKeyWithoutPlaintext: operation<GenerateDataKeyWithoutPlaintextRequest>(
    ['KeyId', 'EncryptionContext', 'NumberOfBytes', 'KeySpec', 'GrantTokens'],
    (input) => generateDataKeyWithoutPlaintext(place, input),
  ),
  GenerateRandom: operation<GenerateRandomRequest>(['NumberOfBytes'], (input) => () => generateRandom(input)),
})
