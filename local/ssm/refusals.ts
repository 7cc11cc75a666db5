import { takeOnly } from '../refusals.ts'
import { AwsError } from '../wire/service.ts'

/** The value breaks a constraint of the API's model. `member` as AWS writes it, e.g. `timeoutSeconds`. */
export const invalidValue = (member: string, value: string | number | undefined, constraint: string): AwsError =>
  new AwsError(
    'ValidationException',
    `1 validation error detected: Value ${value === undefined ? 'null' : `'${value}'`} at '${member}' failed to satisfy constraint: ${constraint}`,
  )

/** AWS would do something here that this account does not. */
export const notImplemented = (what: string): AwsError =>
  new AwsError('NotImplemented', `The embedded account does not implement ${what}.`, { status: 501 })

/** @throws AwsError NotImplemented for a member of `input` that is set and not in `known` */
export const refuseUnknownMembers = (operation: string, input: object, known: readonly string[]): void =>
  takeOnly(input, known, (name) => notImplemented(`${name} of ${operation}`))
