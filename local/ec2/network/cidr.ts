/** IPv4 blocks. */
import { AwsError } from '../../wire/service.ts'

export interface Block {
  readonly first: number
  readonly size: number
}

const BYTES = 4

export function toNumber(address: string): number | undefined {
  const bytes = address.split('.').map((part) => (/^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256))
  if (bytes.length !== BYTES || bytes.some((byte) => byte > 255)) return undefined
  return bytes.reduce((number, byte) => number * 256 + byte, 0)
}

export const toAddress = (number: number): string =>
  [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.')

/** undefined: no IPv4 block, or one whose address has bits below its prefix. */
export function blockOf(cidr: string): Block | undefined {
  const [, address = '', bits] = /^([\d.]+)\/(\d{1,2})$/.exec(cidr) ?? []
  const first = toNumber(address)
  const length = Number(bits)
  if (first === undefined || bits === undefined || length > 32) return undefined
  const size = 2 ** (32 - length)
  return first % size === 0 ? { first, size } : undefined
}

/** @throws AwsError InvalidParameterValue */
export function requiredBlock(cidr: string, parameter: string): Block {
  const block = blockOf(cidr)
  if (block) return block
  throw new AwsError(
    'InvalidParameterValue',
    `Value (${cidr}) for parameter ${parameter} is invalid. This is not a valid CIDR block.`,
  )
}

export const contains = (outer: Block, inner: Block): boolean =>
  inner.first >= outer.first && inner.first + inner.size <= outer.first + outer.size

export const overlap = (one: Block, other: Block): boolean =>
  one.first < other.first + other.size && other.first < one.first + one.size
