/** Arguments and answers of SDK integrations: members in PascalCase, times and bytes as text (AWS facts C.4). */
import type { NormalizedSchema } from '@smithy/core/schema'
import { upperFirst } from '../../sdk-calls.ts'
import { members, valueSchema } from '../../wire/model.ts'
import { StateFailure } from '../failure.ts'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const unsupported = (field: string): StateFailure =>
  new StateFailure('States.Runtime', `The field "${field}" is not supported by Step Functions`)

/** What a Task passes, as the SDK takes it. Throws States.Runtime for a field that the operation does not have. */
export function toSdk(schema: NormalizedSchema, value: unknown, onUnknown = unsupported): unknown {
  if (schema.isStructSchema() && isRecord(value)) {
    const known = new Map(members(schema).map(([name, member]) => [upperFirst(name), { name, member }]))
    return Object.fromEntries(
      Object.entries(value).map(([field, one]) => {
        const found = known.get(field)
        if (!found) throw onUnknown(field)
        return [found.name, toSdk(found.member, one, onUnknown)]
      }),
    )
  }
  if (schema.isListSchema() && Array.isArray(value))
    return value.map((one) => toSdk(valueSchema(schema), one, onUnknown))
  if (schema.isMapSchema() && isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, toSdk(valueSchema(schema), one, onUnknown)]),
    )
  if (schema.isTimestampSchema() && typeof value === 'string') return new Date(value)
  if (schema.isTimestampSchema() && typeof value === 'number') return new Date(value * 1000)
  if (schema.isBlobSchema()) return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return value
}

interface TextStream {
  transformToString(): Promise<string>
}

const isTextStream = (value: object): value is TextStream =>
  'transformToString' in value && typeof value.transformToString === 'function'

/** What the SDK answers, as a Task gets it. */
export async function fromSdk(schema: NormalizedSchema, value: unknown): Promise<unknown> {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object' && value !== null && isTextStream(value)) return value.transformToString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (Array.isArray(value)) return Promise.all(value.map((one) => fromSdk(valueSchema(schema), one)))
  if (!isRecord(value)) return value
  const isMap = schema.isMapSchema()
  const known = new Map(isMap ? [] : members(schema))
  const entries = Object.entries(value).flatMap(([name, one]) => {
    const member = isMap ? valueSchema(schema) : known.get(name)
    return one === undefined || !member ? [] : [{ name: isMap ? name : upperFirst(name), member, one }]
  })
  const read = await Promise.all(
    entries.map(async ({ name, member, one }) => [name, await fromSdk(member, one)] as const),
  )
  return Object.fromEntries(read)
}
