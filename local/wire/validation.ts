import type { NormalizedSchema } from '@smithy/core/schema'

import { members, requiredMembers, valueSchema } from './model.ts'
import type { Protocol } from './protocol.ts'
import { AwsError } from './service.ts'

/**
 * Checks a decoded input against its schema: required members at every depth, and the JSON type of every value (the SDK's
 * readers let a number pass for a string). Lengths, patterns and ranges are not in the schemas: services check those.
 * @throws AwsError in the words of the protocol
 */
export function validateInput(schema: NormalizedSchema, input: unknown, protocol: Protocol): void {
  if (!schema.isUnitSchema()) check(schema, input, '', protocol)
}

function check(schema: NormalizedSchema, value: unknown, path: string, protocol: Protocol): void {
  if (value === undefined || value === null) return
  if (schema.isStructSchema()) checkStructure(schema, value, path, protocol)
  else if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, 'a list')
    value.forEach((item, index) => check(valueSchema(schema), item, `${path}.${index + 1}.member`, protocol))
  } else if (schema.isMapSchema()) {
    if (typeof value !== 'object') throw wrongType(path, 'a map')
    for (const [key, item] of Object.entries(value)) {
      check(valueSchema(schema), item, `${path}.${key}.member`, protocol)
    }
  } else checkSimple(schema, value, path)
}

function checkStructure(schema: NormalizedSchema, value: unknown, path: string, protocol: Protocol): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(path, 'a structure')
  const given = new Map(Object.entries(value))
  for (const name of requiredMembers(schema)) {
    if (given.get(name) === undefined || given.get(name) === null) throw protocol.missingMember(join(path, name))
  }
  for (const [name, member] of members(schema)) check(member, given.get(name), join(path, name), protocol)
}

function checkSimple(schema: NormalizedSchema, value: unknown, path: string): void {
  // A string of JSON media type is read as a String object of the SDK's own.
  if (schema.isStringSchema() && typeof (value as object).valueOf() !== 'string') {
    throw wrongType(path, 'a String')
  }
  if (schema.isBooleanSchema() && typeof value !== 'boolean') throw wrongType(path, 'a Boolean')
  if (schema.isNumericSchema() && typeof value !== 'number') throw wrongType(path, 'a Number')
}

const wrongType = (path: string, expected: string): AwsError =>
  new AwsError('SerializationException', `The value at '${path}' can not be converted to ${expected}`)

const join = (path: string, name: string): string => {
  const wireName = name.charAt(0).toLowerCase() + name.slice(1)
  return path ? `${path}.${wireName}` : wireName
}
