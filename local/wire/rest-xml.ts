import { members, requiredMembers } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import { percentDecoded, tooLargeBody } from './protocol.ts'
import type { Protocol, Route, WireReply, WireRequest } from './protocol.ts'
import { restRouter } from './rest-route.ts'
import { readBindings, writeBindings } from './rest.ts'
import { AwsError } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { escapeXml } from './simple-values.ts'
import { checkXml } from './xml-check.ts'

/** Operations on the service itself: their path has no bucket. */
const WITHOUT_BUCKET = new Set(['ListBuckets', 'ListDirectoryBuckets'])

/** Operations whose answer is the document of their only member, without a structure around it. */
const UNWRAPPED = new Set(['GetBucketLocation'])

const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

/**
 * restXml as S3 speaks it, the only service of that protocol here. Buckets are addressed by path (`/bucket/key`): clients
 * do that by themselves when the endpoint is an IP address.
 */
export function restXml(model: ServiceModel): Protocol {
  const { codec } = model
  if (!codec) throw new Error(`${model.signingName} has no XML codec.`)
  const withBucket = new Map([...model.operations].filter(([name]) => !WITHOUT_BUCKET.has(name)))
  const router = restRouter({ ...model, operations: withBucket }, true)
  return {
    unknownKey: new AwsError(
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
      { status: 403 },
    ),
    refuseSignature,
    refuseInput: ([{ path }]) => new AwsError('InvalidRequest', `Missing required parameter ${path}`),
    malformed: malformedXml,
    tooLarge: tooLargeBody(model),
    route(request): Route {
      if (percentDecoded(request.target) === undefined)
        throw new AwsError('InvalidURI', "Couldn't parse the specified URI.")
      const { bucket, path } = splitPath(request.path)
      const listBuckets = model.operations.get('ListBuckets')
      if (bucket === undefined && request.method === 'GET' && listBuckets) return { operation: listBuckets }
      const route = bucket === undefined ? undefined : router(request, path)
      if (route) return { ...route, labels: { ...route.labels, Bucket: bucket ?? '' } }
      throw new AwsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
        status: 405,
      })
    },
    async decode(route, request) {
      if (request.body.length === 0 && needsDocument(route.operation))
        throw new AwsError('MissingRequestBodyError', 'Request Body is empty')
      return readBindings(route, withoutFraming(request), {
        malformedValue: (message) => new AwsError('InvalidArgument', message),
        async readBody(schema, bytes) {
          if (!checkXml(schema, bytes)) throw malformedXml()
          try {
            return await codec.createDeserializer().read(schema, bytes)
          } catch {
            throw malformedXml()
          }
        },
      })
    },
    encode(operation, output, request) {
      if (UNWRAPPED.has(operation.name)) return encodeUnwrapped(model, operation, output)
      const reply = writeBindings(codec, operation, (output ?? {}) as Record<string, unknown>, 'application/xml')
      // The model has no status for an answer to a Range: it is told by the header.
      const status = 'content-range' in reply.headers && reply.status === 200 ? 206 : reply.status
      return { ...reply, status, body: request.method === 'HEAD' ? '' : reply.body }
    },
    encodeError: (error, request) => ({
      status: error.status,
      headers: { 'content-type': 'application/xml', ...error.headers },
      body: request.method === 'HEAD' || error.status === 304 ? '' : errorXml(error, request.requestId),
      errorCode: error.code,
    }),
  }
}

function encodeUnwrapped(
  { xmlNamespace = '' }: ServiceModel,
  { output: schema }: OperationModel,
  output: unknown,
): WireReply {
  const [name] = members(schema)[0] ?? ['']
  const value: unknown = Reflect.get(Object(output), name)
  const text = typeof value === 'string' ? escapeXml(value) : ''
  const body = `${XML_DECLARATION}<${name} xmlns="${xmlNamespace}">${text}</${name}>`
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

const SIGNATURE_REFUSALS = {
  incomplete: ['AuthorizationHeaderMalformed', 400],
  mismatch: ['SignatureDoesNotMatch', 403],
  unsignedHeaders: ['AccessDenied', 403],
} as const

function refuseSignature({ kind, message, details }: SignatureFault): AwsError {
  const [code, status] = SIGNATURE_REFUSALS[kind]
  return new AwsError(code, message, { status, fields: { ...details } })
}

const malformedXml = (): AwsError =>
  new AwsError(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  )

/** Whether a request of the operation is nothing without a document. */
const needsDocument = ({ input }: OperationModel): boolean =>
  requiredMembers(input).some((name) => {
    const member = input.getMemberSchema(name)
    return member.isStructSchema() && Boolean(member.getMergedTraits().httpPayload)
  })

function splitPath(path: string): { bucket?: string; path: string } {
  const [, bucket, rest] = /^\/([^/]+)(\/.*)?$/s.exec(path) ?? []
  return { bucket, path: rest ?? '/' }
}

/** The framing is off by now: `aws-chunked` is not among the encodings that the object keeps. */
function withoutFraming(request: WireRequest): WireRequest {
  const { 'content-encoding': encoding, ...headers } = request.headers
  if (!encoding?.includes('aws-chunked')) return request
  const remaining = encoding
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== 'aws-chunked')
  return {
    ...request,
    headers: remaining.length > 0 ? { ...headers, 'content-encoding': remaining.join(',') } : headers,
  }
}

function errorXml(error: AwsError, requestId: string): string {
  const fields = Object.entries(error.fields).map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
  return (
    `${XML_DECLARATION}<Error><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message>` +
    `${fields.join('')}<RequestId>${requestId}</RequestId></Error>`
  )
}
