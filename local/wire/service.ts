/**
 * What a service of the embedded account is to the wire server: the SDK client that describes its operations, and the
 * operations it implements. Everything else of that client is answered 501 with the operation's name.
 */

import type { Readable } from 'node:stream'
export interface AwsErrorOptions {
  /** 400 unless told. */
  readonly status?: number
  readonly fields?: Readonly<Record<string, unknown>>
  /** Headers of the answer, names in lower case; restXml alone sends them. */
  readonly headers?: Readonly<Record<string, string>>
}

/** An error as AWS answers it: `code` and HTTP `status` are what clients match on. `fields` go into the body beside the message. */
export class AwsError extends Error {
  override readonly name = 'AwsError'
  readonly code: string
  readonly status: number
  readonly fields: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(code: string, message: string, options: AwsErrorOptions = {}) {
    super(message)
    this.code = code
    this.status = options.status ?? 400
    this.fields = options.fields ?? {}
    this.headers = options.headers ?? {}
  }
}

/**
 * The body of a request that streams (a streaming blob of the model: S3's objects, EBS' blocks), as its operation gets it in
 * place of bytes: what the sender meant, without the framing of `aws-chunked`. Reading it to its end means that the bytes
 * are all there and are what the sender said of them: length, hash, checksums in headers or trailers, signatures of chunks.
 * What does not hold fails the stream with an AwsError, which the operation lets pass; it must then have kept nothing.
 * Leaving it unread is fine. It holds the clock until it has ended or the operation is over.
 *
 * An output's streaming blob may be bytes, a Readable or any async iterable of bytes: it is written no faster than the
 * client reads, and ended when the client goes away. S3's outputs say ContentLength themselves.
 */
export type StreamedBody = Readable & {
  /** Checksums that the sender gave, verified: base64 by algorithm (`CRC32`). Complete when the stream has ended. */
  readonly checksums: ReadonlyMap<string, string>
}

/** Who calls, as derived from the access key of the request's signature. */
export interface Caller {
  readonly accountId: string
  readonly region: string
  /** ARN of the user or assumed role. */
  readonly arn: string
  readonly accessKeyId: string
  readonly requestId: string
}

/**
 * One operation: decoded input in, output out, both in the SDK's own shapes (Date, Uint8Array, undefined for absent).
 * Throws AwsError for what AWS refuses; anything else that it throws is answered InternalFailure (500).
 * The parameter is `never` so that an operation may declare the SDK's request type as its input.
 */
export type Operation = (input: never, caller: Caller) => unknown

export type Operations = Readonly<Record<string, Operation>>

/** One question to IAM: may the caller do `action` to `resource`? */
export interface AccessRequest {
  /** E.g. `ec2:CreateVolume`; not always the operation's name (`ec2:CreateTags` of a CreateVolume with tags). */
  readonly action: string
  /** ARN; `*` for an action that AWS cannot restrict to a resource. */
  readonly resource: string
  /** Condition keys of this action and resource, e.g. `aws:ResourceTag/owner`; absent means that the key is not in the request. */
  readonly context: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** What IAM is asked before an operation runs: all of it must be allowed. Must not change anything. */
export type AccessOf = (input: never, caller: Caller) => readonly AccessRequest[]

/**
 * Asks IAM about what a service does for a principal without a call over the wire, e.g. a state machine invoking a Lambda.
 * `principalArn` is a role's ARN (its trust policy must let the service have it), that of a user or session, or the service's
 * own name, e.g. `events.amazonaws.com`; `sourceArn` is what the service acts for: a state machine, a rule, a schedule's group.
 * @throws AwsError AccessDenied, in the words of the service that is asked for
 */
export type Permit = (principalArn: string, requests: readonly AccessRequest[], sourceArn?: string) => void

/**
 * Whether a role lets the service have it, by its trust policy, for `sourceArn`, on whose account the service will act. Asked where
 * a role is handed to a service; what is done later is asked of `Permit` again.
 */
export type MayAssume = (roleArn: string, sourceArn?: string) => boolean

export interface Service {
  /**
   * Loads the whole module namespace of its `@aws-sdk/client-*`, the source of every schema. Asked when the service is first
   * called: EC2's takes half a second and 60 MB, and most processes call few services.
   */
  readonly sdk: () => Promise<object>
  /** Name of the exported client class, e.g. `EC2Client`. */
  readonly clientName: string
  /** Name in the credential scope of a signature, e.g. `states`. */
  readonly signingName: string
  readonly operations: Operations
  /** By operation; see AccessOf. */
  readonly access?: Readonly<Record<string, AccessOf>>
}

/** An event as EventBridge carries it. */
export interface AwsEvent {
  readonly id: string
  readonly version: '0'
  readonly source: string
  readonly 'detail-type': string
  readonly account: string
  readonly region: string
  /** ISO 8601, whole seconds. */
  readonly time: string
  readonly resources: readonly string[]
  readonly detail: Readonly<Record<string, unknown>>
}

/** What a service says when it emits an event; the event bus adds id, time, account and region. */
export type EmittedEvent = Pick<AwsEvent, 'source' | 'detail-type' | 'resources' | 'detail'>
