import type { NormalizedSchema } from '@smithy/core/schema'

import type { Enumerations } from '../../local/wire/enumerations.ts'
import { isBlobStream, members, requiredMembers, valueSchema } from '../../local/wire/model.ts'

/** Leaves a member out of everything that is made. */
export type Omits = (member: string) => boolean

/** Deeper than this only what must be there is made: some shapes contain themselves. */
const MAX_DEPTH = 3
/** A shape that requires itself would never end. */
const ABSOLUTE_DEPTH = 12

/** Text in requests goes through URLs and headers, text in replies through XML and JSON: what is special in any of them. */
const CHARACTERS = Array.from('abcXYZ019 -_.~/+=&%<>"\'é中😀')
const PLAIN_CHARACTERS = Array.from('abcXYZ019-')

/** Makes random values of any shape, the same ones again for the same seed. */
export class RandomValues {
  #state: number
  readonly #omits: Omits
  readonly #enumerations: Enumerations

  constructor(seed: number, omits: Omits, enumerations: Enumerations) {
    this.#state = seed
    this.#omits = omits
    this.#enumerations = enumerations
  }

  /** A whole number from 0 up to, not including, `limit` (the generator "mulberry32"). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }

  structure(schema: NormalizedSchema, depth = 0): Record<string, unknown> {
    const required = new Set(requiredMembers(schema))
    const all = members(schema).filter(([name]) => required.has(name) || !this.#omits(name))
    const only = schema.isUnionSchema() ? all[this.below(all.length)] : undefined
    const made: Record<string, unknown> = {}
    for (const [name, member] of only ? [only] : all) {
      const traits = member.getMergedTraits()
      // The client fills in an absent token by itself, and an answer always has a status and a body.
      const isAlwaysThere = traits.idempotencyToken || traits.httpResponseCode || isBare(member)
      const isNeeded = only !== undefined || required.has(name) || traits.httpLabel || isAlwaysThere
      if (!isNeeded && (depth >= MAX_DEPTH || this.below(3) === 0)) continue
      const value = this.#member(schema, name, member, depth)
      if (value !== undefined) made[name] = value
    }
    return made
  }

  #member(structure: NormalizedSchema, name: string, member: NormalizedSchema, depth: number): unknown {
    const allowed = this.#enumerations(structure.getName(), name)
    if (!allowed) return this.value(member, depth + 1)
    const chosen = allowed[this.below(allowed.length)]
    return member.isListSchema() ? [chosen] : chosen
  }

  value(schema: NormalizedSchema, depth: number, isHeader = inHeader(schema)): unknown {
    if (depth > ABSOLUTE_DEPTH) return undefined
    if (schema.isStructSchema()) return this.#nonEmpty(schema, depth)
    if (schema.isListSchema()) {
      const items = Array.from({ length: 1 + this.below(2) }, () =>
        this.value(schema.getValueSchema(), depth + 1, isHeader),
      )
      return items.includes(undefined) ? undefined : items
    }
    if (schema.isMapSchema()) {
      const value = this.value(schema.getValueSchema(), depth + 1, isHeader)
      // Names of headers are lower-case on the way.
      return value === undefined ? undefined : { [`key${this.below(100)}`]: value }
    }
    return this.#simple(schema, isHeader)
  }

  /** Wire formats that name members one by one cannot tell an empty structure from an absent one. */
  #nonEmpty(schema: NormalizedSchema, depth: number): Record<string, unknown> | undefined {
    const made = this.structure(schema, depth)
    if (Object.keys(made).length > 0) return made
    for (const [name, member] of members(schema)) {
      const value = this.#omits(name) ? undefined : this.#member(schema, name, member, depth)
      if (value !== undefined) return { [name]: value }
    }
    return undefined
  }

  #simple(schema: NormalizedSchema, isHeader: boolean): unknown {
    if (schema.isTimestampSchema()) return new Date(1_700_000_000_000 + this.below(1_000_000) * 1000)
    if (schema.isBlobSchema()) return Uint8Array.from({ length: 1 + this.below(5) }, () => this.below(256))
    if (schema.isBooleanSchema()) return this.below(2) === 0
    if (schema.getMergedTraits().httpResponseCode) return 200 + this.below(4)
    if (schema.isBigIntegerSchema()) return BigInt(this.below(100_000))
    if (schema.isNumericSchema()) return this.below(100_000)
    if (schema.isDocumentSchema()) return { a: this.below(10), b: [this.#text(schema, isHeader)] }
    if (schema.isStringSchema()) return this.#text(schema, isHeader)
    return undefined
  }

  #text(schema: NormalizedSchema, isHeader: boolean): string {
    const { mediaType } = schema.getMergedTraits()
    if (mediaType === 'application/json') return JSON.stringify({ n: this.below(100) })
    const characters = isHeader ? PLAIN_CHARACTERS : CHARACTERS
    const length = 1 + this.below(8)
    return Array.from({ length }, () => characters[this.below(characters.length)]).join('')
  }
}

function inHeader(schema: NormalizedSchema): boolean {
  const { httpHeader, httpPrefixHeaders } = schema.getMergedTraits()
  return httpHeader !== undefined || httpPrefixHeaders !== undefined
}

/** Members that take the whole body, and maps of headers with a prefix: absent and empty are the same. */
function isBare(member: NormalizedSchema): boolean {
  const { httpPayload, httpPrefixHeaders } = member.getMergedTraits()
  return httpPrefixHeaders !== undefined || httpPayload !== undefined
}

/** Whether an operation's input or output is a stream of events, which no protocol here speaks. */
export const hasEventStream = (schema: NormalizedSchema): boolean =>
  members(schema).some(([, member]) => member.isStreaming() && !isBlobStream(member))

/** A value as plain data that can be compared: without what is absent or omitted, numbers without their type. */
export function plain(value: unknown, omits: Omits = () => false): unknown {
  if (value instanceof Date) return { date: value.getTime() }
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map((item) => plain(item, omits))
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  // A string of JSON media type is an object of the SDK's own.
  const primitive: unknown = value.valueOf()
  if (typeof primitive === 'string') return primitive
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => item !== undefined && name !== '$metadata' && !omits(name))
      .map(([name, item]) => [name, plain(item, omits)]),
  )
}

/** A member somewhere in a structure. */
export interface Place {
  readonly name: string
  readonly isList: boolean
  /** Puts a value there, and around it what must be there. */
  readonly around: (value: unknown) => object
}

/** Where in a structure the wanted members are, at any depth; a structure within itself is looked at once. */
export function placesIn(
  values: RandomValues,
  root: NormalizedSchema,
  isWanted: (structure: string | undefined, member: string) => boolean,
): Place[] {
  const seen = new Set<string | undefined>()
  const visit = (schema: NormalizedSchema): Place[] => {
    if (schema.isListSchema() || schema.isMapSchema()) {
      const wrap = (item: object): object => (schema.isListSchema() ? [item] : { key: item })
      return visit(valueSchema(schema)).map((place) => ({ ...place, around: (value) => wrap(place.around(value)) }))
    }
    if (!schema.isStructSchema() || seen.has(schema.getName())) return []
    seen.add(schema.getName())
    return members(schema).flatMap(([name, member]) => {
      const within = (value: unknown): object => ({
        ...(schema.isUnionSchema() ? {} : values.structure(schema)),
        [name]: value,
      })
      if (isWanted(schema.getName(), name)) return [{ name, isList: member.isListSchema(), around: within }]
      return visit(member).map((place) => ({ ...place, around: (value) => within(place.around(value)) }))
    })
  }
  return visit(root)
}
