import { readdirSync, readFileSync } from 'node:fs'
import aslValidator from 'asl-validator'

/** The state machines as the tidy tests read them. */
export interface Retrier {
  readonly ErrorEquals: readonly string[]
}

export interface State {
  readonly Type: string
  readonly Comment?: string
  readonly Resource?: string
  readonly Arguments?: unknown
  readonly TimeoutSeconds?: number
  readonly MaxConcurrency?: number
  readonly Retry?: readonly Retrier[]
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[]
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> }
}

export interface Definition {
  readonly Comment?: string
  readonly QueryLanguage?: string
  readonly TimeoutSeconds?: number
  readonly StartAt: string
  readonly States: Readonly<Record<string, State>>
}

export function definitions(): { name: string; text: string; definition: Definition }[] {
  return readdirSync('statemachines')
    .filter((file) => file.endsWith('.asl.json'))
    .map((file) => {
      const text = readFileSync(`statemachines/${file}`, 'utf8')
      return { name: file.replace('.asl.json', ''), text, definition: JSON.parse(text) as Definition }
    })
}

export const retryProfiles = (): Record<string, Retrier> =>
  JSON.parse(readFileSync('statemachines/retry-profiles.json', 'utf8')) as Record<string, Retrier>

/** Every state, those inside a Map's processor included. */
export function statesOf({ States }: Pick<Definition, 'States'>): [string, State][] {
  return Object.entries(States).flatMap(([name, state]) => [
    [name, state] as [string, State],
    ...(state.ItemProcessor ? statesOf(state.ItemProcessor) : []),
  ])
}

export const lambdaTasks = (definition: Definition): [string, State][] =>
  statesOf(definition).filter(([, state]) => state.Resource?.includes(':lambda:invoke'))

export function errorNames(definition: Definition): string[] {
  return statesOf(definition).flatMap(([, state]) =>
    [...(state.Retry ?? []), ...(state.Catch ?? [])].flatMap((rule) => rule.ErrorEquals),
  )
}

/** What asl-validator finds wrong; empty when valid. */
export async function validateSemantic(text: string): Promise<unknown[]> {
  const result = await aslValidator(JSON.parse(text))
  return result.isValid ? [] : result.errors
}
