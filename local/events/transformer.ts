/** InputTransformer: a template with `<names>` that stand for parts of the event. */
import type { InputTransformer } from '@aws-sdk/client-eventbridge'
import type { AwsEvent } from '../wire/service.ts'
import { AwsError } from '../wire/service.ts'
import { isPath, valueAt } from './paths.ts'

const PATH_LIMIT = 100
const TEMPLATE_BYTES = 8192
const NAME = /<([A-Za-z0-9_.-]+)>/g

const invalid = (message: string): AwsError => new AwsError('ValidationException', message)

/** @throws AwsError ValidationException for what PutTargets refuses */
export function checkTransformer({ InputPathsMap: paths = {}, InputTemplate: template = '' }: InputTransformer): void {
  if (template === '' || Buffer.byteLength(template) > TEMPLATE_BYTES)
    throw invalid('InputTemplate must have 1 to 8192 characters.')
  const entries = Object.entries(paths)
  if (entries.length > PATH_LIMIT) throw invalid('InputPathsMap must have at most 100 entries.')
  for (const [name, path] of entries) {
    if (name.startsWith('AWS')) throw invalid(`InputPathsMap key ${name} must not start with AWS.`)
    if (!isPath(path)) throw invalid(`Invalid InputPath ${path}.`)
  }
  for (const [, name = ''] of template.matchAll(NAME))
    if (!name.startsWith('aws.events.') && !Object.hasOwn(paths, name))
      throw invalid(`InputTemplate for target contains placeholder ${name} that is not in InputPathsMap.`)
}

/** Positions inside a string of JSON. */
function insideText(template: string): (at: number) => boolean {
  const inside: boolean[] = []
  let isInside = false
  for (let at = 0; at < template.length; at += 1) {
    if (template[at] === '"' && template[at - 1] !== '\\') isInside = !isInside
    inside[at] = isInside
  }
  return (at) => inside[at] ?? false
}

/** What the target receives. @throws AwsError when the filled-in template is no JSON: nothing could be delivered */
export function transformed(
  { InputPathsMap: paths = {}, InputTemplate: template = '' }: InputTransformer,
  event: AwsEvent,
  rule: { readonly arn: string; readonly name: string; readonly ingestedAt: string },
): unknown {
  const valueOf = (name: string): unknown => {
    if (name === 'aws.events.rule-arn') return rule.arn
    if (name === 'aws.events.rule-name') return rule.name
    if (name === 'aws.events.event.ingestion-time') return rule.ingestedAt
    if (name === 'aws.events.event.json') return event
    if (name === 'aws.events.event') return { ...event, detail: undefined }
    return valueAt(paths[name] ?? '', event)
  }
  const isInside = insideText(template)
  const text = template.replaceAll(NAME, (_, name: string, at: number) => {
    const value = valueOf(name)
    if (!isInside(at)) return JSON.stringify(value ?? null)
    // Within a text, a text stands for itself; anything else is written as JSON.
    const written = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
    return JSON.stringify(written).slice(1, -1)
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new AwsError('INVALID_JSON', `The input that the template makes is not valid JSON: ${text}`)
  }
}
