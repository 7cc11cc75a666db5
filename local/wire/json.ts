import { isUtf8 } from 'node:buffer'

import type { NormalizedSchema } from '@smithy/core/schema'

import { checkJsonShape } from './json-shape.ts'
import type { Codec, ServiceModel } from './model.ts'
import {
  INVALID_TOKEN_MESSAGE,
  isServed,
  malformedJson,
  mediaType,
  refuseJsonInput,
  refuseJsonSignature,
  tooLargeBody,
  unknownOperation,
} from './protocol.ts'
import type { Protocol, WireReply, WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'

/**
 * Reads a body as a value of a shape.
 * @throws AwsError SerializationException
 */
export async function readJson(codec: Codec, schema: NormalizedSchema, bytes: Uint8Array): Promise<unknown> {
  checkJsonShape(schema, parsed(bytes), '')
  try {
    return await codec.createDeserializer().read(schema, bytes)
  } catch (error) {
    throw malformedJson(error instanceof Error ? error.message : String(error))
  }
}

function parsed(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw malformedJson('The body is not UTF-8')
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    throw malformedJson(error instanceof Error ? error.message : String(error))
  }
}

/** The body of a JSON error; clients take the message under either spelling, services differ in which they send. */
export const jsonError = (error: AwsError): string =>
  JSON.stringify({ __type: error.code, message: error.message, Message: error.message, ...error.fields })

/** awsJson 1.0 and 1.1: one path, the operation in `X-Amz-Target: Prefix.Operation`. */
export function awsJson(model: ServiceModel): Protocol {
  const { codec } = model
  if (!codec) throw new Error(`${model.signingName} has no JSON codec.`)
  const contentType = `application/x-amz-json-${model.protocol.endsWith('1_0') ? '1.0' : '1.1'}`
  const reply = (status: number, body: string | Uint8Array): WireReply => ({
    status,
    headers: { 'content-type': contentType },
    body,
  })
  return {
    unknownKey: new AwsError('UnrecognizedClientException', INVALID_TOKEN_MESSAGE),
    refuseSignature: refuseJsonSignature(400),
    refuseInput: refuseJsonInput,
    malformed: malformedJson,
    tooLarge: tooLargeBody(model),
    route(request) {
      refuseForeign(model, contentType, request)
      const target = request.headers['x-amz-target'] ?? ''
      const name = target.startsWith(`${model.target}.`) ? operationOfTarget(request.headers) : ''
      const operation = model.operations.get(name)
      if (!operation) throw unknownOperation(`Unknown operation ${target}`, 400)
      return { operation }
    },
    async decode({ operation }, request) {
      if (operation.input.isUnitSchema() || request.body.length === 0) return {}
      return (await readJson(codec, operation.input, request.body)) as Record<string, unknown>
    },
    encode({ output: schema }, output) {
      if (schema.isUnitSchema()) return reply(200, '{}')
      const serializer = codec.createSerializer()
      serializer.write(schema, output ?? {})
      return reply(200, serializer.flush())
    },
    encodeError(error) {
      const { headers, ...rest } = reply(error.status, jsonError(error))
      return { ...rest, headers: { ...headers, ...queryError(model, error) }, errorCode: error.code }
    },
  }
}

/** What is no call in this protocol is none of any operation, whatever its target says. */
function refuseForeign(model: ServiceModel, contentType: string, { method, path, headers }: WireRequest): void {
  if (method !== 'POST' || !isServed(model, path)) throw unknownOperation(`No operation has ${method} ${path}`)
  const type = mediaType(headers)
  if (type !== contentType) throw unknownOperation(`This service reads ${contentType}, not '${type}'`)
}

/** A service that spoke the query protocol before tells the codes of then too, which clients go on to show. */
function queryError({ queryCodes }: ServiceModel, { code, status }: AwsError): Record<string, string> {
  if (!queryCodes) return {}
  return { 'x-amzn-query-error': `${queryCodes.get(code) ?? code};${status < 500 ? 'Sender' : 'Receiver'}` }
}

/** The operation's name in `X-Amz-Target`, empty when the header names none. */
export const operationOfTarget = (headers: Readonly<Record<string, string>>): string =>
  /^[^.]+\.([^.]+)$/.exec(headers['x-amz-target'] ?? '')?.[1] ?? ''
