/**
 * Signature Version 4, as AWS documents it ("Create a signed AWS API request"; for S3 also "Authenticating Requests").
 *
 * The time of a signature is not compared with a clock: signers use the machine's wall clock, and this account's time is
 * virtual. For the same reason presigned URLs do not expire.
 */
import { createHmac, createSecretKey, hash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import type { RequestHead } from './request.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'
const TERMINATOR = 'aws4_request'
const LONGEST_PRESIGNED_SECONDS = 604_800

/** What a request says of its signature; parts that it leaves out are empty. */
export interface Signature {
  readonly accessKeyId: string
  /** `yyyymmdd` of the credential scope. */
  readonly date: string
  readonly region: string
  /** Signing name. */
  readonly service: string
  readonly algorithm: string
  readonly terminator: string
  /** `yyyymmddThhmmssZ` */
  readonly dateTime: string
  /** Names in lower case. */
  readonly signedHeaders: readonly string[]
  /** Lower-case hexadecimal. */
  readonly value: string
  readonly isPresigned: boolean
  readonly sessionToken?: string
}

/** Why a signature is refused; each protocol has its own words for each. */
export interface SignatureFault {
  readonly kind: 'incomplete' | 'mismatch' | 'unsignedHeaders'
  readonly message: string
  /** What the server signed, for whoever looks for the difference. */
  readonly details?: Readonly<Record<string, string>>
}

const MISMATCH_MESSAGE =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and ' +
  'signing method. Consult the service documentation for details.'

const FIELDS = {
  Credential: /\bCredential=([^,\s]+)/,
  SignedHeaders: /\bSignedHeaders=([^,\s]+)/,
  Signature: /\bSignature=([^,\s]+)/,
}

/** Reads the signature of a request or presigned URL; undefined when nothing names a key and a service. */
export function readSignature({ headers, query }: RequestHead): Signature | undefined {
  const authorization = headers['authorization']
  const isPresigned = authorization === undefined
  const field = isPresigned
    ? (name: string) => query.get(`X-Amz-${name}`) ?? ''
    : (name: keyof typeof FIELDS) => FIELDS[name].exec(authorization)?.[1] ?? ''
  const [accessKeyId = '', date = '', region = '', service = '', terminator = ''] = field('Credential').split('/')
  if (!accessKeyId || !region || !service) return undefined
  const signedHeaders = field('SignedHeaders')
  return {
    accessKeyId,
    date,
    region,
    service,
    terminator,
    algorithm: isPresigned ? (query.get('X-Amz-Algorithm') ?? '') : (/^\S+/.exec(authorization)?.[0] ?? ''),
    dateTime: isPresigned ? (query.get('X-Amz-Date') ?? '') : (headers['x-amz-date'] ?? basicFormat(headers['date'])),
    signedHeaders: signedHeaders ? signedHeaders.toLowerCase().split(';') : [],
    value: field('Signature'),
    isPresigned,
    sessionToken: headers['x-amz-security-token'] ?? query.get('X-Amz-Security-Token') ?? undefined,
  }
}

/** An HTTP date as signatures write it. */
function basicFormat(httpDate: string | undefined): string {
  const timeMs = Date.parse(httpDate ?? '')
  return Number.isNaN(timeMs) ? '' : new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, '')
}

/**
 * Checks a signature against the secret of its key.
 * @param payloadHash what the signer signed for the body: its SHA-256, or `UNSIGNED-PAYLOAD`, `STREAMING-…`
 */
export function checkSignature(
  signature: Signature,
  head: RequestHead,
  secretAccessKey: string,
  payloadHash: string,
): SignatureFault | undefined {
  const incomplete = whatIsMissing(signature, head)
  if (incomplete) return { kind: 'incomplete', message: incomplete }
  const unsigned = signature.service === 's3' ? unsignedHeaders(signature, head) : []
  if (unsigned.length > 0) {
    const message = 'There were headers present in the request which were not signed'
    return { kind: 'unsignedHeaders', message, details: { HeadersNotSigned: unsigned.join(', ') } }
  }
  const canonicalRequest = canonicalRequestOf(signature, head, payloadHash)
  // Header values came as one byte a character.
  const canonicalHash = hash('sha256', Buffer.from(canonicalRequest, 'latin1'))
  const stringToSign = `${ALGORITHM}\n${signature.dateTime}\n${scopeOf(signature)}\n${canonicalHash}`
  if (signString(signingKey(signature, secretAccessKey), stringToSign) === signature.value) return undefined
  const details = {
    AWSAccessKeyId: signature.accessKeyId,
    StringToSign: stringToSign,
    SignatureProvided: signature.value,
    CanonicalRequest: canonicalRequest,
  }
  return { kind: 'mismatch', message: MISMATCH_MESSAGE, details }
}

function whatIsMissing(signature: Signature, { query }: RequestHead): string | undefined {
  const { algorithm, date, dateTime, signedHeaders, terminator, value, isPresigned } = signature
  if (algorithm !== ALGORITHM) return `The algorithm '${algorithm}' is not supported. Use ${ALGORITHM}.`
  if (terminator !== TERMINATOR) return `Credential should end in '${TERMINATOR}'.`
  if (!value) return "Authorization header requires 'Signature' parameter."
  if (signedHeaders.length === 0) return "Authorization header requires 'SignedHeaders' parameter."
  if (!signedHeaders.includes('host')) {
    return "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
  }
  if (!/^\d{8}T\d{6}Z$/.test(dateTime)) {
    return "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
  }
  if (!dateTime.startsWith(date)) {
    return `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${dateTime.slice(0, 8)}'.`
  }
  const lifetimeSeconds = Number(query.get('X-Amz-Expires') ?? Number.NaN)
  if (isPresigned && !(lifetimeSeconds > 0 && lifetimeSeconds <= LONGEST_PRESIGNED_SECONDS)) {
    return `X-Amz-Expires must be between 1 and ${LONGEST_PRESIGNED_SECONDS} seconds.`
  }
  return undefined
}

/** S3 wants every `x-amz-` header signed: whoever stands between may not add one. */
function unsignedHeaders({ signedHeaders }: Signature, { headers }: RequestHead): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('x-amz-') && !signedHeaders.includes(name))
}

function canonicalRequestOf(signature: Signature, head: RequestHead, payloadHash: string): string {
  const { signedHeaders } = signature
  const path = signature.service === 's3' ? canonicalObjectPath(head.path) : canonicalPath(head.path)
  const headerLines = signedHeaders.map((name) => `${name}:${canonicalValue(head.headers[name] ?? '')}\n`).join('')
  return [head.method, path, canonicalQuery(head.target), headerLines, signedHeaders.join(';'), payloadHash].join('\n')
}

const canonicalValue = (text: string): string => text.trim().replace(/\s+/g, ' ')

/** S3 takes a path as it is. It is encoded anew, since clients differ in which characters they leave as they are. */
const canonicalObjectPath = (path: string): string => path.split('/').map(encodedOnce).join('/')

/** Other services fold empty segments and dots, and encode what is encoded already. */
function canonicalPath(path: string): string {
  if (path === '/') return path
  const folded: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') folded.pop()
    else if (segment !== '' && segment !== '.') folded.push(encode(segment))
  }
  return `/${folded.join('/')}${folded.length > 0 && path.endsWith('/') ? '/' : ''}`
}

function canonicalQuery(target: string): string {
  const start = target.indexOf('?')
  if (start < 0 || start === target.length - 1) return ''
  const pairs = target
    .slice(start + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=')
      const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
      return [encodedOnce(name.replaceAll('+', ' ')), encodedOnce(value.replaceAll('+', ' '))] as const
    })
    .filter(([name]) => name !== 'X-Amz-Signature')
  return pairs
    .toSorted(([aName, aValue], [bName, bValue]) => byCode(aName, bName) || byCode(aValue, bValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Order of the characters' codes, whatever the language. */
const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function encodedOnce(text: string): string {
  try {
    return encode(decodeURIComponent(text))
  } catch {
    return text
  }
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** `<date>/<region>/<service>/aws4_request` */
export const scopeOf = ({ date, region, service }: Signature): string => `${date}/${region}/${service}/${TERMINATOR}`

const MAX_CACHED_KEYS = 1000
const cachedKeys = new Map<string, KeyObject>()

/** The key that a secret signs with on one day, in one Region, for one service; kept, since it takes four hashes. */
export function signingKey(signature: Signature, secretAccessKey: string): KeyObject {
  const name = `${secretAccessKey}/${scopeOf(signature)}`
  const cached = cachedKeys.get(name)
  if (cached) return cached
  const { date, region, service } = signature
  const bytes = [date, region, service, TERMINATOR].reduce(
    (parent, part) => createHmac('sha256', parent).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
  const key = createSecretKey(bytes)
  if (cachedKeys.size >= MAX_CACHED_KEYS) cachedKeys.clear()
  cachedKeys.set(name, key)
  return key
}

/** Lower-case hexadecimal. */
export const signString = (key: KeyObject, stringToSign: string): string =>
  createHmac('sha256', key).update(stringToSign, 'latin1').digest('hex')
