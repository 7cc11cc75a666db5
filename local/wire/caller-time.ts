import { wallClockMs } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { RequestHead } from './request.ts'
import { readSignature } from './signature.ts'

/**
 * What time it is for who sent a request, in milliseconds: Lambdas live by the account's clock, guests and everybody outside by
 * the machine's, and the time of a signature tells which. A client takes an answer of another time for a sign that its own clock
 * is wrong, and then repeats calls that were refused.
 */
export function callerTimeMs(head: RequestHead, clock: Clock): () => number {
  const signedMs = timeOf(readSignature(head)?.dateTime ?? '')
  const isVirtual = Math.abs(signedMs - clock.now()) < Math.abs(signedMs - wallClockMs())
  return isVirtual ? () => clock.now() : wallClockMs
}

/** Of `yyyymmddThhmmssZ`; NaN for anything else. */
const timeOf = (dateTime: string): number =>
  Date.parse(dateTime.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
