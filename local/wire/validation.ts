import type { NormalizedSchema } from '@smithy/core/schema'

import type { Enumerations } from './enumerations.ts'
import { members, requiredMembers, valueSchema } from './model.ts'
import type { Protocol, Violation } from './protocol.ts'

/** Checks the decoded input of an operation. @throws AwsError in the words of the protocol */
export type InputCheck = (schema: NormalizedSchema, input: unknown) => void

/**
 * Checks inputs against their schemas: required members and enumerations at every depth, and the JSON type of every value (the
 * SDK's readers let a number pass for a string). Lengths, patterns and ranges are not in the schemas: services check those.
 */
export function inputCheck(protocol: Protocol, enumerations: Enumerations): InputCheck {
  return (schema, input) => {
    if (schema.isUnitSchema()) return
    const found: Violation[] = []
    const wrongType = (path: string, expected: string): Error =>
      protocol.malformed(`The value at '${path}' can not be converted to ${expected}`)
    checkStructure({ enumerations, found, wrongType }, schema, input, '')
    const [first, ...others] = found
    if (first) throw protocol.refuseInput([first, ...others])
  }
}

interface Check {
  readonly enumerations: Enumerations
  /** A value of the wrong type is refused before any of these: nothing of the input could be read. */
  readonly found: Violation[]
  readonly wrongType: (path: string, expected: string) => Error
}

function checkValue(check: Check, schema: NormalizedSchema, value: unknown, path: string): void {
  if (value === undefined || value === null) return
  if (schema.isStructSchema()) checkStructure(check, schema, value, path)
  else if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw check.wrongType(path, 'a list')
    value.forEach((item, index) => checkValue(check, valueSchema(schema), item, `${path}.${index + 1}.member`))
  } else if (schema.isMapSchema()) {
    if (typeof value !== 'object') throw check.wrongType(path, 'a map')
    for (const [key, item] of Object.entries(value))
      checkValue(check, valueSchema(schema), item, `${path}.${key}.member`)
  } else checkSimple(check, schema, value, path)
}

function checkStructure(check: Check, schema: NormalizedSchema, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw check.wrongType(path, 'a structure')
  const given = new Map<string, unknown>(Object.entries(value))
  for (const name of requiredMembers(schema)) {
    if (given.get(name) === undefined || given.get(name) === null)
      check.found.push({ constraint: 'required', path: join(path, name) })
  }
  for (const [name, member] of members(schema)) {
    const item = given.get(name)
    if (item === undefined || item === null) continue
    checkValue(check, member, item, join(path, name))
    const allowed = check.enumerations(schema.getName(), name)
    if (allowed) checkEnumeration(check, item, allowed, join(path, name))
  }
}

/** Of a member that is an enumeration, or a list of them. */
function checkEnumeration({ found }: Check, value: unknown, allowed: readonly string[], path: string): void {
  const given = Array.isArray(value) ? value.map(String) : String(value)
  if ([given].flat().some((item) => !allowed.includes(item)))
    found.push({ constraint: 'enumeration', path, value: given, allowed })
}

function checkSimple({ wrongType }: Check, schema: NormalizedSchema, value: unknown, path: string): void {
  // A string of JSON media type is read as a String object of the SDK's own.
  if (schema.isStringSchema() && typeof (value as object).valueOf() !== 'string') {
    throw wrongType(path, 'a String')
  }
  if (schema.isBooleanSchema() && typeof value !== 'boolean') throw wrongType(path, 'a Boolean')
  if (schema.isNumericSchema() && typeof value !== 'number') throw wrongType(path, 'a Number')
}

const join = (path: string, name: string): string => {
  const wireName = name.charAt(0).toLowerCase() + name.slice(1)
  return path ? `${path}.${wireName}` : wireName
}
