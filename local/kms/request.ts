/** What KMS requests have in common: refusals, DryRun, pages by marker. */
import { AwsError } from '../wire/service.ts'
import type { Caller, Operation } from '../wire/service.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
export const days = (count: number): number => count * DAY_MS

export const invalid = (message: string): AwsError => new AwsError('ValidationException', message)
export const notFound = (message: string): AwsError => new AwsError('NotFoundException', message)

/**
 * An operation that takes these parameters alone: any other would be ignored in silence, so it is refused. `run` checks and
 * returns what does the work, which a DryRun leaves out.
 */
export function operation<Input extends object>(
  parameters: readonly Extract<keyof Input, string>[],
  run: (input: Input, caller: Caller) => () => unknown,
): Operation {
  return (input: Input, caller: Caller) => {
    for (const [name, value] of Object.entries(input)) {
      const isSet = value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
      if (isSet && name !== 'DryRun' && !parameters.some((known) => known === name))
        throw new AwsError('UnsupportedOperationException', `The parameter ${name} is not supported by this account.`)
    }
    const act = run(input, caller)
    if ('DryRun' in input && input.DryRun)
      throw new AwsError(
        'DryRunOperationException',
        'The request would have succeeded, but the DryRun option is set.',
        {
          status: 412,
        },
      )
    return act()
  }
}

/** @throws AwsError ValidationException */
export function required<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined)
    throw invalid(
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    )
  return value
}

export function checkLength(name: string, length: number, [min, max]: readonly [number, number]): void {
  if (length < min || length > max)
    throw invalid(
      `1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must have length between ${min} and ${max}`,
    )
}

interface PageRequest {
  readonly Limit?: number
  readonly Marker?: string
}

interface MarkedPage<Item> {
  readonly items: readonly Item[]
  readonly Truncated: boolean
  readonly NextMarker?: string
}

/** One page of what is in a stable order; the marker names the last item of the page before. @throws AwsError InvalidMarkerException */
export function pageOf<Item>(
  items: readonly Item[],
  { Limit, Marker }: PageRequest,
  { size, max, idOf }: { readonly size: number; readonly max: number; readonly idOf: (item: Item) => string },
): MarkedPage<Item> {
  if (Limit !== undefined && (Limit < 1 || Limit > max))
    throw invalid(
      `1 validation error detected: Value '${Limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and ${max}`,
    )
  const after = Marker === undefined ? undefined : Buffer.from(Marker, 'base64url').toString()
  const at = after === undefined ? -1 : items.findIndex((item) => idOf(item) === after)
  if (after !== undefined && at < 0) throw new AwsError('InvalidMarkerException', 'The marker is not valid.')
  const page = items.slice(at + 1, at + 1 + (Limit ?? size))
  const last = page.at(-1)
  const isTruncated = last !== undefined && at + 1 + page.length < items.length
  return {
    items: page,
    Truncated: isTruncated,
    ...(isTruncated ? { NextMarker: Buffer.from(idOf(last)).toString('base64url') } : {}),
  }
}
