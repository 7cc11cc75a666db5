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

/** The part of an event that a path selects; undefined when there is none. */
export function valueAt(path: string, event: AwsEvent): unknown {
  let value: unknown = event
  for (const step of stepsOf(path) ?? []) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([name]) => name === step)?.[1]
  }
  return value
}
