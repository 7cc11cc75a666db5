import { Agent, request as httpRequest } from 'node:http'

import type { Endpoint, EndpointSource } from './endpoint.ts'
import { operationOfTarget } from './json.ts'
import {
  INVALID_TOKEN_MESSAGE,
  malformedJson,
  refuseJsonSignature,
  tooLargeBody,
  unknownOperation,
} from './protocol.ts'
import type { WireReply, WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'
import type { Caller } from './service.ts'

/** Where requests are passed on to, and the operations that are answered without that server. */
export interface ProxyTarget {
  readonly url: string
  readonly operations?: Readonly<Record<string, (input: Json) => Promise<Json>>>
}

type Json = Readonly<Record<string, unknown>>

/** Headers that belong to one connection, not to the message. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date'])

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' }

/**
 * The endpoint of a service that another server implements; that server must speak awsJson. Requests are passed on as they
 * came, so it checks them by itself.
 */
export function proxyEndpoint(
  service: string,
  targetFor: (caller: Caller) => Promise<ProxyTarget>,
): EndpointSource & { close(): void } {
  const agent = new Agent({ keepAlive: true })
  const endpoint: Endpoint = {
    service,
    unknownKey: new AwsError('UnrecognizedClientException', INVALID_TOKEN_MESSAGE),
    tooLarge: tooLargeBody({ signingName: service, protocol: 'awsJson1_0' }),
    refuseSignature: refuseJsonSignature(400),
    route(request) {
      const { method, path, headers } = request
      if (method !== 'POST' || path !== '/') throw unknownOperation(`No operation has ${method} ${path}`)
      const operation = operationOfTarget(headers)
      if (!operation) throw unknownOperation(`Unknown operation ${headers['x-amz-target'] ?? ''}`, 400)
      return {
        operation,
        decode: async () => inputOf(request.body),
        async run(_input, caller) {
          const { url, operations = {} } = await targetFor(caller)
          const own = Object.hasOwn(operations, operation) ? operations[operation] : undefined
          if (!own) return passOn(request, url, agent)
          return { status: 200, headers: JSON_TYPE, body: JSON.stringify(await own(parseObject(request.body))) }
        },
      }
    },
    takesStream: () => false,
    encodeError: (error) => ({
      status: error.status,
      headers: JSON_TYPE,
      body: JSON.stringify({ __type: error.code, message: error.message, ...error.fields }),
      errorCode: error.code,
    }),
  }
  return { service, open: async () => endpoint, close: () => agent.destroy() }
}

function passOn(request: WireRequest, url: string, agent: Agent): Promise<WireReply> {
  const { method, body } = request
  const { host: _, 'transfer-encoding': __, ...headers } = request.headers
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      new URL(request.target, url),
      { method, agent, headers: { ...headers, 'content-length': String(body.length) } },
      (response) => {
        const chunks: Uint8Array[] = []
        response.on('data', (chunk: Uint8Array) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve(reply(response.statusCode ?? 502, response.headers, Buffer.concat(chunks))))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function reply(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Uint8Array,
): WireReply {
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || HOP_BY_HOP.has(name) ? [] : [[name, String(value)] as const],
  )
  const errorCode = status < 400 ? undefined : errorCodeOf(parseObject(body))
  return { status, headers: Object.fromEntries(kept), body, errorCode }
}

/** `__type` is the code behind the namespace of its model: `com.amazonaws.dynamodb.v20120810#Code`. */
function errorCodeOf({ __type: type }: Readonly<Record<string, unknown>>): string {
  return typeof type === 'string' ? type.replace(/^.*#/, '') : 'InternalServerError'
}

/** @throws AwsError SerializationException for JSON that is no object, which the other server would take for an empty one */
function inputOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  if (/^\s*[^\s{]/.test(Buffer.from(body.subarray(0, 1024)).toString('latin1')))
    throw malformedJson("The value at '' can not be converted to a structure")
  return parseObject(body)
}

/** The JSON object that a body holds; empty when it holds none, since the other server will say what is wrong with it. */
function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}
