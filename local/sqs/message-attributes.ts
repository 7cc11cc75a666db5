import { createHash } from 'node:crypto'
import type { MessageAttributeValue } from '@aws-sdk/client-sqs'
import { invalidParameter } from './model.ts'

type Attributes = Readonly<Record<string, MessageAttributeValue>>

const ATTRIBUTE_LIMIT = 10

export const md5 = (data: string | Uint8Array): string => createHash('md5').update(data).digest('hex')

const valueOf = ({ BinaryValue, StringValue }: MessageAttributeValue): Uint8Array =>
  BinaryValue ?? Buffer.from(StringValue ?? '')

const isBinary = ({ DataType = '' }: MessageAttributeValue): boolean => /^Binary(\.|$)/.test(DataType)

/** @throws AwsError InvalidParameterValue */
export function checkAttributes(attributes: Attributes): void {
  const entries = Object.entries(attributes)
  if (entries.length > ATTRIBUTE_LIMIT)
    throw invalidParameter(`Number of message attributes [${entries.length}] exceeds the allowed maximum [10].`)
  for (const [name, value] of entries) {
    if (!/^(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/.test(name) || /^(aws|amazon)\./i.test(name))
      throw invalidParameter(`Message attribute name '${name}' is invalid.`)
    if (!/^(String|Number|Binary)(\.|$)/.test(value.DataType ?? ''))
      throw invalidParameter(`The message attribute '${name}' has an invalid message attribute type.`)
    if (valueOf(value).length === 0)
      throw invalidParameter(`The message attribute '${name}' must contain a non-empty message attribute value.`)
    if (value.DataType?.startsWith('Number') && !Number.isFinite(Number(value.StringValue)))
      throw invalidParameter(`Can't cast the value of message (user) attribute '${name}' to a number.`)
  }
}

export const sizeBytes = (body: string, attributes: Attributes): number =>
  Object.entries(attributes).reduce(
    (total, [name, value]) =>
      total + Buffer.byteLength(name) + Buffer.byteLength(value.DataType ?? '') + valueOf(value).length,
    Buffer.byteLength(body),
  )

const STRING_TRANSPORT = 1
const BINARY_TRANSPORT = 2

function withLength(data: Uint8Array | string): Buffer {
  const bytes = Buffer.from(data)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** MD5 over the attributes by name: name, type and value each behind its length, and a byte that says how the value travels. */
export function md5OfAttributes(attributes: Attributes): string | undefined {
  const names = Object.keys(attributes).sort()
  if (names.length === 0) return undefined
  const parts = names.flatMap((name) => {
    const value = attributes[name] ?? { DataType: '' }
    const transport = Buffer.from([isBinary(value) ? BINARY_TRANSPORT : STRING_TRANSPORT])
    return [withLength(name), withLength(value.DataType ?? ''), transport, withLength(valueOf(value))]
  })
  return md5(Buffer.concat(parts))
}

/** Those that a receiver asks for: by name, by `prefix.*`, or all. */
export function selected(attributes: Attributes, names: readonly string[]): Attributes {
  const isWanted = (name: string): boolean =>
    names.some((wanted) =>
      wanted === 'All' || wanted === '.*'
        ? true
        : wanted.endsWith('.*')
          ? name.startsWith(wanted.slice(0, -1))
          : name === wanted,
    )
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => isWanted(name)))
}
