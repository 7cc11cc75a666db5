import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** File systems allow 255 bytes; the rest is for the mark of a folder. */
const MAX_SEGMENT_CHARS = 200

/**
 * The file of an object below its bucket's folder: folders as the key's `/` suggest, so that people find their way.
 * No two keys share a file: folders end in `%2F`, which no file does, so that `a` and `a/b` can both exist.
 */
export function objectPath(bucketDirectory: string, key: string): string {
  const segments = key.split('/').map(encodeSegment)
  const folders = segments.slice(0, -1).map((segment) => `${segment}%2F`)
  // An empty name is that of a key which ends in a slash; `%` alone encodes nothing else.
  return join(bucketDirectory, ...folders, segments.at(-1) || '%')
}

function encodeSegment(segment: string): string {
  // The names `.` and `..` mean something else to a file system.
  const encoded = /^\.+$/.test(segment) ? segment.replaceAll('.', '%2E') : encodeURIComponent(segment.toWellFormed())
  if (encoded.length <= MAX_SEGMENT_CHARS) return encoded
  return `%${createHash('sha256').update(segment).digest('hex')}`
}
