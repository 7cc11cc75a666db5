/** What KMS requests have in common: refusals, DryRun, pages by marker. */
import { pageAfter } from '../marked-pages.ts'
import { taking } from '../refusals.ts'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operation } from '../wire/service.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
export const days = (count: number): number => count * DAY_MS

export const invalid = (message: string): AwsError => new AwsError('ValidationException', message)
export const notFound = (message: string): AwsError => new AwsError('NotFoundException', message)

/**
 * An operation that takes these parameters alone; any other is refused. `run` checks and returns what does the work, which a
 * DryRun leaves out.
 */
export const operation = <Input extends object>(
  parameters: readonly Extract<keyof Input, string>[],
  run: (input: Input, caller: Caller) => () => unknown,
): Operation =>
  taking([...parameters, 'DryRun'], unsupported, (input: Input, caller) => {
    const act = run(input, caller)
    if ('DryRun' in input && input.DryRun) throw wouldHaveSucceeded()
    return act()
  })

const unsupported = (name: string): AwsError =>
  new AwsError('UnsupportedOperationException', `The parameter ${name} is not supported by this account.`)

const wouldHaveSucceeded = (): AwsError =>
  new AwsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.', {
    status: 412,
  })

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

/** One page in the order of ids. @throws AwsError InvalidMarkerException, ValidationException */
export function pageOf<Item>(
  items: Iterable<Item>,
  { Limit, Marker }: PageRequest,
  { size, max, idOf }: { readonly size: number; readonly max: number; readonly idOf: (item: Item) => string },
): MarkedPage<Item> {
  if (Limit !== undefined && (Limit < 1 || Limit > max))
    throw invalid(
      `1 validation error detected: Value '${Limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and ${max}`,
    )
  const { page, nextMarker } = pageAfter(
    items,
    idOf,
    { marker: Marker, size: Limit ?? size },
    new AwsError('InvalidMarkerException', 'The marker is not valid.'),
  )
  return nextMarker === undefined
    ? { items: page, Truncated: false }
    : { items: page, Truncated: true, NextMarker: nextMarker }
}
