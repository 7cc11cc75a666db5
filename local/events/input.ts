import type { Target } from '@aws-sdk/client-eventbridge'
import type { AwsEvent } from '../wire/service.ts'

/** The JSONPath that this account reads: names and indexes from the root, e.g. `$.detail.tags['a b'][0]`. */
const STEP = /\.([A-Za-z_][\w-]*)|\['([^']+)'\]|\[(\d+)\]/y

function stepsOf(path: string): string[] | undefined {
  if (!path.startsWith('$')) return undefined
  const steps: string[] = []
  STEP.lastIndex = 1
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path)
    if (!match) return undefined
    steps.push(match[1] ?? match[2] ?? match[3] ?? '')
  }
  return steps
}

export const isPath = (path: string): boolean => stepsOf(path) !== undefined

/** What a target receives: its fixed `Input`, what its `InputPath` selects, else the whole event. */
export function inputFor(target: Target, event: AwsEvent): unknown {
  if (target.Input !== undefined) return JSON.parse(target.Input)
  if (target.InputPath === undefined) return event
  let value: unknown = event
  for (const step of stepsOf(target.InputPath) ?? []) {
    if (typeof value !== 'object' || value === null) return null
    value = Object.entries(value).find(([name]) => name === step)?.[1]
  }
  return value ?? null
}
