import { requiredMembers } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import type { Route, WireRequest } from './protocol.ts'

/** What a request must look like to be one operation of a REST service. */
interface Pattern {
  readonly operation: OperationModel
  readonly method: string
  readonly path: RegExp
  readonly labels: readonly string[]
  /** Query parameters that the URI pattern fixes; an empty value asks for presence alone. */
  readonly fixedQuery: readonly (readonly [string, string])[]
  /** S3 tells operations of one path apart by their required query parameters and headers too. */
  readonly requiredQuery: readonly string[]
  readonly requiredHeaders: readonly string[]
  /** The pattern that says most about a request wins. */
  readonly weight: number
}

/** Finds the operation of a request among `model`'s; `bySelectors` also asks for required query parameters and headers. */
export function restRouter(
  model: ServiceModel,
  bySelectors: boolean,
): (request: WireRequest, path: string) => Route | undefined {
  const patterns = [...model.operations.values()]
    .flatMap((operation) => pattern(operation, bySelectors))
    .toSorted((a, b) => b.weight - a.weight)
  return (request, path) => {
    for (const candidate of patterns) {
      const labels = match(candidate, request, path)
      if (labels) return { operation: candidate.operation, labels }
    }
    return undefined
  }
}

function pattern(operation: OperationModel, bySelectors: boolean): Pattern[] {
  if (!operation.http) return []
  const [path = '', queryText = ''] = operation.http.uri.split('?')
  const labels: string[] = []
  const source = path
    .replace(/\/$/, '')
    .replace(/[.*$^()|[\]\\]/g, '\\$&')
    .replace(/\{(\w+)(\+?)\}/g, (_, label: string, greedy: string) => {
      labels.push(label)
      return greedy ? '(.+)' : '([^/]+)'
    })
  // `x-id` names the operation for logs; the aws CLI does not send it.
  const fixedQuery = [...new URLSearchParams(queryText)].filter(([name]) => name !== 'x-id')
  const { requiredQuery, requiredHeaders } = bySelectors
    ? selectors(operation)
    : { requiredQuery: [], requiredHeaders: [] }
  const literalLength = path.replace(/\{[^}]*\}/g, '').length
  const weight = literalLength * 100 + fixedQuery.length * 10 + requiredQuery.length + requiredHeaders.length
  const { method } = operation.http
  return [
    {
      operation,
      method,
      path: new RegExp(`^${source}/?$`),
      labels,
      fixedQuery,
      requiredQuery,
      requiredHeaders,
      weight,
    },
  ]
}

function selectors(operation: OperationModel): { requiredQuery: string[]; requiredHeaders: string[] } {
  const traits = requiredMembers(operation.input).map((name) => operation.input.getMemberSchema(name).getMergedTraits())
  return {
    requiredQuery: traits.flatMap(({ httpQuery }) => httpQuery ?? []),
    requiredHeaders: traits.flatMap(({ httpHeader }) => httpHeader?.toLowerCase() ?? []),
  }
}

function match(candidate: Pattern, request: WireRequest, path: string): Record<string, string> | undefined {
  if (candidate.method !== request.method) return undefined
  const found = candidate.path.exec(path === '/' ? '' : path)
  if (!found) return undefined
  const { query, headers } = request
  const selected =
    candidate.fixedQuery.every(([name, value]) => (value === '' ? query.has(name) : query.get(name) === value)) &&
    candidate.requiredQuery.every((name) => query.has(name)) &&
    candidate.requiredHeaders.every((name) => name in headers)
  if (!selected) return undefined
  return Object.fromEntries(candidate.labels.map((label, index) => [label, found[index + 1] ?? '']))
}
