import { CHECKSUM_ALGORITHMS, startChecksum } from '../wire/checksums.ts'
import type { ChecksumAlgorithm } from '../wire/checksums.ts'
import { AwsError } from '../wire/service.ts'
import { combineCrcs } from './crc-sums.ts'
import { invalidRequest, notImplemented } from './errors.ts'

/** COMPOSITE: a checksum of the parts' checksums. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

/** The checksum that is kept with an object or a part; base64, and `-<parts>` behind a composite one. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
  readonly value: string
}

/** What of a request speaks of checksums. The wire has verified every value, those in trailers too, when the body has ended. */
export interface ChecksumClaims {
  readonly ContentMD5?: string
  readonly ChecksumAlgorithm?: string
  readonly ChecksumCRC32?: string
  readonly ChecksumCRC32C?: string
  readonly ChecksumCRC64NVME?: string
  readonly ChecksumMD5?: string
  readonly ChecksumSHA1?: string
  readonly ChecksumSHA256?: string
  readonly ChecksumSHA512?: string
}

/** What S3 computes when the client names nothing. */
export const DEFAULT_ALGORITHM = 'CRC64NVME'

/** @throws AwsError `InvalidRequest` for a name that is no algorithm of S3, `NotImplemented` for one that is not here */
export function algorithmOf(name: string | undefined): ChecksumAlgorithm | undefined {
  if (name === undefined) return undefined
  const known = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name)
  if (known) return known
  if (/^(XXHASH64|XXHASH3|XXHASH128)$/.test(name)) {
    throw notImplemented(`The checksum algorithm ${name} is not implemented.`)
  }
  const message = 'Checksum algorithm provided is unsupported. Please try again with any of the valid types'
  throw invalidRequest(`${message}: [${CHECKSUM_ALGORITHMS.join(', ')}]`)
}

/** The algorithms of which a request gives values in headers. */
export const claimedAlgorithms = (claims: ChecksumClaims): ChecksumAlgorithm[] =>
  CHECKSUM_ALGORITHMS.filter((algorithm) => claims[`Checksum${algorithm}`] !== undefined)

/** The one checksum that a request names, by its value or by name alone. @throws AwsError `InvalidRequest` for two values */
export function namedAlgorithm(claims: ChecksumClaims): ChecksumAlgorithm | undefined {
  const [first, second] = claimedAlgorithms(claims)
  if (second) {
    throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  }
  return first ?? algorithmOf(claims.ChecksumAlgorithm)
}

/**
 * The checksum to keep of a body that has been received: the one that the client gave, else the one that was computed.
 * @throws AwsError `InvalidRequest` when an algorithm was named and no value of it came, in a header or a trailer
 */
export function keptChecksum(
  { given, computed }: { readonly given: ReadonlyMap<string, string>; readonly computed?: Checksum },
  claims: ChecksumClaims,
): Checksum {
  const named = namedAlgorithm(claims)
  const algorithm = named ?? CHECKSUM_ALGORITHMS.find((name) => given.has(name))
  const value = algorithm && given.get(algorithm)
  if (algorithm && value !== undefined) return { algorithm, type: 'FULL_OBJECT', value }
  if (!named && computed) return computed
  throw invalidRequest(
    'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
  )
}

/** A kept checksum as replies carry it. */
export const checksumMembers = ({ algorithm, type, value }: Checksum): Record<string, string> => ({
  [`Checksum${algorithm}`]: value,
  ChecksumType: type,
})

/** What a multipart upload gets when it does not say: SHA cannot be combined, CRC64NVME has no composite form. */
export const defaultChecksumType = (algorithm: ChecksumAlgorithm | undefined): ChecksumType =>
  algorithm === undefined || algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE'

export const isPossible = (algorithm: ChecksumAlgorithm, type: ChecksumType): boolean =>
  type === 'FULL_OBJECT' ? algorithm.startsWith('CRC') : algorithm !== 'CRC64NVME'

/** The checksum of a completed upload from those of its parts. */
export function checksumOfParts(
  parts: readonly { readonly checksum: Checksum; readonly sizeBytes: number }[],
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
): Checksum {
  if (type === 'COMPOSITE') {
    const sum = startChecksum(algorithm)
    for (const { checksum } of parts) sum.update(Buffer.from(checksum.value, 'base64'))
    return { algorithm, type, value: `${sum.digest()}-${parts.length}` }
  }
  if (algorithm !== 'CRC32' && algorithm !== 'CRC32C' && algorithm !== 'CRC64NVME') {
    throw new AwsError(
      'InvalidRequest',
      `The FULL_OBJECT checksum type cannot be used with the ${algorithm} checksum algorithm.`,
    )
  }
  return {
    algorithm,
    type,
    value: combineCrcs(
      algorithm,
      parts.map(({ checksum, sizeBytes }) => ({ value: checksum.value, sizeBytes })),
    ),
  }
}
