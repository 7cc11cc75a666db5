import type {
  ListTagsForResourceInput,
  ListTagsForResourceOutput,
  Tag,
  TagResourceInput,
  UntagResourceInput,
} from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import { checkArn } from './arns.ts'
import type { StateMachine, StateMachines } from './state-machines.ts'

const TAGS_MAX = 50
const KEY_MAX = 128
const VALUE_MAX = 256

const invalid = (message: string): AwsError => new AwsError('ValidationException', message)

/** The given tags added to those that are there. @throws AwsError ValidationException, TooManyTags */
export function mergeTags(
  present: ReadonlyMap<string, string>,
  added: readonly Tag[] = [],
  arn = '',
): Map<string, string> {
  const merged = new Map(present)
  const keys = added.map(({ key = '' }) => key)
  for (const { key = '', value = '' } of added) {
    if (key === '' || key.length > KEY_MAX) throw invalid(`Tag keys must have 1 to ${KEY_MAX} characters: '${key}'`)
    if (value.length > VALUE_MAX) throw invalid(`Tag values must have at most ${VALUE_MAX} characters: '${value}'`)
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(key + value))
      throw invalid(`Tags may not have these characters: '${key}', '${value}'`)
    if (/^aws:/i.test(key)) throw invalid(`Tag keys must not begin with aws: '${key}'`)
    merged.set(key, value)
  }
  if (new Set(keys).size < keys.length) throw invalid('Tag keys must be unique.')
  if (merged.size > TAGS_MAX)
    throw new AwsError('TooManyTags', `The resource can have no more than ${TAGS_MAX} tags.`, {
      fields: { resourceName: arn },
    })
  return merged
}

/** Tags of state machines: nothing else of Step Functions that is here has any. The words of refusals are from memory. */
export function tagOperations(machines: StateMachines) {
  const find = (arn: string | undefined): StateMachine => {
    const machine = machines.machines.get(checkArn(arn, 'stateMachine'))
    if (machine) return machine
    throw new AwsError('ResourceNotFound', `Resource not found: '${arn ?? ''}'`, { fields: { resourceName: arn } })
  }
  return {
    TagResource: ({ resourceArn, tags }: TagResourceInput): object => {
      const machine = find(resourceArn)
      machine.tags = mergeTags(machine.tags, tags, machine.arn)
      return {}
    },
    UntagResource: ({ resourceArn, tagKeys = [] }: UntagResourceInput): object => {
      const machine = find(resourceArn)
      machine.tags = new Map([...machine.tags].filter(([key]) => !tagKeys.includes(key)))
      return {}
    },
    ListTagsForResource: ({ resourceArn }: ListTagsForResourceInput): ListTagsForResourceOutput => ({
      tags: [...find(resourceArn).tags].map(([key, value]) => ({ key, value })),
    }),
  }
}
