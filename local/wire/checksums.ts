import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** Checksums of S3 by the names that requests and replies have for them; S3 also has XXHASH3, XXHASH64 and XXHASH128. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'MD5', 'SHA1', 'SHA256', 'SHA512'] as const

export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]

/** A checksum that grows with the bytes. */
export interface RunningChecksum {
  update(bytes: Uint8Array): void
  /** Base64; may be asked once. */
  digest(): string
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

function runningCrc32(): RunningChecksum {
  let value = 0
  return {
    update: (bytes) => {
      value = crc32(bytes, value)
    },
    digest: () => bigEndian(value).toString('base64'),
  }
}

function runningCrc32c(): RunningChecksum {
  let remainder = 0xffffffff
  return {
    update(bytes) {
      for (const byte of bytes) remainder = (remainder >>> 8) ^ (CRC32C_TABLE[(remainder ^ byte) & 0xff] ?? 0)
    },
    digest: () => bigEndian(~remainder).toString('base64'),
  }
}

function runningCrc64nvme(): RunningChecksum {
  let low = 0xffffffff
  let high = 0xffffffff
  return {
    update(bytes) {
      for (const byte of bytes) {
        const index = (low ^ byte) & 0xff
        low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[index] ?? 0)
        high = (high >>> 8) ^ (CRC64_HIGH[index] ?? 0)
      }
    },
    digest: () => Buffer.concat([bigEndian(~high), bigEndian(~low)]).toString('base64'),
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
  CRC32C: runningCrc32c,
  CRC64NVME: runningCrc64nvme,
  MD5: () => runningHash('md5'),
  SHA1: () => runningHash('sha1'),
  SHA256: () => runningHash('sha256'),
  SHA512: () => runningHash('sha512'),
}

/** A checksum of no bytes yet. */
export const startChecksum = (algorithm: ChecksumAlgorithm): RunningChecksum => START[algorithm]()
