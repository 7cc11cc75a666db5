import { jsonError } from './json.ts'
import type { ServiceModel } from './model.ts'
import { INVALID_TOKEN_MESSAGE, refuseJsonInput, refuseJsonSignature } from './protocol.ts'
import type { Protocol } from './protocol.ts'
import { restRouter } from './rest-route.ts'
import { readBindings, writeBindings } from './rest.ts'
import { AwsError } from './service.ts'

/** restJson1, e.g. Scheduler and Lambda. */
export function restJson(model: ServiceModel): Protocol {
  const { codec } = model
  if (!codec) throw new Error(`${model.signingName} has no JSON codec.`)
  const router = restRouter(model, false)
  return {
    unknownKey: new AwsError('UnrecognizedClientException', INVALID_TOKEN_MESSAGE, { status: 403 }),
    refuseSignature: refuseJsonSignature(403),
    refuseInput: refuseJsonInput,
    route(request) {
      const route = router(request, request.path)
      if (route) return route
      const message = `No operation has ${request.method} ${request.path}`
      throw new AwsError('UnknownOperationException', message, { status: 404 })
    },
    decode: (route, request) => readBindings(codec, route, request),
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
