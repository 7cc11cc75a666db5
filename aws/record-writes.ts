/** How records of runs are written: each move is conditional, so that it can be repeated and its race is noticed. */
import { TandemError } from '../core/errors.ts'
import type { Advance } from '../core/ports.ts'
import type { Item } from './table.ts'

/** Puts the item into the index of what is not finished, for as long as it is not. */
export const openSince = (kind: 'POINT' | 'REVERT' | 'COPY', since: string, isOpen: boolean): Item =>
  isOpen ? { openKind: kind, openSince: since } : {}

/** `state` and `run` are reserved words or may become so; names are spelled out once. */
export const inStates = (states: readonly string[], run: string) => ({
  expression: `#state IN (${states.map((_, index) => `:from${index}`).join(', ')}) AND #run = :run`,
  names: { '#state': 'state', '#run': 'run' },
  values: { ...Object.fromEntries(states.map((state, index) => [`:from${index}`, state])), ':run': run },
})

export const NEW = { expression: 'attribute_not_exists(pk)' }

/** After a failed condition: an earlier try of the same run did it, or somebody else works on it. */
export function already(
  stored: { readonly state: string; readonly run: string } | undefined,
  to: { readonly state: string; readonly run: string },
  what: string,
): Advance {
  if (stored?.state === to.state && stored.run === to.run) return 'already'
  throw new TandemError(
    'LostRace',
    `${what} was to become ${to.state}, but it is ${stored ? `${stored.state} and of run ${stored.run}` : 'gone'}.`,
  )
}
