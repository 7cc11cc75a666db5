import { FromStringShapeDeserializer, ToStringShapeSerializer } from '@smithy/core/protocols'
import type { NormalizedSchema } from '@smithy/core/schema'

/** Timestamp format 5 is ISO 8601, the default of query strings and XML; a member's own format goes first. */
const SETTINGS = { timestampFormat: { useTrait: true, default: 5 }, httpBindings: true } as const

const reader = new FromStringShapeDeserializer(SETTINGS)
const writer = new ToStringShapeSerializer(SETTINGS)

/**
 * Reads a value that came as text (query parameter, header, part of a path).
 * The SDK's reader, made for trusted servers, takes `abc` for NaN and `yes` for false: those are refused here.
 * @throws SyntaxError when the text is no value of this shape
 */
export function readSimple(schema: NormalizedSchema, text: string): unknown {
  if (schema.isBooleanSchema() && !/^(true|false)$/i.test(text)) throw new SyntaxError(`${text} is no boolean`)
  if (schema.isNumericSchema() && (text.trim() === '' || !Number.isFinite(Number(text)))) {
    throw new SyntaxError(`${text} is no number`)
  }
  const value: unknown = reader.read(schema, text)
  if (schema.isTimestampSchema() && !(value instanceof Date && Number.isFinite(value.getTime()))) {
    throw new SyntaxError(`${text} is no timestamp`)
  }
  return value
}

export function writeSimple(schema: NormalizedSchema, value: unknown): string {
  writer.write(schema, value)
  return writer.flush()
}

const XML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A parser makes a line feed of it.
  '\r': '&#xD;',
}

export const escapeXml = (text: string): string =>
  /[&<>"\r]/.test(text) ? text.replace(/[&<>"\r]/g, (char) => XML_ENTITIES[char] ?? char) : text
