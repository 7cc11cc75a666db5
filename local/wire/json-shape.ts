import type { NormalizedSchema } from '@smithy/core/schema'

import { members, valueSchema } from './model.ts'
import { malformedJson } from './protocol.ts'

/**
 * Checks what a JSON document must be where its schema wants a structure, a list, a map or a blob: the SDK's reader, made for
 * trusted servers, takes a list for a structure without members, and any value for a blob. Simple values are checked later.
 * @throws AwsError SerializationException
 */
export function checkJsonShape(schema: NormalizedSchema, value: unknown, path: string): void {
  if (value === undefined || (value === null && path !== '')) return
  if (schema.isStructSchema()) {
    const given = objectOf(value, path, 'a structure')
    for (const [name, member] of members(schema)) {
      const { jsonName = name } = member.getMergedTraits()
      if (Object.hasOwn(given, jsonName)) checkJsonShape(member, given[jsonName], join(path, jsonName))
    }
  } else if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, 'a list')
    value.forEach((item, index) => checkJsonShape(valueSchema(schema), item, join(path, String(index + 1))))
  } else if (schema.isMapSchema()) {
    const entries = Object.entries(objectOf(value, path, 'a map'))
    for (const [key, item] of entries) checkJsonShape(valueSchema(schema), item, join(path, key))
  } else if (schema.isBlobSchema() && typeof value !== 'string') throw wrongType(path, 'a blob')
}

function objectOf(value: unknown, path: string, expected: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(path, expected)
  return value as Readonly<Record<string, unknown>>
}

const wrongType = (path: string, expected: string): Error =>
  malformedJson(`The value at '${path}' can not be converted to ${expected}`)

const join = (path: string, name: string): string => (path ? `${path}.${name}` : name)
