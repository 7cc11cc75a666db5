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

/** Refuses every member of `input` that is set but not in `known`: one that is ignored would change the outcome unnoticed. */
export function refuseUnknownMembers(operation: string, input: object, known: readonly string[]): void {
  const unknown = Object.entries(input).find(([name, value]) => value !== undefined && !known.includes(name))
  if (unknown) throw notImplemented(`${unknown[0]} of ${operation}`)
}
