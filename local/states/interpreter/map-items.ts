import type { MapState } from '../definition.ts'
import type { Visit } from './visit.ts'

/** What a Map does its work on, before and after its ItemSelector. */
export interface MapItems {
  readonly originals: readonly unknown[]
  readonly inputs: readonly unknown[]
}

/** Applies ItemSelector. */
export async function selectItems(visit: Visit<MapState>, originals: readonly unknown[]): Promise<MapItems> {
  const { ItemSelector: selector } = visit.state
  if (selector === undefined) return { originals, inputs: originals }
  const inputs: unknown[] = []
  for (const [Index, Value] of originals.entries())
    inputs.push(await visit.evaluate(selector, 'ItemSelector', { item: { Index, Value } }))
  return { originals, inputs }
}

/** Items, or else the state's input. Throws States.QueryEvaluationError unless that is a list. */
export async function itemsOfState(visit: Visit<MapState>): Promise<readonly unknown[]> {
  const { Items: template } = visit.state
  const items = template === undefined ? visit.input : await visit.evaluate(template, 'Items')
  if (!Array.isArray(items)) throw visit.unexpected(template ?? '$states.input', 'Items', 'array', items)
  return items
}
