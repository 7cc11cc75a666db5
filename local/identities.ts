/**
 * Who may call the embedded account, and with which keys. Keys are derived from names: the same account has the same keys
 * in every process, and asking twice gives the same.
 */
import { createHash } from 'node:crypto'
import type { Durable } from './durability.ts'

export interface Identity {
  readonly arn: string
  readonly accountId: string
  readonly secretAccessKey: string
  /** Of temporary keys: a request must carry it. */
  readonly sessionToken?: string
  /** Policies given when the session was made: they limit it. */
  readonly sessionPolicies?: readonly string[]
  /** When temporary keys were made, and from when on they are refused; the account's own services have keys that last. */
  readonly issuedMs?: number
  readonly expiresMs?: number
}

/** Temporary keys to be made. */
export type NewSession = Required<Pick<Identity, 'arn' | 'accountId' | 'issuedMs' | 'expiresMs'>> &
  Pick<Identity, 'sessionPolicies'>

export interface UserCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface RoleCredentials extends UserCredentials {
  readonly sessionToken: string
  /** `arn:aws:sts::<account>:assumed-role/<role name>/<session name>` */
  readonly arn: string
}

export interface Identities {
  readonly durable: Durable
  readonly identify: (accessKeyId: string) => Identity | undefined
  /** The account's root: may do everything. */
  readonly root: UserCredentials
  /** Keys of the IAM user `name`, which exists from now on. */
  user(name: string): UserCredentials
  /** One more key of a user, by a number of its own. */
  accessKey(userArn: string, number: number): UserCredentials
  /** Keys of a session, new ones each time. */
  session(session: NewSession): RoleCredentials
  /** The key is nobody's from now on. */
  revoke(accessKeyId: string): void
}

const DAY_MS = 86_400_000
const SESSIONS_PER_SWEEP = 1000
const ROOT_ACCESS_KEY_ID = 'AKIAEMBEDDED00000000'
const ROOT_SECRET_ACCESS_KEY = 'embedded'

/** Name of the IAM user that `AWS_ACCESS_KEY_ID=test` stands for. */
export const ADMINISTRATOR = 'administrator'

/** An account in which the access key `test` is the IAM user `administrator`. */
export function createIdentities({ accountId }: { readonly accountId: string }): Identities {
  const known = new Map<string, Identity>([
    [ROOT_ACCESS_KEY_ID, { arn: `arn:aws:iam::${accountId}:root`, accountId, secretAccessKey: ROOT_SECRET_ACCESS_KEY }],
    ['test', { arn: `arn:aws:iam::${accountId}:user/${ADMINISTRATOR}`, accountId, secretAccessKey: 'test' }],
  ])
  const counters = { sessions: 0 }
  return {
    durable: {
      name: 'identities',
      save: () => ({ known, counters }),
      restore(saved) {
        const { known: keys, counters: counted } = saved as { known: typeof known; counters: typeof counters }
        for (const [accessKeyId, identity] of keys) known.set(accessKeyId, identity)
        Object.assign(counters, counted)
      },
    },
    identify: (accessKeyId) => known.get(accessKeyId) ?? administratorOf(accessKeyId),
    root: { accessKeyId: ROOT_ACCESS_KEY_ID, secretAccessKey: ROOT_SECRET_ACCESS_KEY },
    user(name) {
      const arn = `arn:aws:iam::${accountId}:user/${name}`
      const credentials = keysOf('AKIA', arn)
      known.set(credentials.accessKeyId, { arn, accountId, secretAccessKey: credentials.secretAccessKey })
      return credentials
    },
    accessKey(userArn, number) {
      const credentials = keysOf('AKIA', `${userArn}#${number}`)
      const { accessKeyId, secretAccessKey } = credentials
      known.set(accessKeyId, { arn: userArn, accountId: userArn.split(':')[4] ?? '', secretAccessKey })
      return credentials
    },
    session(session) {
      counters.sessions += 1
      if (counters.sessions % SESSIONS_PER_SWEEP === 0) forgetLongExpired(known, session.issuedMs)
      const subject = `${session.arn}@${session.issuedMs}#${counters.sessions}`
      const { accessKeyId, secretAccessKey } = keysOf('ASIA', subject)
      const token = digest('token', subject).toString('base64')
      known.set(accessKeyId, { ...session, secretAccessKey, sessionToken: token })
      return { accessKeyId, secretAccessKey, sessionToken: token, arn: session.arn }
    },
    revoke: (accessKeyId) => void known.delete(accessKeyId),
  }
}

/** The ARN of a session of a role, in which the role's path is not. @throws TypeError when `roleArn` is no ARN of a role */
export function sessionArnOf(roleArn: string, sessionName: string): string {
  const [, accountId, roleName] = /^arn:aws:iam::(\d{12}):role\/(?:.+\/)?([^/]+)$/.exec(roleArn) ?? []
  if (!accountId || !roleName) throw new TypeError(`${roleArn} is not the ARN of a role.`)
  return `arn:aws:sts::${accountId}:assumed-role/${roleName}/${sessionName}`
}

/** Keys that have expired are told so for a day; then nobody knows them any more. */
function forgetLongExpired(known: Map<string, Identity>, nowMs: number): void {
  for (const [accessKeyId, { expiresMs = Infinity }] of known) if (expiresMs < nowMs - DAY_MS) known.delete(accessKeyId)
}

/** A key that is an account id stands for that account's administrator: the way into other accounts of the process. */
function administratorOf(accessKeyId: string): Identity | undefined {
  if (!/^\d{12}$/.test(accessKeyId)) return undefined
  const arn = `arn:aws:iam::${accessKeyId}:user/${ADMINISTRATOR}`
  return { arn, accountId: accessKeyId, secretAccessKey: 'test' }
}

function keysOf(prefix: 'AKIA' | 'ASIA', subject: string): UserCredentials {
  const letters = digest('key', subject).toString('hex').toUpperCase().slice(0, 16)
  return {
    accessKeyId: `${prefix}${letters}`,
    secretAccessKey: digest('secret', subject).toString('base64').slice(0, 40),
  }
}

const digest = (purpose: string, subject: string): Buffer =>
  createHash('sha256').update(`${purpose}:${subject}`).digest()
