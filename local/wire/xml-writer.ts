import type { NormalizedSchema } from '@smithy/core/schema'

import { members, valueSchema } from './model.ts'
import { escapeXml } from './simple-values.ts'

/** Text of what stands between the tags of an element. */
type WriteContent = (value: unknown) => string

/** How EC2 writes times (AWS facts A.23), and how other query services do: without milliseconds that are zero. */
export type TimeStyle = 'milliseconds' | 'shortest'

/**
 * Writes values of the query protocols' replies. Each shape is looked at once and becomes a function: the SDK's serialiser,
 * which looks at the schema for every value and builds a tree first, took most of the time of an answer.
 */
export class XmlWriter {
  readonly #known = new WeakMap<NormalizedSchema, WriteContent>()
  readonly #writeTime: (time: Date) => string

  constructor(times: TimeStyle) {
    this.#writeTime =
      times === 'milliseconds' ? (time) => time.toISOString() : (time) => time.toISOString().replace('.000Z', 'Z')
  }

  /** The members of a structure, without a tag around them; nothing for the unit shape. */
  write(schema: NormalizedSchema, value: unknown): string {
    if (schema.isUnitSchema()) return ''
    return this.#content(schema)(value)
  }

  #content(schema: NormalizedSchema): WriteContent {
    const known = this.#known.get(schema)
    if (known) return known
    // Filled in below: a shape may contain itself.
    let made: WriteContent = writeNothing
    this.#known.set(schema, (value) => made(value))
    made = this.#make(schema)
    this.#known.set(schema, made)
    return made
  }

  #make(schema: NormalizedSchema): WriteContent {
    if (schema.isStructSchema()) return this.#structure(schema)
    if (schema.isTimestampSchema()) return (value) => this.#writeTime(value as Date)
    if (schema.isBlobSchema()) return (value) => Buffer.from(value as Uint8Array).toString('base64')
    return (value) => escapeXml(String(value))
  }

  #structure(schema: NormalizedSchema): WriteContent {
    const all = members(schema).map(([name, member]) => [name, this.#member(name, member)] as const)
    return (value) => {
      const given = value as Readonly<Record<string, unknown>>
      let text = ''
      for (const [name, write] of all) {
        const item = given[name]
        if (item !== undefined && item !== null) text += write(item)
      }
      return text
    }
  }

  /** A member with its tags; lists and maps that the model calls flat have no tag of their own. */
  #member(name: string, member: NormalizedSchema): WriteContent {
    const { xmlName = name, xmlFlattened } = member.getMergedTraits()
    if (!member.isListSchema() && !member.isMapSchema()) return this.#element(xmlName, member)
    const items = member.isListSchema()
      ? this.#list(member, xmlFlattened ? xmlName : undefined)
      : this.#map(member, xmlFlattened ? xmlName : undefined)
    return xmlFlattened ? items : tagged(xmlName, items)
  }

  /** Shapes are looked at when the first value comes: most of a model is never used. */
  #element(name: string, schema: NormalizedSchema): WriteContent {
    let content: WriteContent | undefined
    return tagged(name, (value) => (content ??= this.#content(schema))(value))
  }

  #list(schema: NormalizedSchema, flatName: string | undefined): WriteContent {
    const item = valueSchema(schema)
    const write = this.#item(flatName ?? item.getMergedTraits().xmlName ?? 'member', item)
    return (value) => {
      let text = ''
      for (const entry of value as readonly unknown[]) text += write(entry)
      return text
    }
  }

  #map(schema: NormalizedSchema, flatName: string | undefined): WriteContent {
    const key = schema.getKeySchema()
    const item = valueSchema(schema)
    const writeKey = this.#element(key.getMergedTraits().xmlName ?? 'key', key)
    const writeItem = this.#item(item.getMergedTraits().xmlName ?? 'value', item)
    const write = tagged(flatName ?? 'entry', (entry) => {
      const [name, value] = entry as readonly [string, unknown]
      return writeKey(name) + writeItem(value)
    })
    return (value) =>
      Object.entries(value as object)
        .map(write)
        .join('')
  }

  /** What a list or a map holds, which may be a list again. */
  #item(name: string, schema: NormalizedSchema): WriteContent {
    let write: WriteContent | undefined
    const make = (): WriteContent => {
      if (schema.isListSchema()) return tagged(name, this.#list(schema, undefined))
      return schema.isMapSchema() ? tagged(name, this.#map(schema, undefined)) : this.#element(name, schema)
    }
    return (value) => (write ??= make())(value)
  }
}

const writeNothing: WriteContent = () => ''

function tagged(name: string, content: WriteContent): WriteContent {
  const [open, close] = [`<${name}>`, `</${name}>`]
  return (value) => open + content(value) + close
}
