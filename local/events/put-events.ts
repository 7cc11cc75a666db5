import type {
  PutEventsRequest,
  PutEventsRequestEntry,
  PutEventsResponse,
  PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge'
import { AwsError } from '../wire/service.ts'
import type { EmittedEvent } from '../wire/service.ts'

/** AWS facts D.2. */
const ENTRY_LIMIT = 10
const TOTAL_BYTES = 256 * 1024

const invalid = (message: string): AwsError => new AwsError('ValidationException', message)

/** Size as EventBridge counts it: 14 bytes for a time, and the text of everything else. */
const sizeBytes = (entry: PutEventsRequestEntry): number =>
  (entry.Time ? 14 : 0) +
  [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])].reduce(
    (total, part) => total + Buffer.byteLength(part ?? ''),
    0,
  )

const refusal = (code: string, message: string): PutEventsResultEntry => ({ ErrorCode: code, ErrorMessage: message })

const required = (name: string): PutEventsResultEntry =>
  refusal('InvalidArgument', `Parameter ${name} is not valid. Reason: ${name} is a required argument.`)

function parseDetail(detail: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(detail)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function readEntry(entry: PutEventsRequestEntry): { event: EmittedEvent; timeMs?: number } | PutEventsResultEntry {
  const { Source, DetailType, Detail, Resources, Time } = entry
  if (!Source) return required('Source')
  if (!DetailType) return required('DetailType')
  if (!Detail) return required('Detail')
  if (Source.startsWith('aws.')) return refusal('NotAuthorizedForSourceException', 'Not authorized for the source.')
  const detail = parseDetail(Detail)
  if (!detail) return refusal('MalformedDetail', 'Detail is malformed.')
  return {
    event: { source: Source, 'detail-type': DetailType, resources: Resources ?? [], detail },
    ...(Time === undefined ? {} : { timeMs: Time.getTime() }),
  }
}

/** PutEvents: each entry succeeds or fails by itself. `publish` takes an event to the bus and returns its id. */
export function putEvents(
  input: PutEventsRequest,
  publish: (event: EmittedEvent, timeMs?: number) => string,
): PutEventsResponse {
  const entries = input.Entries ?? []
  if (input.EndpointId !== undefined)
    throw new AwsError('NotImplemented', 'This account does not know global endpoints', { status: 501 })
  if (entries.length < 1 || entries.length > ENTRY_LIMIT)
    throw invalid(
      "1 validation error detected: Value at 'entries' failed to satisfy constraint: " +
        `Member must have length ${entries.length < 1 ? 'greater than or equal to 1' : 'less than or equal to 10'}`,
    )
  if (entries.reduce((total, entry) => total + sizeBytes(entry), 0) > TOTAL_BYTES)
    throw invalid('Total size of the entries in the request is over the limit.')
  const results = entries.map((entry): PutEventsResultEntry => {
    const read = readEntry(entry)
    return 'event' in read ? { EventId: publish(read.event, read.timeMs) } : read
  })
  return { FailedEntryCount: results.filter((result) => result.ErrorCode).length, Entries: results }
}
