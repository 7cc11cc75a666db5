/** How the checks (CRC) of parts become that of the whole, without reading the bytes again. */

/** Reflected polynomials. */
const POLYNOMIALS = { CRC32: 0xedb88320n, CRC32C: 0x82f63b78n, CRC64NVME: 0x9a6c9329ac4bc9b5n } as const

type CrcAlgorithm = keyof typeof POLYNOMIALS

/** The check of byte strings joined, from the check (base64) and the size of each; there is at least one. */
export function combineCrcs(
  algorithm: CrcAlgorithm,
  parts: readonly { readonly value: string; readonly sizeBytes: number }[],
): string {
  let sum: Buffer | undefined
  for (const { value, sizeBytes } of parts) {
    const part = Buffer.from(value, 'base64')
    sum = sum ? combine(POLYNOMIALS[algorithm], sum, part, sizeBytes) : part
  }
  return (sum ?? Buffer.alloc(0)).toString('base64')
}

/** Product of two polynomials modulo the third, all with their lowest power in the highest bit. */
function multiply(a: bigint, b: bigint, polynomial: bigint, widthBits: bigint): bigint {
  let product = 0n
  let factor = b
  for (let bit = 1n << (widthBits - 1n); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= factor
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n
  }
  return product
}

/** The check of two byte strings joined, from the check of each and the size of the second: the first is shifted by it. */
function combine(polynomial: bigint, first: Buffer, second: Buffer, secondSizeBytes: number): Buffer {
  const widthBits = BigInt(first.length * 8)
  const one = 1n << (widthBits - 1n)
  let shift = one
  // x^8, squared for each binary digit of the size.
  let power = one >> 8n
  for (let left = secondSizeBytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) shift = multiply(shift, power, polynomial, widthBits)
    power = multiply(power, power, polynomial, widthBits)
  }
  const shifted = multiply(shift, BigInt(`0x${first.toString('hex')}`), polynomial, widthBits)
  const sum = shifted ^ BigInt(`0x${second.toString('hex')}`)
  return Buffer.from(sum.toString(16).padStart(first.length * 2, '0'), 'hex')
}
