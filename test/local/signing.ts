import { SignatureV4 } from '@smithy/signature-v4'
import { createHash, createHmac } from 'node:crypto'
import type { Hash } from 'node:crypto'

import type { Keys } from './wire-account.ts'

/** SHA-256 as the SDK's signer wants it. */
class Sha256 {
  readonly #hash: Hash | ReturnType<typeof createHmac>

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }

  update(bytes: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(bytes))
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}

function bytesOf(value: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value)
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

/** The SDK's own signer, an implementation of Signature Version 4 that is not ours. */
export const signer = (keys: Keys, service: string, region: string): SignatureV4 =>
  new SignatureV4({ service, region, credentials: keys, sha256: Sha256, uriEscapePath: service !== 's3' })

export interface PlainRequest {
  readonly method: string
  readonly path: string
  readonly query?: Record<string, string | string[]>
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

/** Sends a request as no client would, but signed as it should be. */
export async function sendSigned(
  endpoint: string,
  scope: { readonly keys: Keys; readonly service: string; readonly region: string },
  { method, path, query = {}, headers = {}, body }: PlainRequest,
): Promise<Response> {
  const { host, hostname, port } = new URL(endpoint)
  const signed = await signer(scope.keys, scope.service, scope.region).sign({
    method,
    protocol: 'http:',
    hostname,
    port: Number(port),
    path,
    query,
    headers: { host, ...headers },
    body,
  })
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => [value].flat().map((item): [string, string] => [name, item])),
  )
  const { host: _, ...sent } = signed.headers
  return fetch(`${endpoint}${path}${search.size > 0 ? `?${search.toString()}` : ''}`, { method, headers: sent, body })
}
