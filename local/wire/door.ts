import type { Clock } from '../clock.ts'
import type { CallEffect, Faults } from '../faults.ts'
import { plannedRefusal } from '../refusals.ts'
import { authenticate } from './authenticate.ts'
import type { KeyOwner } from './authenticate.ts'
import { encodeUnrouted, notImplemented } from './endpoint.ts'
import type { Endpoint, EndpointSource, RoutedCall, Unheld } from './endpoint.ts'
import { payloadHashOf } from './payload-hash.ts'
import type { WireReply, WireRequest } from './protocol.ts'
import type { ProxyTarget } from './proxy.ts'
import { readWhole, refuseAnnounced } from './request.ts'
import type { IncomingBody, RequestHead } from './request.ts'
import { AwsError } from './service.ts'
import type { AccessOf, Caller, Service } from './service.ts'
import { readSignature } from './signature.ts'
import type { Signature } from './signature.ts'
import { copied, openBody } from './streamed-body.ts'

/** A call that a known caller made, as it was answered; for a lost answer, as it would have been answered. */
export interface ObservedCall {
  /** Signing name, e.g. `ec2`. */
  readonly service: string
  readonly operation: string
  readonly caller: Caller
  readonly input: unknown
  readonly status: number
  readonly errorCode?: string
}

export interface DoorOptions {
  /** Of the home account in `region`: the operations that exist, and what answers unless `servicesAt` says otherwise. */
  readonly services: readonly Service[]
  /** What answers calls of another account or Region, the same services in kind; undefined: no such Region. */
  readonly servicesAt?: (place: {
    readonly accountId: string
    readonly region: string
  }) => readonly Service[] | undefined
  /** Who owns an access key. */
  readonly identify: (accessKeyId: string) => KeyOwner | undefined
  /** The Region of `services`. Without `servicesAt`, calls signed for another one are refused. */
  readonly region: string
  readonly faults: Faults
  readonly clock: Clock
  /** Throws AwsError to refuse (RequestLimitExceeded …); asked before `authorize`. */
  readonly throttling?: { admit(call: { service: string; operation: string; input: unknown; caller: Caller }): void }
  /** Throws AwsError to refuse (AccessDenied …). `access` is the operation's entry in its service's access map. */
  readonly authorize?: (call: {
    service: string
    operation: string
    input: unknown
    caller: Caller
    access: AccessOf | undefined
  }) => void
  /** Signing name → another server that speaks awsJson, by caller; its requests are passed on as they are. */
  readonly proxy?: Readonly<Record<string, (caller: Caller) => Promise<ProxyTarget>>>
  /** Awaited before the answer of a call that may have changed something leaves: an answered call is never lost. */
  readonly kept?: () => Promise<void>
  /** Called before the answer leaves, so that an observer knows of a call no later than its caller. */
  readonly onCall?: (call: ObservedCall) => void
}

/** Operations that change nothing, by AWS' way of naming them. */
const READS = /^(Describe|Get|List|Head|Query|Scan|BatchGet|TransactGet)/

/** What becomes of a call: its reply, and whether the caller ever gets it. */
export interface Outcome {
  readonly reply: WireReply
  readonly isLost: boolean
}

type ServicesByName = ReadonlyMap<string, Service>

/** Takes requests whose head has been read, and says what to answer. */
export class Door {
  readonly #options: DoorOptions
  readonly #endpoints: ReadonlyMap<string, EndpointSource>
  readonly #places = new Map<string, ServicesByName>()

  /** @throws Error when two endpoints have the same signing name */
  constructor(options: DoorOptions, endpoints: readonly EndpointSource[]) {
    this.#options = options
    this.#endpoints = new Map(endpoints.map((endpoint) => [endpoint.service, endpoint]))
    if (this.#endpoints.size < endpoints.length) throw new Error('Two services have the same signing name.')
  }

  async answer(head: RequestHead, body: IncomingBody, unheld: Unheld): Promise<Outcome> {
    const signature = readSignature(head)
    let endpoint: Endpoint | undefined
    let request: WireRequest = { ...head, body: new Uint8Array() }
    try {
      endpoint = signature && (await this.#endpoints.get(signature.service)?.open(head.headers['content-type']))
      if (!signature || !endpoint) {
        await body.whole()
        if (!signature)
          throw new AwsError('MissingAuthenticationToken', 'Missing Authentication Token', { status: 403 })
        throw notImplemented(`The service ${signature.service}`)
      }
      if (signature.service === 's3') return await this.#answerStreaming(endpoint, signature, head, body, unheld)
      request = { ...head, body: await body.whole(endpoint.tooLarge) }
      const payloadHash = payloadHashOf(signature, head, request.body)
      const { caller } = this.#identify(signature, endpoint, request, payloadHash)
      const call = endpoint.route(request, this.#serviceAt(caller, endpoint.service))
      return await this.#perform(endpoint, call, caller, request, unheld)
    } catch (error) {
      const refusal = asAwsError(error)
      return { reply: endpoint?.encodeError(refusal, request) ?? encodeUnrouted(refusal, request), isLost: false }
    }
  }

  /** S3 decides from a request's head who calls, and begins before the body has come. */
  async #answerStreaming(
    endpoint: Endpoint,
    signature: Signature,
    head: RequestHead,
    body: IncomingBody,
    unheld: Unheld,
  ): Promise<Outcome> {
    const payloadHash = payloadHashOf(signature, head, undefined)
    const { caller, secretAccessKey } = this.#identify(signature, endpoint, head, payloadHash)
    const stream = openBody(body.arriving(), head, payloadHash, { signature, secretAccessKey })
    stream.once('close', this.#options.clock.hold())
    // Whoever stops reading learns no more of it.
    stream.on('error', () => {})
    try {
      const takesStream = endpoint.takesStream({ ...head, body: new Uint8Array() })
      if (!takesStream) refuseAnnounced(head.headers, endpoint.tooLarge)
      const request = takesStream
        ? { ...head, body: new Uint8Array(), stream }
        : { ...head, body: await readWhole(stream, endpoint.tooLarge) }
      const call = endpoint.route(request, this.#serviceAt(caller, endpoint.service))
      return await this.#perform(endpoint, call, caller, request, unheld)
    } finally {
      stream.destroy()
    }
  }

  #identify(
    signature: Signature,
    endpoint: Endpoint,
    head: RequestHead,
    payloadHash: string,
  ): { readonly caller: Caller; readonly secretAccessKey: string } {
    const { accessKeyId, region } = signature
    const identity = authenticate(
      signature,
      head,
      payloadHash,
      endpoint,
      this.#options.identify,
      this.#options.clock.now(),
    )
    if (!this.#servicesAt({ accountId: identity.accountId, region })) {
      const message = `Credential should be scoped to a valid region, not '${region}'. This endpoint is '${this.#options.region}'.`
      throw new AwsError('SignatureDoesNotMatch', message, { status: 403 })
    }
    const { accountId, arn, secretAccessKey } = identity
    return { caller: { accountId, region, arn, accessKeyId, requestId: head.requestId }, secretAccessKey }
  }

  /** The services of a place by their signing names; undefined when there is no such place. */
  #servicesAt(place: { readonly accountId: string; readonly region: string }): ServicesByName | undefined {
    const { servicesAt, services, region } = this.#options
    const name = `${place.accountId}/${place.region}`
    const known = this.#places.get(name)
    if (known) return known
    const found = servicesAt ? servicesAt(place) : place.region === region ? services : undefined
    const byName = found && new Map(found.map((service) => [service.signingName, service]))
    if (byName) this.#places.set(name, byName)
    return byName
  }

  /** The caller's own instance of a service; undefined for one that is not in this process. */
  #serviceAt(caller: Caller, signingName: string): Service | undefined {
    return this.#servicesAt(caller)?.get(signingName)
  }

  /** Runs one understood call; faults strike only calls that would have been let through. */
  async #perform(
    endpoint: Endpoint,
    call: RoutedCall,
    caller: Caller,
    request: WireRequest,
    unheld: Unheld,
  ): Promise<Outcome> {
    const { service } = endpoint
    const { operation } = call
    let input: unknown
    let fault: CallEffect | undefined
    let reply: WireReply
    try {
      input = await call.decode()
      this.#options.throttling?.admit({ service, operation, input, caller })
      this.#options.authorize?.({ service, operation, input, caller, access: call.access })
      fault = this.#options.faults.forCall({ service, operation, input })
      const refusal = plannedRefusal(service, fault)
      if (refusal) throw refusal
      if (fault?.kind === 'duplicate') {
        const copies = await copied(input)
        await call.run(copies(), caller, unheld).catch(asAwsError)
        input = copies()
      }
      reply = await call.run(input, caller, unheld)
    } catch (error) {
      reply = endpoint.encodeError(asAwsError(error), request)
    }
    const { status, errorCode } = reply
    if (!READS.test(operation)) await this.#options.kept?.()
    if (fault?.kind === 'delay') await unheld(this.#options.clock.sleep(fault.delayMs))
    this.#options.onCall?.({ service, operation, caller, input, status, errorCode })
    return { reply, isLost: fault?.kind === 'loseAnswer' }
  }
}

/** What is no refusal is a bug of the account: it is printed here, once, and answered as AWS answers its own. */
function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error
  console.error(error)
  return new AwsError('InternalFailure', 'An internal error has occurred', { status: 500 })
}
