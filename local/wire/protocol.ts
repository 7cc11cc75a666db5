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
  /** How the service says that a required member is absent; `path` as `targets.1.member.arn` in the wire's own names. */
  missingMember(path: string): AwsError
}

export type ProtocolFactory = (model: ServiceModel) => Protocol

/** How `validation` errors of the JSON and query services read; the code differs between the two. */
export const nullMember = (code: string, path: string): AwsError =>
  new AwsError(
    code,
    `1 validation error detected: Value null at '${path}' failed to satisfy constraint: Member must not be null`,
  )

/** How the services that speak JSON refuse a signature; the codes have other endings in the query protocol. */
export const refuseJsonSignature =
  (status: number) =>
  ({ kind, message }: SignatureFault): AwsError =>
    new AwsError(kind === 'incomplete' ? 'IncompleteSignatureException' : 'InvalidSignatureException', message, {
      status,
    })

export const INVALID_TOKEN_MESSAGE = 'The security token included in the request is invalid.'
