/** Constants of the vault format, version 1 (docs/vault-format.md). */

export const FORMAT_VERSION = 1
/** 512 KiB, the block of EBS (AWS facts B). */
export const BLOCK_BYTES = 524_288
/** 2048 × 512 KiB = 1 GiB: EBS volumes are whole GiB. */
export const SEGMENT_BLOCKS = 2_048
/** A pack is closed when its records exceed this: one PUT of this size costs nothing against its bytes, and repeats cheaply. */
export const PACK_BYTES = 16 * 1024 * 1024
/** Ordinals are u16, and the last is kept free. */
export const PACK_RECORDS_MAX = 65_535
export const ID_BYTES = 32
export const CHECK_BYTES = 16
export const PACK_ID_BYTES = 16
export const TAG_BYTES = 16
export const SALT_BYTES = 32

/** How many blocks cover so many bytes. */
export const blockCountOf = (sizeBytes: number): number => Math.ceil(sizeBytes / BLOCK_BYTES)
export const segmentCountOf = (sizeBytes: number): number => Math.ceil(blockCountOf(sizeBytes) / SEGMENT_BLOCKS)
