import { AwsError } from '../wire/service.ts'
import { invalidArgument } from './errors.ts'
import type { ObjectVersion } from './model.ts'

/** Bytes `start` to `end`, end excluded. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads a Range header; undefined when there is none, or one that S3 ignores (several ranges, other units).
 * @throws AwsError `InvalidRange` (416)
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  const range =
    first === ''
      ? { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes }
      : { start: Number(first), end: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1) }
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (range.start < sizeBytes && range.end > range.start) return range
  throw new AwsError('InvalidRange', 'The requested range is not satisfiable', {
    status: 416,
    fields: { RangeRequested: header, ActualObjectSize: sizeBytes },
  })
}

/** The bytes of one part of a multipart object; an object that was put whole is its own part 1. */
export function rangeOfPart(version: ObjectVersion, partNumber: number): ByteRange {
  const parts = version.parts ?? [{ number: 1, sizeBytes: version.sizeBytes }]
  if (partNumber < 1 || partNumber > 10_000) throw invalidArgument('Part number must be an integer between 1 and 10000')
  const at = partNumber - 1
  const part = parts[at]
  if (!part) {
    throw new AwsError('InvalidPartNumber', 'The requested partnumber is not satisfiable', {
      status: 416,
      fields: { ActualPartCount: parts.length, PartNumberRequested: partNumber },
    })
  }
  const start = parts.slice(0, at).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { start, end: start + part.sizeBytes }
}

/** The range of UploadPartCopy: both ends must be given and lie within the source. */
export function readCopyRange(header: string | undefined, sizeBytes: number): ByteRange {
  if (header === undefined) return { start: 0, end: sizeBytes }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? []
  if (first === undefined || last === undefined || Number(last) < Number(first)) {
    const message =
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy'
    throw invalidArgument(message, { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header })
  }
  if (Number(last) >= sizeBytes)
    throw invalidArgument(`Range specified is not valid for source object of size: ${sizeBytes}`)
  return { start: Number(first), end: Number(last) + 1 }
}
