import type { MessageAttributeValue } from '@aws-sdk/client-sqs'
import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'

export interface Message {
  readonly id: string
  readonly body: string
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>
  readonly senderId: string
  readonly traceHeader?: string
  readonly sentMs: number
  /** Queue from which it was moved here as a dead letter. */
  readonly deadLetterOf?: string
  /** Until then nobody receives it: it is delayed, or in flight. */
  visibleMs: number
  receiveCount: number
  firstReceivedMs?: number
  /** The last one given out. */
  receipt?: string
}

export interface Queue {
  readonly name: string
  readonly arn: string
  readonly createdMs: number
  modifiedMs: number
  purgedMs?: number
  /** Attributes that were set, as SQS writes them: numbers are text. */
  readonly settings: Map<string, string>
  readonly tags: Map<string, string>
  /** Oldest first. */
  messages: Message[]
}

/** All that is kept; nothing in it only runs. */
export interface SqsState {
  readonly queues: Map<string, Queue>
  /** By name: a name is free again a minute after its queue was deleted. */
  readonly deletedMs: Map<string, number>
}

export interface SqsPlace {
  readonly state: SqsState
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly endpoint: () => string
  /** State of a key by id, ARN or alias; undefined when there is none. */
  readonly keyState: (name: string) => string | undefined
  /** ARN of the customer's key of a queue. */
  readonly keyOf: (queueArn: string) => string | undefined
  /** Wakes who waits for messages of a queue. */
  readonly arrived: (queue: Queue) => void
}

export const SECOND_MS = 1000

/** Settings that are numbers: default and range, AWS's own. */
export const NUMBERS: Readonly<
  Record<string, { readonly standard: number; readonly range: readonly [number, number] }>
> = {
  DelaySeconds: { standard: 0, range: [0, 900] },
  KmsDataKeyReusePeriodSeconds: { standard: 300, range: [60, 86_400] },
  MaximumMessageSize: { standard: 1_048_576, range: [1024, 1_048_576] },
  MessageRetentionPeriod: { standard: 345_600, range: [60, 1_209_600] },
  ReceiveMessageWaitTimeSeconds: { standard: 0, range: [0, 20] },
  VisibilityTimeout: { standard: 30, range: [0, 43_200] },
}

export const numberOf = ({ settings }: Queue, name: string): number =>
  Number(settings.get(name) ?? NUMBERS[name]?.standard)

export const invalidParameter = (message: string): AwsError => new AwsError('InvalidParameterValue', message)
export const missingParameter = (name: string): AwsError =>
  new AwsError('MissingParameter', `The request must contain the parameter ${name}.`)
export const unsupported = (what: string): AwsError =>
  new AwsError('UnsupportedOperation', `${what} is not supported by this account.`)

const noQueue = (): AwsError => new AwsError('QueueDoesNotExist', 'The specified queue does not exist.')

export function urlOf({ endpoint, accountId }: SqsPlace, { name }: Queue): string {
  return `${endpoint()}/${accountId}/${name}`
}

/** @throws AwsError QueueDoesNotExist, InvalidAddress */
export function queueAt(place: SqsPlace, url: string | undefined): Queue {
  const [, accountId, name = ''] = /\/(\d{12})\/([^/]+)$/.exec(url ?? '') ?? []
  if (accountId === undefined)
    throw new AwsError('InvalidAddress', `The address ${url ?? ''} is not valid for this endpoint.`)
  const queue = accountId === place.accountId ? place.state.queues.get(name) : undefined
  if (!queue) throw noQueue()
  return queue
}

/** @throws AwsError QueueDoesNotExist */
export function queueOfArn({ state }: SqsPlace, arn: string): Queue {
  const queue = [...state.queues.values()].find((candidate) => candidate.arn === arn)
  if (!queue) throw noQueue()
  return queue
}

/** Messages that are still within the queue's retention period; forgets the rest. */
export function currentMessages({ clock }: SqsPlace, queue: Queue): Message[] {
  const oldestMs = clock.now() - numberOf(queue, 'MessageRetentionPeriod') * SECOND_MS
  const [first] = queue.messages
  if (first && first.sentMs <= oldestMs) queue.messages = queue.messages.filter(({ sentMs }) => sentMs > oldestMs)
  return queue.messages
}

/** A queue that is encrypted can be used only while its key can. @throws AwsError KmsNotFound, KmsDisabled, KmsInvalidState */
export function checkKey(place: SqsPlace, { settings }: Queue): void {
  const key = settings.get('KmsMasterKeyId')
  if (key === undefined) return
  const keyState = place.keyState(key)
  if (keyState === undefined) throw new AwsError('KmsNotFound', `The key ${key} of the queue does not exist.`)
  if (keyState === 'Disabled') throw new AwsError('KmsDisabled', `${key} is disabled.`)
  if (keyState !== 'Enabled') throw new AwsError('KmsInvalidState', `${key} is ${keyState}.`)
}
