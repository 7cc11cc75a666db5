import type { NormalizedSchema } from '@smithy/core/schema'

import { members, valueSchema } from './model.ts'
import { escapeXml } from './simple-values.ts'
import type { TextBytes } from './text-bytes.ts'

/** Adds an element, or what stands between its tags. */
type Write = (value: unknown, to: TextBytes) => void

/** How EC2 writes times (AWS facts A.23), and how other query services do: without milliseconds that are zero. */
export type TimeStyle = 'milliseconds' | 'shortest'

/**
 * Writes values of the query protocols' replies. Each shape is looked at once and becomes a function: the SDK's serialiser,
 * which looks at the schema for every value and builds a tree first, took most of the time of an answer.
 */
export class XmlWriter {
  readonly #known = new WeakMap<NormalizedSchema, Write>()
  readonly #timeText: (time: Date) => string

  constructor(times: TimeStyle) {
    this.#timeText =
      times === 'milliseconds' ? (time) => time.toISOString() : (time) => time.toISOString().replace('.000Z', 'Z')
  }

  /** The members of a structure, without a tag around them; nothing for the unit shape. */
  write(schema: NormalizedSchema, value: unknown, to: TextBytes): void {
    if (!schema.isUnitSchema()) this.#content(schema)(value, to)
  }

  #content(schema: NormalizedSchema): Write {
    const known = this.#known.get(schema)
    if (known) return known
    // Filled in below: a shape may contain itself.
    let made = writeNothing
    this.#known.set(schema, (value, to) => made(value, to))
    made = schema.isStructSchema() ? this.#structure(schema) : (value, to) => to.add(this.#textOf(schema)(value))
    this.#known.set(schema, made)
    return made
  }

  #textOf(schema: NormalizedSchema): (value: unknown) => string {
    if (schema.isTimestampSchema()) return (value) => this.#timeText(value as Date)
    if (schema.isBlobSchema()) return (value) => Buffer.from(value as Uint8Array).toString('base64')
    return (value) => escapeXml(String(value))
  }

  #structure(schema: NormalizedSchema): Write {
    const all = members(schema).map(([name, member]) => ({ name, write: this.#member(name, member) }))
    return (value, to) => {
      const given = value as Readonly<Record<string, unknown>>
      for (const { name, write } of all) {
        const item = given[name]
        if (item !== undefined && item !== null) write(item, to)
      }
    }
  }

  /** A member with its tags; lists and maps that the model calls flat have no tag of their own. */
  #member(name: string, member: NormalizedSchema): Write {
    const { xmlName = name, xmlFlattened } = member.getMergedTraits()
    if (!member.isListSchema() && !member.isMapSchema()) return this.#element(xmlName, member)
    const items = member.isListSchema()
      ? this.#list(member, xmlFlattened ? xmlName : undefined)
      : this.#map(member, xmlFlattened ? xmlName : undefined)
    return xmlFlattened ? items : tagged(xmlName, items)
  }

  /** Structures are looked at when the first value comes: most of a model is never used. */
  #element(name: string, schema: NormalizedSchema): Write {
    if (schema.isStructSchema()) {
      let content: Write | undefined
      return tagged(name, (value, to) => (content ??= this.#content(schema))(value, to))
    }
    const [open, close] = [`<${name}>`, `</${name}>`]
    const textOf = this.#textOf(schema)
    return (value, to) => to.add(open + textOf(value) + close)
  }

  #list(schema: NormalizedSchema, flatName: string | undefined): Write {
    const item = valueSchema(schema)
    const write = this.#item(flatName ?? item.getMergedTraits().xmlName ?? 'member', item)
    return (value, to) => {
      for (const entry of value as readonly unknown[]) write(entry, to)
    }
  }

  #map(schema: NormalizedSchema, flatName: string | undefined): Write {
    const key = schema.getKeySchema()
    const item = valueSchema(schema)
    const writeKey = this.#element(key.getMergedTraits().xmlName ?? 'key', key)
    const writeItem = this.#item(item.getMergedTraits().xmlName ?? 'value', item)
    const write = tagged(flatName ?? 'entry', (entry, to) => {
      const [name, value] = entry as readonly [string, unknown]
      writeKey(name, to)
      writeItem(value, to)
    })
    return (value, to) => {
      for (const entry of Object.entries(value as object)) write(entry, to)
    }
  }

  /** What a list or a map holds, which may be a list again. */
  #item(name: string, schema: NormalizedSchema): Write {
    let write: Write | undefined
    const make = (): Write => {
      if (schema.isListSchema()) return tagged(name, this.#list(schema, undefined))
      return schema.isMapSchema() ? tagged(name, this.#map(schema, undefined)) : this.#element(name, schema)
    }
    return (value, to) => (write ??= make())(value, to)
  }
}

const writeNothing: Write = () => {}

function tagged(name: string, content: Write): Write {
  const [open, close] = [`<${name}>`, `</${name}>`]
  return (value, to) => {
    to.add(open)
    content(value, to)
    to.add(close)
  }
}
