import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc32c, Crc64nvme } from './crc.ts'

/** Checksums of S3 by the names that requests and replies have for them; S3 also has XXHASH3, XXHASH64 and XXHASH128. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'MD5', 'SHA1', 'SHA256', 'SHA512'] as const

export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]

/** A checksum that grows with the bytes. */
export interface RunningChecksum {
  update(bytes: Uint8Array): void
  /** Base64; may be asked once. */
  digest(): string
}

function runningCrc32(): RunningChecksum {
  let value = 0
  return {
    update: (bytes) => {
      value = crc32(bytes, value)
    },
    digest: () => bigEndian(value).toString('base64'),
  }
}

/** @param algorithm as OpenSSL names it */
export function runningHash(algorithm: string): RunningChecksum {
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('base64') }
}

function bigEndian(word: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(word >>> 0)
  return bytes
}

const START: Readonly<Record<ChecksumAlgorithm, () => RunningChecksum>> = {
  CRC32: runningCrc32,
  CRC32C: () => new Crc32c(),
  CRC64NVME: () => new Crc64nvme(),
  MD5: () => runningHash('md5'),
  SHA1: () => runningHash('sha1'),
  SHA256: () => runningHash('sha256'),
  SHA512: () => runningHash('sha512'),
}

/** A checksum of no bytes yet. */
export const startChecksum = (algorithm: ChecksumAlgorithm): RunningChecksum => START[algorithm]()
