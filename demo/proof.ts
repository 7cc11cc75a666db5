import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** A disk is read in pieces of 4 MiB. */
const READ_BYTES = 4 * 1024 * 1024

/** SHA-256 of a whole disk, holes included, as hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export interface Check {
  readonly claim: string
  readonly holds: boolean
  /** What was seen: a number, an id, the beginning of a hash. */
  readonly seen: string
}

export const check = (claim: string, holds: boolean, seen: string): Check => ({ claim, holds, seen })
