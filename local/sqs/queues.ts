/** Queues and their settings. FIFO queues are refused. */
import type {
  CreateQueueRequest,
  DeleteQueueRequest,
  GetQueueAttributesRequest,
  GetQueueAttributesResult,
  GetQueueUrlRequest,
  ListDeadLetterSourceQueuesRequest,
  ListDeadLetterSourceQueuesResult,
  ListQueueTagsRequest,
  ListQueuesRequest,
  ListQueuesResult,
  PurgeQueueRequest,
  SetQueueAttributesRequest,
  TagQueueRequest,
  UntagQueueRequest,
} from '@aws-sdk/client-sqs'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import {
  NUMBERS,
  SECOND_MS,
  currentMessages,
  invalidParameter,
  missingParameter,
  numberOf,
  queueAt,
  unsupported,
  urlOf,
} from './model.ts'
import type { Queue, SqsPlace } from './model.ts'

/** A name is free again, and a queue may be purged again, after this long. */
const PAUSE_MS = 60 * SECOND_MS
const PAGE_SIZE = 1000
const TAG_LIMIT = 50
const TEXTS = new Set(['Policy', 'RedrivePolicy', 'RedriveAllowPolicy', 'SqsManagedSseEnabled', 'KmsMasterKeyId'])
/** Settings whose text is a JSON object. */
const DOCUMENTS = new Set(['Policy', 'RedriveAllowPolicy'])
const NOT_HERE = /^(FifoQueue|ContentBasedDeduplication|DeduplicationScope|FifoThroughputLimit)$/

interface RedrivePolicy {
  readonly deadLetterTargetArn: string
  readonly maxReceiveCount: number
}

export function redriveOf({ settings }: Queue): RedrivePolicy | undefined {
  const text = settings.get('RedrivePolicy')
  if (!text) return undefined
  const { deadLetterTargetArn = '', maxReceiveCount } = JSON.parse(text) as Partial<RedrivePolicy>
  return { deadLetterTargetArn, maxReceiveCount: Number(maxReceiveCount) }
}

const invalidValue = (name: string): AwsError =>
  new AwsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`)

function checkRedrive(place: SqsPlace, text: string): void {
  const policy = parseObject(text, 'RedrivePolicy')
  const { deadLetterTargetArn: arn, maxReceiveCount } = policy
  const isCount =
    /^\d+$/.test(String(maxReceiveCount)) && Number(maxReceiveCount) >= 1 && Number(maxReceiveCount) <= 1000
  if (typeof arn !== 'string' || !isCount || Object.keys(policy).length > 2) throw invalidValue('RedrivePolicy')
  if (![...place.state.queues.values()].some((queue) => queue.arn === arn))
    throw invalidParameter(
      `Value ${text} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.`,
    )
}

function parseObject(text: string, name: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw invalidValue(name)
}

function checkSettings(place: SqsPlace, settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    const known = NUMBERS[name]
    if (known) {
      const [low, high] = known.range
      if (!/^\d+$/.test(value) || Number(value) < low || Number(value) > high) throw invalidValue(name)
    } else if (NOT_HERE.test(name)) throw unsupported(`The queue attribute ${name}`)
    else if (!TEXTS.has(name)) throw new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
    else if (name === 'RedrivePolicy' && value !== '') checkRedrive(place, value)
    else if (DOCUMENTS.has(name) && value !== '') parseObject(value, name)
  }
}

/** An empty text takes a setting back. */
function apply(queue: Queue, settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (value === '') queue.settings.delete(name)
    else queue.settings.set(name, value)
  }
}

function create(place: SqsPlace, input: CreateQueueRequest): { QueueUrl: string } {
  const { QueueName: name = '', Attributes: settings = {}, tags = {} } = input
  if (name.endsWith('.fifo')) throw unsupported('A FIFO queue')
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name))
    throw invalidParameter('Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length')
  checkSettings(place, settings)
  const { clock, state } = place
  const existing = state.queues.get(name)
  if (existing) {
    const differs = Object.entries(settings).find(
      ([key, value]) => (attributesOf(place, existing)[key] ?? '') !== value,
    )
    if (differs)
      throw new AwsError(
        'QueueNameExists',
        `A queue already exists with the same name and a different value for attribute ${differs[0]}`,
      )
    return { QueueUrl: urlOf(place, existing) }
  }
  if (clock.now() < (state.deletedMs.get(name) ?? -Infinity) + PAUSE_MS)
    throw new AwsError(
      'QueueDeletedRecently',
      'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
    )
  const arn = `arn:aws:sqs:${place.region}:${place.accountId}:${name}`
  const nowMs = clock.now()
  const queue: Queue = {
    name,
    arn,
    createdMs: nowMs,
    modifiedMs: nowMs,
    settings: new Map(),
    tags: new Map(Object.entries(tags)),
    messages: [],
  }
  apply(queue, settings)
  state.queues.set(name, queue)
  return { QueueUrl: urlOf(place, queue) }
}

function attributesOf(place: SqsPlace, queue: Queue): Record<string, string> {
  const nowMs = place.clock.now()
  const messages = currentMessages(place, queue)
  const hidden = messages.filter(({ visibleMs }) => visibleMs > nowMs)
  const delayedCount = hidden.filter(({ receiveCount }) => receiveCount === 0).length
  return {
    QueueArn: queue.arn,
    CreatedTimestamp: String(Math.floor(queue.createdMs / SECOND_MS)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedMs / SECOND_MS)),
    ApproximateNumberOfMessages: String(messages.length - hidden.length),
    ApproximateNumberOfMessagesDelayed: String(delayedCount),
    ApproximateNumberOfMessagesNotVisible: String(hidden.length - delayedCount),
    SqsManagedSseEnabled: String(!queue.settings.has('KmsMasterKeyId')),
    ...Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, String(numberOf(queue, name))])),
    ...Object.fromEntries(queue.settings),
  }
}

function getAttributes(place: SqsPlace, input: GetQueueAttributesRequest): GetQueueAttributesResult {
  const queue = queueAt(place, input.QueueUrl)
  const names = input.AttributeNames ?? []
  const all = attributesOf(place, queue)
  if (names.includes('All')) return { Attributes: all }
  for (const name of names)
    if (all[name] === undefined && !TEXTS.has(name) && !NOT_HERE.test(name))
      throw new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
  const picked = Object.entries(all).filter(([name]) => names.some((wanted) => wanted === name))
  return picked.length === 0 ? {} : { Attributes: Object.fromEntries(picked) }
}

function setAttributes(place: SqsPlace, { QueueUrl, Attributes = {} }: SetQueueAttributesRequest): object {
  const queue = queueAt(place, QueueUrl)
  checkSettings(place, Attributes)
  apply(queue, Attributes)
  queue.modifiedMs = place.clock.now()
  return {}
}

function purge(place: SqsPlace, { QueueUrl }: PurgeQueueRequest): object {
  const queue = queueAt(place, QueueUrl)
  const nowMs = place.clock.now()
  if (queue.purgedMs !== undefined && nowMs < queue.purgedMs + PAUSE_MS)
    throw new AwsError(
      'PurgeQueueInProgress',
      `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
    )
  queue.purgedMs = nowMs
  queue.messages = []
  return {}
}

/** Pages by name; without MaxResults the first thousand, and no token. */
function pageOf(urls: readonly string[], input: { MaxResults?: number | undefined; NextToken?: string | undefined }) {
  const { MaxResults, NextToken } = input
  if (MaxResults !== undefined && (MaxResults < 1 || MaxResults > PAGE_SIZE))
    throw invalidParameter(`Value ${MaxResults} for parameter MaxResults is invalid.`)
  const after = NextToken === undefined ? '' : Buffer.from(NextToken, 'base64url').toString()
  const left = urls.toSorted().filter((url) => url > after)
  const page = left.slice(0, MaxResults ?? PAGE_SIZE)
  const last = page.at(-1)
  const isMore = MaxResults !== undefined && last !== undefined && page.length < left.length
  return { page, ...(isMore ? { NextToken: Buffer.from(last).toString('base64url') } : {}) }
}

function list(place: SqsPlace, input: ListQueuesRequest): ListQueuesResult {
  const named = [...place.state.queues.values()].filter(({ name }) => name.startsWith(input.QueueNamePrefix ?? ''))
  const { page, ...next } = pageOf(
    named.map((queue) => urlOf(place, queue)),
    input,
  )
  return page.length === 0 ? {} : { QueueUrls: page, ...next }
}

function sources(place: SqsPlace, input: ListDeadLetterSourceQueuesRequest): ListDeadLetterSourceQueuesResult {
  const { arn } = queueAt(place, input.QueueUrl)
  const found = [...place.state.queues.values()].filter((queue) => redriveOf(queue)?.deadLetterTargetArn === arn)
  const { page, ...next } = pageOf(
    found.map((queue) => urlOf(place, queue)),
    input,
  )
  return { queueUrls: page, ...next }
}

function tag(place: SqsPlace, { QueueUrl, Tags = {} }: TagQueueRequest): object {
  const { tags } = queueAt(place, QueueUrl)
  const after = new Map([...tags, ...Object.entries(Tags)])
  if (after.size > TAG_LIMIT) throw invalidParameter(`Too many tags: a queue has at most ${TAG_LIMIT}.`)
  for (const [name, value] of after) tags.set(name, value)
  return {}
}

export const queueOperations = (place: SqsPlace): Operations => ({
  CreateQueue: (input: CreateQueueRequest) => create(place, input),
  DeleteQueue({ QueueUrl }: DeleteQueueRequest) {
    const { name } = queueAt(place, QueueUrl)
    place.state.queues.delete(name)
    place.state.deletedMs.set(name, place.clock.now())
    return {}
  },
  GetQueueUrl({ QueueName = '', QueueOwnerAWSAccountId: owner = place.accountId }: GetQueueUrlRequest) {
    if (QueueName === '') throw missingParameter('QueueName')
    return { QueueUrl: urlOf(place, queueAt(place, `/${owner}/${QueueName}`)) }
  },
  ListQueues: (input: ListQueuesRequest) => list(place, input),
  ListDeadLetterSourceQueues: (input: ListDeadLetterSourceQueuesRequest) => sources(place, input),
  GetQueueAttributes: (input: GetQueueAttributesRequest) => getAttributes(place, input),
  SetQueueAttributes: (input: SetQueueAttributesRequest) => setAttributes(place, input),
  PurgeQueue: (input: PurgeQueueRequest) => purge(place, input),
  TagQueue: (input: TagQueueRequest) => tag(place, input),
  UntagQueue({ QueueUrl, TagKeys = [] }: UntagQueueRequest) {
    const { tags } = queueAt(place, QueueUrl)
    for (const name of TagKeys) tags.delete(name)
    return {}
  },
  ListQueueTags({ QueueUrl }: ListQueueTagsRequest) {
    const { tags } = queueAt(place, QueueUrl)
    return tags.size === 0 ? {} : { Tags: Object.fromEntries(tags) }
  },
})
