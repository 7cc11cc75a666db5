import { createHash } from 'node:crypto'

import { CHECKSUM_ALGORITHMS, startChecksum } from '../wire/checksums.ts'
import type { ChecksumAlgorithm } from '../wire/checksums.ts'
import { AwsError } from '../wire/service.ts'

/** The checksum that is kept with an object; base64. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly value: string
}

/** What of a PutObject request speaks of checksums. */
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

/**
 * Checks every checksum that a request claims of its body, and returns the one to keep; CRC64NVME when it claims none, as
 * S3 does.
 * @throws AwsError `BadDigest`
 */
export function verifyChecksums(body: Uint8Array, claims: ChecksumClaims): Checksum {
  if (claims.ContentMD5 !== undefined && claims.ContentMD5 !== createHash('md5').update(body).digest('base64')) {
    throw new AwsError('BadDigest', 'The Content-MD5 you specified did not match what we received.')
  }
  const claimed = CHECKSUM_ALGORITHMS.find((algorithm) => claims[`Checksum${algorithm}`] !== undefined)
  const named = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === claims.ChecksumAlgorithm)
  const algorithm = claimed ?? named ?? 'CRC64NVME'
  const checksum = startChecksum(algorithm)
  checksum.update(body)
  const value = checksum.digest()
  if (claimed && claims[`Checksum${claimed}`] !== value) {
    throw new AwsError('BadDigest', `The ${claimed} you specified did not match the calculated checksum.`)
  }
  return { algorithm, value }
}

/** A kept checksum as replies carry it. */
export const checksumMembers = ({ algorithm, value }: Checksum): Record<string, string> => ({
  [`Checksum${algorithm}`]: value,
  ChecksumType: 'FULL_OBJECT',
})
