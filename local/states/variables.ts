import { PAYLOAD_LIMIT_BYTES, StateFailure } from './failure.ts'

/** Bytes of all variables of one execution (AWS facts C.2). */
const TOTAL_LIMIT_BYTES = 10 * 1024 * 1024

type Variables = Readonly<Record<string, unknown>>

/** Throws States.DataLimitExceeded when `values` cannot be assigned beside `all` (AWS facts C.2). */
export function checkAssignment(all: Variables, values: Variables): void {
  const subject = Object.keys(values).find((name) => bytesOf(values[name]) > PAYLOAD_LIMIT_BYTES)
  if (subject !== undefined)
    throw new StateFailure('States.DataLimitExceeded', `The variable '${subject}' exceeds 256 KiB.`)
  if (bytesOf(values) > PAYLOAD_LIMIT_BYTES)
    throw new StateFailure('States.DataLimitExceeded', 'The variables of one Assign exceed 256 KiB.')
  if (bytesOf({ ...all, ...values }) > TOTAL_LIMIT_BYTES)
    throw new StateFailure('States.DataLimitExceeded', 'The variables of the execution exceed 10 MiB.')
}

const bytesOf = (values: unknown): number => Buffer.byteLength(JSON.stringify(values) ?? '')
