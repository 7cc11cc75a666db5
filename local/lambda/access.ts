/** What IAM is asked before an operation of Lambda runs (Service Authorization Reference, AWS Lambda). */
import { anyResource, request, type AccessMap } from '../wire/access.ts'
import type { AccessOf, Caller } from '../wire/service.ts'

interface Named {
  readonly FunctionName?: string
  readonly Qualifier?: string
}

/** A function is named by its name, its ARN, or the ARN without its beginning; the qualifier belongs to the ARN. */
export function functionArn(
  { region, accountId }: Pick<Caller, 'region' | 'accountId'>,
  { FunctionName: name = '*', Qualifier }: Named,
): string {
  const [, bare = name] = /(?:^|:)function:(.+)$/.exec(name) ?? []
  const arn = name.startsWith('arn:') ? name : `arn:aws:lambda:${region}:${accountId}:function:${bare}`
  return Qualifier === undefined ? arn : `${arn}:${Qualifier}`
}

const onFunction =
  (action: string): AccessOf =>
  (input: Named, caller) => [request(`lambda:${action}`, functionArn(caller, input))]

export const lambdaAccess: AccessMap = {
  Invoke: onFunction('InvokeFunction'),
  GetFunction: onFunction('GetFunction'),
  GetFunctionConfiguration: onFunction('GetFunctionConfiguration'),
  ListFunctions: anyResource('lambda:ListFunctions'),
}
