import type { Target } from '@aws-sdk/client-eventbridge'
import type { AwsEvent } from '../wire/service.ts'
import { valueAt } from './paths.ts'
import { transformed } from './transformer.ts'

/** What a target receives: its fixed `Input`, what its `InputPath` selects, what its template makes, else the whole event. */
export function inputFor(
  target: Target,
  event: AwsEvent,
  rule: { readonly arn: string; readonly name: string; readonly ingestedAt: string },
): unknown {
  if (target.Input !== undefined) return JSON.parse(target.Input)
  if (target.InputTransformer !== undefined) return transformed(target.InputTransformer, event, rule)
  return target.InputPath === undefined ? event : (valueAt(target.InputPath, event) ?? null)
}
