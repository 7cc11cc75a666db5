import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

import { AwsError } from '../wire/service.ts'

/** Checksum members of requests and replies, by algorithm, e.g. `{ CRC32: 'NSRBwg==' }`. */
const ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const

export type ChecksumAlgorithm = (typeof ALGORITHMS)[number]

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
  readonly ChecksumSHA1?: string
  readonly ChecksumSHA256?: string
}

/** Reflected polynomials, as the two CRCs that zlib does not have are defined. */
const CRC32C_POLYNOMIAL = 0x82f63b78
const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit += 1)
    remainder = remainder & 1 ? (remainder >>> 1) ^ CRC32C_POLYNOMIAL : remainder >>> 1
  return remainder
})

const CRC64_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let remainder = BigInt(byte)
  for (let bit = 0; bit < 8; bit += 1)
    remainder = remainder & 1n ? (remainder >> 1n) ^ CRC64NVME_POLYNOMIAL : remainder >> 1n
  return remainder
})
/** Halves of the table: 64 MiB with BigInt would take seconds. */
const CRC64_LOW = Uint32Array.from(CRC64_TABLE, (entry) => Number(entry & 0xffffffffn))
const CRC64_HIGH = Uint32Array.from(CRC64_TABLE, (entry) => Number(entry >> 32n))

function crc32c(bytes: Uint8Array): Buffer {
  let remainder = 0xffffffff
  for (const byte of bytes) remainder = (remainder >>> 8) ^ (CRC32C_TABLE[(remainder ^ byte) & 0xff] ?? 0)
  return bigEndian(~remainder)
}

function crc64nvme(bytes: Uint8Array): Buffer {
  let low = 0xffffffff
  let high = 0xffffffff
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[index] ?? 0)
    high = (high >>> 8) ^ (CRC64_HIGH[index] ?? 0)
  }
  return Buffer.concat([bigEndian(~high), bigEndian(~low)])
}

function bigEndian(word: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(word >>> 0)
  return bytes
}

const COMPUTE: Readonly<Record<ChecksumAlgorithm, (bytes: Uint8Array) => Buffer>> = {
  CRC32: (bytes) => bigEndian(crc32(bytes)),
  CRC32C: crc32c,
  CRC64NVME: crc64nvme,
  SHA1: (bytes) => createHash('sha1').update(bytes).digest(),
  SHA256: (bytes) => createHash('sha256').update(bytes).digest(),
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
  const claimed = ALGORITHMS.find((algorithm) => claims[`Checksum${algorithm}`] !== undefined)
  const named = ALGORITHMS.find((algorithm) => algorithm === claims.ChecksumAlgorithm)
  const algorithm = claimed ?? named ?? 'CRC64NVME'
  const value = COMPUTE[algorithm](body).toString('base64')
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
