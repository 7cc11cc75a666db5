/** Condition keys that every request has, whatever it asks. */
import type { ContextValue } from './patterns.ts'
import type { Principal } from './principals.ts'
import type { Holder } from './records.ts'

export interface Asked {
  readonly principal: Principal
  /** The user or role whose policies count. */
  readonly holder: Holder | undefined
  readonly nowMs: () => number
  /** Account that owns the resource. */
  readonly resourceAccount: () => string | undefined
}

/** The loopback stands for TLS: no client could fulfil `aws:SecureTransport` otherwise. @param key in small letters */
export function globalValue(
  key: string,
  { principal, holder, nowMs, resourceAccount }: Asked,
): ContextValue | undefined {
  if (key.startsWith('aws:principaltag/')) return tagOf(holder, key.slice('aws:principaltag/'.length))
  switch (key) {
    case 'aws:securetransport':
      return true
    case 'aws:currenttime':
      return new Date(nowMs()).toISOString()
    case 'aws:epochtime':
      return Math.floor(nowMs() / 1000)
    case 'aws:resourceaccount':
      return resourceAccount()
    case 'aws:principalisawsservice':
      return principal.kind === 'service'
    case 'aws:viaawsservice':
      return false
    case 'aws:principalservicename':
      return principal.kind === 'service' ? principal.arn : undefined
    default:
      return principal.kind === 'service' ? undefined : callerValue(key, principal, holder)
  }
}

/** Keys of tags are compared without regard to case. */
function tagOf(holder: Holder | undefined, name: string): string | undefined {
  for (const [key, value] of holder?.tags ?? []) if (key.toLowerCase() === name) return value
  return undefined
}

function callerValue(
  key: string,
  principal: Exclude<Principal, { kind: 'service' }>,
  holder: Holder | undefined,
): ContextValue | undefined {
  const sessionName = principal.kind === 'session' ? principal.arn.split('/').at(-1) : undefined
  switch (key) {
    case 'aws:principalarn':
      return principal.kind === 'session' ? principal.roleArn : principal.arn
    case 'aws:principalaccount':
      return principal.accountId
    case 'aws:principaltype':
      return { root: 'Account', user: 'User', session: 'AssumedRole' }[principal.kind]
    case 'aws:userid':
      if (principal.kind === 'root') return principal.accountId
      return sessionName === undefined ? holder?.id : `${holder?.id ?? ''}:${sessionName}`
    case 'aws:username':
      return principal.kind === 'user' ? holder?.name : undefined
    case 'aws:multifactorauthpresent':
      return principal.kind === 'session' ? false : undefined
    default:
      return undefined
  }
}
