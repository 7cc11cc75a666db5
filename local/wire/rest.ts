import type { NormalizedSchema } from '@smithy/core/schema'

import { isBlobStream, members, structure } from './model.ts'
import type { Codec, OperationModel } from './model.ts'
import type { Route, WireReply, WireRequest } from './protocol.ts'
import type { AwsError } from './service.ts'
import { readSimple, writeSimple } from './simple-values.ts'
import { streamOf } from './streamed-body.ts'

type Traits = ReturnType<NormalizedSchema['getMergedTraits']>

const isBound = (traits: Traits): boolean =>
  traits.httpHeader !== undefined ||
  traits.httpPrefixHeaders !== undefined ||
  traits.httpQuery !== undefined ||
  traits.httpQueryParams !== undefined ||
  traits.httpLabel !== undefined ||
  traits.httpResponseCode !== undefined ||
  traits.httpPayload !== undefined

const isRaw = (schema: NormalizedSchema): boolean =>
  schema.isStreaming() || schema.isBlobSchema() || schema.isStringSchema()

const knownBodies = new WeakMap<NormalizedSchema, { readonly body: NormalizedSchema | undefined }>()

/** A structure without the members that travel outside of the body; keeps the structure's name and traits. */
function bodyOf(schema: NormalizedSchema): NormalizedSchema | undefined {
  const known = knownBodies.get(schema)
  if (known) return known.body
  const inBody = members(schema).filter(([, member]) => !isBound(member.getMergedTraits()))
  const name = schema.getMergedTraits().xmlName ?? schema.getName() ?? 'Body'
  const body = inBody.length === 0 ? undefined : structure(name, inBody)
  knownBodies.set(schema, { body })
  return body
}

/** How a REST service reads a body, and refuses a value of its path, query or headers. */
export interface Reading {
  /** @throws AwsError when the bytes are no such document */
  readBody(schema: NormalizedSchema, bytes: Uint8Array): Promise<unknown>
  malformedValue(message: string): AwsError
}

/** Reads the input of a REST operation from path, query, headers and body. */
export async function readBindings(
  route: Route,
  request: WireRequest,
  reading: Reading,
): Promise<Record<string, unknown>> {
  const { operation, labels = {} } = route
  const body = bodyOf(operation.input)
  const input =
    body && request.body.length > 0 ? ((await reading.readBody(body, request.body)) as Record<string, unknown>) : {}
  for (const [name, member] of members(operation.input)) {
    const value = await readBinding(reading, member, labels[name], request)
    if (value !== undefined) input[name] = value
  }
  return input
}

async function readBinding(
  reading: Reading,
  member: NormalizedSchema,
  label: string | undefined,
  request: WireRequest,
): Promise<unknown> {
  const traits = member.getMergedTraits()
  const readText: ReadText = (schema, text) => {
    try {
      return readSimple(schema, text)
    } catch (error) {
      throw reading.malformedValue(error instanceof Error ? error.message : String(error))
    }
  }
  if (traits.httpLabel) return label === undefined ? undefined : readText(member, decodeURIComponent(label))
  if (traits.httpQuery !== undefined) return readQuery(member, request.query.getAll(traits.httpQuery), readText)
  if (traits.httpQueryParams) return Object.fromEntries(request.query)
  if (traits.httpHeader !== undefined) {
    const text = request.headers[traits.httpHeader.toLowerCase()]
    return text === undefined ? undefined : readText(member, text)
  }
  if (traits.httpPrefixHeaders !== undefined) return readPrefixHeaders(traits.httpPrefixHeaders, request.headers)
  if (!traits.httpPayload) return undefined
  if (isBlobStream(member)) return request.stream ?? streamOf(request.body)
  if (request.body.length === 0) return undefined
  if (member.isStringSchema()) return Buffer.from(request.body).toString('utf8')
  return isRaw(member) ? request.body : reading.readBody(member, request.body)
}

type ReadText = (schema: NormalizedSchema, text: string) => unknown

function readQuery(member: NormalizedSchema, sent: string[], readText: ReadText): unknown {
  const [first] = sent
  if (first === undefined) return undefined
  return member.isListSchema() ? sent.map((text) => readText(member.getValueSchema(), text)) : readText(member, first)
}

function readPrefixHeaders(
  prefix: string,
  headers: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const start = prefix.toLowerCase()
  const found = Object.entries(headers).filter(([name]) => name.startsWith(start))
  if (found.length === 0) return undefined
  return Object.fromEntries(found.map(([name, value]) => [name.slice(start.length), value]))
}

/** Writes the output of a REST operation into status, headers and body. */
export function writeBindings(
  codec: Codec,
  operation: OperationModel,
  output: Readonly<Record<string, unknown>>,
  contentType: string,
): WireReply {
  const headers: Record<string, string> = {}
  let status = operation.http?.status ?? 200
  let payload: WireReply['body'] | undefined
  for (const [name, member] of members(operation.output)) {
    const traits = member.getMergedTraits()
    const value = output[name]
    if (value === undefined || value === null) continue
    if (traits.httpResponseCode) status = Number(value)
    else if (traits.httpHeader !== undefined) headers[traits.httpHeader.toLowerCase()] = writeSimple(member, value)
    else if (traits.httpPrefixHeaders !== undefined) {
      for (const [key, text] of Object.entries(value)) headers[traits.httpPrefixHeaders + key] = String(text)
    } else if (traits.httpPayload) {
      payload = isRaw(member) ? (value as WireReply['body']) : serialize(codec, member, value)
      headers['content-type'] ??= isRaw(member) ? 'binary/octet-stream' : contentType
    }
  }
  const body = payload === undefined ? bodyOf(operation.output) : undefined
  if (body) headers['content-type'] ??= contentType
  return { status, headers, body: payload ?? (body ? serialize(codec, body, output) : '') }
}

function serialize(codec: Codec, schema: NormalizedSchema, value: unknown): Uint8Array | string {
  const serializer = codec.createSerializer()
  serializer.write(schema, value)
  return serializer.flush()
}
