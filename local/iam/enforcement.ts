/** Every call over the wire is decided here, from what its service says that it needs. */
import type { AccessMap } from '../wire/access.ts'
import { AwsError } from '../wire/service.ts'
import type { AccessOf, Caller, Service } from '../wire/service.ts'
import type { Iam } from './iam.ts'

/**
 * Refuses to start with an operation that IAM is not asked about: it would be allowed to everybody.
 * @throws Error that names the operations
 */
export function checkAccessMaps(services: readonly Service[]): void {
  const missing = services.flatMap(({ clientName, operations, access = {} }) =>
    Object.keys(operations).flatMap((name) => (Object.hasOwn(access, name) ? [] : [`${clientName}.${name}`])),
  )
  if (missing.length > 0) throw new Error(`The access maps of the services do not name ${missing.join(', ')}.`)
}

interface Call {
  readonly service: string
  readonly operation: string
  readonly input: unknown
  readonly caller: Caller
  readonly access: AccessOf | undefined
}

/**
 * What the wire server asks before it lets a call through.
 * @param proxied access maps of services that other servers implement, by signing name
 */
export function authorizerOf(iam: Iam, proxied: Readonly<Record<string, AccessMap>>): (call: Call) => void {
  return ({ service, operation, input, caller, access = proxied[service]?.[operation] }) => {
    if (!access)
      throw new AwsError(
        'NotImplemented',
        `This account does not know which permissions ${service}:${operation} needs.`,
        {
          status: 501,
        },
      )
    iam.authorize(service, caller, access(input as never, caller))
  }
}
