import { isUtf8 } from 'node:buffer'

import { mediaType, percentDecoded } from './protocol.ts'
import type { WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'

const known = new WeakMap<WireRequest, ReadonlyMap<string, string>>()

/**
 * The parameters of a request of the query protocols: those of its URL, and of a body that is a form. The last of one name counts.
 * @throws AwsError MalformedQueryString when they are not percent-encoded UTF-8
 */
export function parametersOf(request: WireRequest): ReadonlyMap<string, string> {
  const found = known.get(request)
  if (found) return found
  const { target, body } = request
  const start = target.indexOf('?')
  const isForm = request.method === 'POST' && mediaType(request.headers) === 'application/x-www-form-urlencoded'
  if (isForm && !isUtf8(body)) throw malformed()
  const parameters = new Map([
    ...pairs(start < 0 ? '' : target.slice(start + 1)),
    ...pairs(isForm ? Buffer.from(body).toString('utf8') : ''),
  ])
  known.set(request, parameters)
  return parameters
}

const pairs = (text: string): [string, string][] =>
  text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      return equals < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))]
    })

function decoded(text: string): string {
  const plain = percentDecoded(text.replaceAll('+', ' '))
  if (plain === undefined) throw malformed()
  return plain
}

const malformed = (): AwsError =>
  new AwsError('MalformedQueryString', 'The query string contains a syntax error.', { status: 404 })
