/** Tokens that nobody can make but the service: of blocks, and of pages (AWS facts B). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const MAC_BYTES = 12
const NONCE_BYTES = 6

export class Tokens {
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** A token for `subject` that holds `value` until `expiresMs`; never the same twice. */
  issue(subject: string, value: string, expiresMs: number): string {
    const body = `${expiresMs}:${randomBytes(NONCE_BYTES).toString('base64url')}:${value}`
    return Buffer.concat([this.#mac(subject, body), Buffer.from(body)]).toString('base64url')
  }

  /** What the token holds; undefined: it was not issued for this subject, or its time is over. */
  read(subject: string, token: string, nowMs: number): string | undefined {
    const bytes = Buffer.from(token, 'base64url')
    const body = bytes.subarray(MAC_BYTES).toString()
    const mac = bytes.subarray(0, MAC_BYTES)
    if (mac.length < MAC_BYTES || !timingSafeEqual(mac, this.#mac(subject, body))) return undefined
    const [expiresMs = '', , value] = body.split(':')
    return Number(expiresMs) > nowMs ? value : undefined
  }

  #mac(subject: string, body: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${subject}\n${body}`).digest().subarray(0, MAC_BYTES)
  }
}
