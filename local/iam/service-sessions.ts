/** Sessions of roles for the account's own services: made when asked for, and again before they expire. */
import type { Clock } from '../clock.ts'
import { sessionArnOf, type Identities, type RoleCredentials } from '../identities.ts'

/** Of a session, in seconds of virtual time. */
export interface SessionTimes {
  readonly lifeSeconds: number
  /** Who asks when less than this is left gets another session. */
  readonly renewalSeconds: number
}

export interface ServiceCredentials extends RoleCredentials {
  /** Virtual time. */
  readonly issuedMs: number
  readonly expiresMs: number
}

export class ServiceSessions {
  readonly #clock: Clock
  readonly #identities: Identities
  readonly #times: SessionTimes
  /** By role and name. */
  readonly #current = new Map<string, ServiceCredentials>()

  constructor(clock: Clock, identities: Identities, times: SessionTimes) {
    this.#clock = clock
    this.#identities = identities
    this.#times = times
  }

  /** @throws TypeError when `roleArn` is no ARN of a role */
  get(roleArn: string, sessionName: string): ServiceCredentials {
    const key = `${roleArn}/${sessionName}`
    const { lifeSeconds, renewalSeconds } = this.#times
    const issuedMs = this.#clock.now()
    const known = this.#current.get(key)
    if (known && known.expiresMs - issuedMs >= renewalSeconds * 1000) return known
    const expiresMs = issuedMs + lifeSeconds * 1000
    const accountId = roleArn.split(':')[4] ?? ''
    const session = { arn: sessionArnOf(roleArn, sessionName), accountId, issuedMs, expiresMs }
    const made = { ...this.#identities.session(session), issuedMs, expiresMs }
    this.#current.set(key, made)
    return made
  }
}
