/**
 * How EC2 is late (AWS facts A.19): what was just made is not known everywhere for some seconds, lists come in no certain
 * order, and a page may be empty though more follow. Off unless asked for; the same seed is late in the same way.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'

export interface Consistency {
  /** For at most so long a new id answers NotFound and is in no list. 0: known at once. */
  readonly idsMs: number
  /** For so long new volumes and snapshots are not found by their tags. */
  readonly tagsMs: number
  /** Every third page comes empty at first, with a token; the items of a page come in any order. */
  readonly ragged: boolean
  readonly seed: string
}

export const STRONG: Consistency = { idsMs: 0, tagsMs: 0, ragged: false, seed: '' }

/** A number below `limit` that belongs to this text. */
export const dice = (text: string, limit: number): number =>
  createHash('sha256').update(text).digest().readUInt32BE(0) % limit

/** Whether a resource made at `createdMs` is known by now to whoever asks. */
export function isKnown({ clock, consistency }: Late, { id, createdMs }: Made): boolean {
  const { idsMs, seed } = consistency
  const ageMs = clock.now() - createdMs
  return idsMs === 0 || ageMs >= idsMs || ageMs >= dice(`${seed}/known/${id}`, idsMs)
}

interface Late {
  readonly clock: Clock
  readonly consistency: Consistency
}

interface Made {
  readonly id: string
  readonly createdMs: number
}
