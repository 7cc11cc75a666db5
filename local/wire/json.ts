import type { ServiceModel } from './model.ts'
import { INVALID_TOKEN_MESSAGE, refuseJsonInput, refuseJsonSignature } from './protocol.ts'
import type { Protocol, WireReply } from './protocol.ts'
import { AwsError } from './service.ts'

/** A JSON codec reads bytes or throws; what it throws is the sender's fault here. */
export async function readJson(read: () => unknown): Promise<Record<string, unknown>> {
  try {
    return ((await read()) ?? {}) as Record<string, unknown>
  } catch (error) {
    throw new AwsError('SerializationException', error instanceof Error ? error.message : String(error))
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
    route(request) {
      const name = operationOfTarget(request.headers)
      const operation = model.operations.get(name)
      if (!operation) throw new AwsError('UnknownOperationException', `Unknown operation ${name}`)
      return { operation }
    },
    decode: ({ operation }, request) =>
      readJson(() => {
        if (operation.input.isUnitSchema() || request.body.length === 0) return {}
        return codec.createDeserializer().read(operation.input, request.body)
      }),
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

/** A service that spoke the query protocol before tells the codes of then too, which clients go on to show. */
function queryError({ queryCodes }: ServiceModel, { code, status }: AwsError): Record<string, string> {
  if (!queryCodes) return {}
  return { 'x-amzn-query-error': `${queryCodes.get(code) ?? code};${status < 500 ? 'Sender' : 'Receiver'}` }
}

/** The operation's name in `X-Amz-Target`, empty when the header is absent. */
export const operationOfTarget = (headers: Readonly<Record<string, string>>): string =>
  headers['x-amz-target']?.replace(/^.*\./, '') ?? ''
