import { jsonError, readJson } from './json.ts'
import type { ServiceModel } from './model.ts'
import {
  INVALID_TOKEN_MESSAGE,
  malformedJson,
  mediaType,
  percentDecoded,
  refuseJsonInput,
  refuseJsonSignature,
  tooLargeBody,
  unknownOperation,
} from './protocol.ts'
import type { Protocol, WireRequest } from './protocol.ts'
import { restRouter } from './rest-route.ts'
import { readBindings, writeBindings } from './rest.ts'
import { AwsError } from './service.ts'

const malformedValue = (message: string): AwsError => new AwsError('ValidationException', message)

/** restJson1, e.g. Scheduler and Lambda. Codes for a broken URI and for bodies of another type are from memory. */
export function restJson(model: ServiceModel): Protocol {
  const { codec } = model
  if (!codec) throw new Error(`${model.signingName} has no JSON codec.`)
  const router = restRouter(model, false)
  return {
    unknownKey: new AwsError('UnrecognizedClientException', INVALID_TOKEN_MESSAGE, { status: 403 }),
    refuseSignature: refuseJsonSignature(403),
    refuseInput: refuseJsonInput,
    malformed: malformedJson,
    tooLarge: tooLargeBody(model),
    route(request) {
      if (percentDecoded(request.target) === undefined) throw malformedValue('The URI is not percent-encoded')
      const route = router(request, request.path)
      if (route) return route
      throw unknownOperation(`No operation has ${request.method} ${request.path}`)
    },
    decode: (route, request) =>
      readBindings(route, request, {
        malformedValue,
        async readBody(schema, bytes) {
          refuseForeign(request)
          return readJson(codec, schema, bytes)
        },
      }),
    encode: (operation, output) =>
      writeBindings(codec, operation, (output ?? {}) as Record<string, unknown>, 'application/json'),
    encodeError: (error) => ({
      status: error.status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
      body: jsonError(error),
      errorCode: error.code,
    }),
  }
}

/** A body without a type is taken for JSON, as older clients send it. */
function refuseForeign({ headers }: WireRequest): void {
  const type = mediaType(headers)
  if (type !== '' && type !== 'application/json')
    throw new AwsError('UnsupportedMediaTypeException', `The body is '${type}', not application/json`, { status: 415 })
}
