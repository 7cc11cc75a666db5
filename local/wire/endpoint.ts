import { awsQuery } from './aws-query.ts'
import { ec2Query } from './ec2-query.ts'
import { enumerationsOf } from './enumerations.ts'
import { awsJson } from './json.ts'
import { readModel } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import type { Protocol, ProtocolFactory, WireReply, WireRequest } from './protocol.ts'
import { restJson } from './rest-json.ts'
import { restXml } from './rest-xml.ts'
import { AwsError } from './service.ts'
import type { AccessOf, Caller, Service } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { inputCheck } from './validation.ts'

/** Awaits work of an operation with the clock let go: the operation may be waiting for virtual time. */
export type Unheld = <T>(work: Promise<T>) => Promise<T>

/** A request whose operation is known: how to read it, and how to do what it asks. */
export interface RoutedCall {
  readonly operation: string
  /** @throws AwsError when the operation is not implemented (501), or the request malformed */
  /** What IAM is asked before it runs; absent where the service does not say. */
  readonly access?: AccessOf
  decode(): Promise<unknown>
  run(input: unknown, caller: Caller, unheld: Unheld): Promise<WireReply>
}

/** Whatever answers the requests signed for one service. */
export interface Endpoint {
  /** Signing name. */
  readonly service: string
  readonly unknownKey: AwsError
  /** Refuses a body that is more than the service reads. */
  readonly tooLarge: AwsError
  refuseSignature(fault: SignatureFault): AwsError
  /**
   * @param service the caller's own instance of the service, when places have their own
   * @throws AwsError when the request names no operation of the service
   */
  route(request: WireRequest, service?: Service): RoutedCall
  /** Whether the operation of a request reads its body while it arrives; false when there is no such operation. */
  takesStream(request: WireRequest): boolean
  encodeError(error: AwsError, request: WireRequest): WireReply
}

/** What answers the requests signed for one service, once there is one. */
export interface EndpointSource {
  /** Signing name. */
  readonly service: string
  /** The one for requests whose bodies are of this type; always the same. */
  open(contentType?: string): Promise<Endpoint>
}

const PROTOCOLS: Readonly<Record<string, ProtocolFactory>> = {
  ec2Query,
  awsQuery,
  awsJson1_0: awsJson,
  awsJson1_1: awsJson,
  restJson1: restJson,
  restXml,
}

/** Of services that spoke the query protocol before and still take it, by signing name: their clients have forgotten it. */
const QUERY_NAMESPACES: Readonly<Record<string, string>> = { sqs: 'http://queue.amazonaws.com/doc/2012-11-05' }

/**
 * The endpoint of a service that lives in this process; its schemas are read when it is opened. `open` rejects when the
 * service lists an operation that its client does not have, has another signing name, or speaks a protocol unknown here.
 */
export function serviceEndpoint(service: Service): EndpointSource {
  let opened: ReturnType<typeof openService> | undefined
  return {
    service: service.signingName,
    async open(contentType) {
      const { usual, query } = await (opened ??= openService(service))
      return query && contentType?.includes('form-urlencoded') ? query : usual
    },
  }
}

async function openService(service: Service): Promise<{ readonly usual: Endpoint; readonly query?: Endpoint }> {
  const { clientName } = service
  const sdk = await service.sdk()
  const model = readModel({ sdk, clientName })
  if (model.signingName !== service.signingName)
    throw new Error(`${clientName} signs for ${model.signingName}, not for ${service.signingName}.`)
  const protocol = PROTOCOLS[model.protocol]?.(model)
  if (!protocol) throw new Error(`${clientName} speaks ${model.protocol}, which this server does not.`)
  for (const name of Object.keys(service.operations)) {
    if (!model.operations.has(name)) throw new Error(`${clientName} has no operation ${name}.`)
  }
  const enumerations = enumerationsOf(clientName, sdk)
  const usual = endpointOf(service, model, protocol, enumerations)
  if (!model.queryCodes || model.protocol === 'awsQuery') return { usual }
  const xmlNamespace = QUERY_NAMESPACES[model.signingName]
  return { usual, query: endpointOf(service, model, awsQuery({ ...model, xmlNamespace }), enumerations) }
}

function endpointOf(
  service: Service,
  model: ServiceModel,
  protocol: Protocol,
  enumerations: ReturnType<typeof enumerationsOf>,
): Endpoint {
  const checkInput = inputCheck(protocol, enumerations)
  return {
    service: model.signingName,
    unknownKey: protocol.unknownKey,
    tooLarge: protocol.tooLarge,
    refuseSignature: (fault) => protocol.refuseSignature(fault),
    route(request, { operations, access = {} } = service) {
      const route = protocol.route(request)
      const { name } = route.operation
      const implementation = Object.hasOwn(operations, name) ? operations[name] : undefined
      if (!implementation) return unimplemented(model.signingName, name)
      return {
        operation: name,
        ...(access[name] ? { access: access[name] } : {}),
        async decode() {
          const input = await protocol.decode(route, request)
          checkInput(route.operation.input, input)
          return input
        },
        async run(input, caller, unheld) {
          const result = implementation(input as never, caller)
          const output = result instanceof Promise ? await unheld(result) : result
          return encodeOutput(protocol, route.operation, output, request)
        },
      }
    },
    takesStream(request) {
      try {
        return protocol.route(request).operation.takesStream
      } catch {
        return false
      }
    },
    encodeError: (error, request) => protocol.encodeError(error, request),
  }
}

/** An output that does not fit its schema is a bug of the service: the message names the operation. */
function encodeOutput(protocol: Protocol, operation: OperationModel, output: unknown, request: WireRequest): WireReply {
  try {
    return protocol.encode(operation, output, request)
  } catch (cause) {
    throw new Error(`The output of ${operation.name} does not fit its schema.`, { cause })
  }
}

function unimplemented(service: string, operation: string): RoutedCall {
  const refuse = async (): Promise<never> => {
    throw notImplemented(`${service}:${operation}`)
  }
  return { operation, decode: refuse, run: refuse }
}

export const notImplemented = (what: string): AwsError =>
  new AwsError('NotImplemented', `${what} is not implemented by the embedded account.`, { status: 501 })

/** Answers what is signed for no service of this account, in the manner that the request's own format suggests. */
export function encodeUnrouted(error: AwsError, request: WireRequest): WireReply {
  const contentType = request.headers['content-type'] ?? ''
  const model = {
    signingName: 'unknown',
    version: '',
    operations: new Map(),
    codec: { createSerializer: unused, createDeserializer: unused },
  }
  if (contentType.includes('form-urlencoded'))
    return awsQuery({ ...model, protocol: 'awsQuery' }).encodeError(error, request)
  if (contentType.includes('x-amz-json'))
    return awsJson({ ...model, protocol: 'awsJson1_1' }).encodeError(error, request)
  return restJson({ ...model, protocol: 'restJson1' }).encodeError(error, request)
}

function unused(): never {
  throw new Error('An error is encoded without a codec.')
}
