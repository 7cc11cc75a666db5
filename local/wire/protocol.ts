import type { OperationModel, ServiceModel } from './model.ts'
import { AwsError } from './service.ts'
import type { StreamedBody } from './service.ts'
import type { SignatureFault } from './signature.ts'

/** A request as it came, before anything of it is believed. */
export interface WireRequest {
  readonly requestId: string
  readonly method: string
  /** Path and query as sent. */
  readonly target: string
  /** Still percent-encoded: S3 keys may hold `//` and `..`, which a URL parser would fold away. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty when there is a stream. */
  readonly body: Uint8Array
  /** The body of an operation that reads it while it arrives. */
  readonly stream?: StreamedBody
}

export interface WireReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** In several pieces when it is long. */
  readonly body: string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>
  /** Set when the reply says that the call failed. */
  readonly errorCode?: string
}

/** The operation that a request asks for, with the parts of its path that are input. */
export interface Route {
  readonly operation: OperationModel
  readonly labels?: Readonly<Record<string, string>>
}

/** How one service's requests and replies look. */
export interface Protocol {
  /** @throws AwsError when the request names no operation of the service */
  route(request: WireRequest): Route
  /** @throws AwsError when the request is malformed */
  decode(route: Route, request: WireRequest): Promise<Record<string, unknown>>
  encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply
  encodeError(error: AwsError, request: WireRequest): WireReply
  /** How the service refuses an access key (or a temporary key without its token) that it does not know. */
  readonly unknownKey: AwsError
  /** How the service refuses a signature that is wrong or not whole. */
  refuseSignature(fault: SignatureFault): AwsError
  /** How the service refuses an input that breaks its model's constraints, in the order in which they were found: one at least. */
  refuseInput(violations: readonly [Violation, ...Violation[]]): AwsError
  /** How the service refuses a body that is not of its format, or a value of another type than its model's. */
  malformed(message: string): AwsError
  /** How the service refuses a body that is more than it reads. */
  readonly tooLarge: AwsError
}

/** What is wrong with one member; `path` as `targets.1.member.arn` in the wire's own names. */
export type Violation =
  | { readonly constraint: 'required'; readonly path: string }
  | {
      readonly constraint: 'enumeration'
      readonly path: string
      /** The member's value; of a list, all of its items. */
      readonly value: string | readonly string[]
      readonly allowed: readonly string[]
    }

export type ProtocolFactory = (model: ServiceModel) => Protocol

/** How the JSON services refuse an input: they name everything that is wrong at once. */
export const refuseJsonInput = (violations: readonly Violation[]): AwsError =>
  validationError('ValidationException', violations.map(describe))

/** The generic checks that all services but EC2 and S3 have in common; the code differs between the JSON and query services. */
export const validationError = (code: string, texts: readonly string[]): AwsError =>
  new AwsError(code, `${texts.length} validation error${texts.length > 1 ? 's' : ''} detected: ${texts.join('; ')}`)

function describe(violation: Violation): string {
  if (violation.constraint === 'required') return nullMember(violation.path)
  const { path, value, allowed } = violation
  const isOneOf = `Member must satisfy enum value set: [${allowed.join(', ')}]`
  return typeof value === 'string'
    ? `Value '${value}' at '${path}' failed to satisfy constraint: ${isOneOf}`
    : `Value '[${value.join(', ')}]' at '${path}' failed to satisfy constraint: Member must satisfy constraint: [${isOneOf}]`
}

export const nullMember = (path: string): string =>
  `Value null at '${path}' failed to satisfy constraint: Member must not be null`

/** How the services that speak JSON refuse a signature; the codes have other endings in the query protocol. */
export const refuseJsonSignature =
  (status: number) =>
  ({ kind, message }: SignatureFault): AwsError =>
    new AwsError(kind === 'incomplete' ? 'IncompleteSignatureException' : 'InvalidSignatureException', message, {
      status,
    })

/** How the JSON services refuse what they cannot read. */
export const malformedJson = (message: string): AwsError => new AwsError('SerializationException', message)

const TOO_LARGE_MESSAGE = 'The request is larger than this service reads.'

/** From memory, but for Lambda and S3; AWS publishes neither codes nor limits of the others. */
export function tooLargeBody({ signingName, protocol }: Pick<ServiceModel, 'signingName' | 'protocol'>): AwsError {
  if (protocol === 'restXml') return new AwsError('MaxMessageLengthExceeded', 'Your request was too big.')
  const code =
    signingName === 'lambda'
      ? 'RequestTooLargeException'
      : `RequestEntityTooLarge${protocol.endsWith('Query') ? '' : 'Exception'}`
  return new AwsError(code, TOO_LARGE_MESSAGE, { status: 413 })
}

/** What front ends of AWS answer to a request that no service behind them takes: another method, path or type of body. */
export const unknownOperation = (message: string, status = 404): AwsError =>
  new AwsError('UnknownOperationException', message, { status })

/** Whether the service listens at the path; the address of a queue is a path at SQS' endpoint. */
export const isServed = ({ signingName }: Pick<ServiceModel, 'signingName'>, path: string): boolean =>
  path === '/' || signingName === 'sqs'

/** The type of a body without its parameters, in lower case; empty when the request names none. */
export const mediaType = (headers: Readonly<Record<string, string>>): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

/** Text as it was before percent-encoding; undefined when it is no such text. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

export const INVALID_TOKEN_MESSAGE = 'The security token included in the request is invalid.'
