/** Messages: sent, received for a time, deleted, given up as dead letters. Delivery is at least once and in no promised order. */
import { randomUUID } from 'node:crypto'
import type {
  BatchResultErrorEntry,
  ChangeMessageVisibilityBatchRequest,
  ChangeMessageVisibilityRequest,
  DeleteMessageBatchRequest,
  DeleteMessageRequest,
  Message as Received,
  ReceiveMessageRequest,
  ReceiveMessageResult,
  SendMessageBatchRequest,
  SendMessageRequest,
  SendMessageResult,
} from '@aws-sdk/client-sqs'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import { checkAttributes, md5, md5OfAttributes, selected, sizeBytes } from './message-attributes.ts'
import {
  SECOND_MS,
  checkKey,
  currentMessages,
  invalidParameter,
  missingParameter,
  numberOf,
  queueAt,
  queueOfArn,
  unsupported,
} from './model.ts'
import type { Message, Queue, SqsPlace } from './model.ts'
import { redriveOf } from './queues.ts'

const BATCH_LIMIT = 10
const BATCH_BYTES = 1_048_576
const IN_FLIGHT_LIMIT = 120_000
const VISIBILITY_LIMIT_SECONDS = 43_200

type Sent = Pick<
  SendMessageRequest,
  | 'MessageBody'
  | 'DelaySeconds'
  | 'MessageAttributes'
  | 'MessageSystemAttributes'
  | 'MessageDeduplicationId'
  | 'MessageGroupId'
>

function checkBody(queue: Queue, input: Sent): void {
  const { MessageBody: body, MessageAttributes: attributes = {}, DelaySeconds } = input
  if (input.MessageDeduplicationId !== undefined) throw unsupported('MessageDeduplicationId')
  if (input.MessageGroupId !== undefined) throw unsupported('MessageGroupId')
  if (body === undefined || body === '') throw missingParameter('MessageBody')
  if (/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(body))
    throw new AwsError('InvalidMessageContents', 'Invalid binary character was found in the message body.')
  checkAttributes(attributes)
  const limitBytes = numberOf(queue, 'MaximumMessageSize')
  if (sizeBytes(body, attributes) > limitBytes)
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${limitBytes} bytes.`,
    )
  if (DelaySeconds !== undefined && (DelaySeconds < 0 || DelaySeconds > 900))
    throw invalidParameter(
      `Value ${DelaySeconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.`,
    )
}

/** Puts a message into a queue. @throws AwsError for a body that SQS does not take */
export function send(place: SqsPlace, queue: Queue, input: Sent, senderId: string): SendMessageResult {
  checkBody(queue, input)
  checkKey(place, queue)
  const { MessageBody: body = '', MessageAttributes: attributes = {}, MessageSystemAttributes } = input
  const nowMs = place.clock.now()
  const delaySeconds = input.DelaySeconds ?? numberOf(queue, 'DelaySeconds')
  const traceHeader = MessageSystemAttributes?.AWSTraceHeader?.StringValue
  const message: Message = {
    id: randomUUID(),
    body,
    attributes,
    senderId,
    ...(traceHeader === undefined ? {} : { traceHeader }),
    sentMs: nowMs,
    visibleMs: nowMs + delaySeconds * SECOND_MS,
    receiveCount: 0,
  }
  queue.messages.push(message)
  place.arrived(queue)
  const md5Attributes = md5OfAttributes(attributes)
  return {
    MessageId: message.id,
    MD5OfMessageBody: md5(body),
    ...(md5Attributes === undefined ? {} : { MD5OfMessageAttributes: md5Attributes }),
  }
}

const senderOf = ({ arn, accessKeyId }: Caller): string =>
  arn.includes(':assumed-role/') ? `AROA${accessKeyId.slice(4)}:${arn.split('/').at(-1) ?? ''}` : accessKeyId

function systemAttributes(message: Message, names: readonly string[]): Record<string, string> {
  const all: Readonly<Record<string, string | undefined>> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentMs),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedMs),
    AWSTraceHeader: message.traceHeader,
    DeadLetterQueueSourceArn: message.deadLetterOf,
  }
  const wanted = Object.entries(all).filter(([name]) => names.includes('All') || names.includes(name))
  return Object.fromEntries(wanted.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

function received(message: Message, input: ReceiveMessageRequest): Received {
  const system = systemAttributes(message, input.MessageSystemAttributeNames ?? input.AttributeNames ?? [])
  const attributes = selected(message.attributes, input.MessageAttributeNames ?? [])
  const md5Attributes = md5OfAttributes(attributes)
  return {
    MessageId: message.id,
    ReceiptHandle: message.receipt,
    MD5OfBody: md5(message.body),
    Body: message.body,
    ...(Object.keys(system).length > 0 ? { Attributes: system } : {}),
    ...(md5Attributes === undefined
      ? {}
      : { MessageAttributes: { ...attributes }, MD5OfMessageAttributes: md5Attributes }),
  }
}

/** Moves a message that was received too often to where dead letters go. Its age goes on. */
function giveUp(place: SqsPlace, queue: Queue, message: Message, targetArn: string): void {
  queue.messages = queue.messages.filter((other) => other !== message)
  const target = queueOfArn(place, targetArn)
  target.messages.push({ ...message, deadLetterOf: queue.arn, visibleMs: place.clock.now(), receiveCount: 0 })
  place.arrived(target)
}

/** Takes up to `limit` messages for a time. */
function takeMessages(place: SqsPlace, queue: Queue, limit: number, visibilitySeconds: number): Message[] {
  const nowMs = place.clock.now()
  const messages = currentMessages(place, queue)
  if (
    messages.length > IN_FLIGHT_LIMIT &&
    messages.filter(({ visibleMs }) => visibleMs > nowMs).length >= IN_FLIGHT_LIMIT
  )
    throw new AwsError('OverLimit', 'Too many messages in flight.', { status: 403 })
  const redrive = redriveOf(queue)
  const taken: Message[] = []
  for (const message of messages) {
    if (taken.length >= limit) break
    if (message.visibleMs > nowMs) continue
    if (redrive && message.receiveCount >= redrive.maxReceiveCount)
      giveUp(place, queue, message, redrive.deadLetterTargetArn)
    else taken.push(message)
  }
  for (const message of taken) {
    message.receiveCount += 1
    message.firstReceivedMs ??= nowMs
    message.visibleMs = nowMs + visibilitySeconds * SECOND_MS
    message.receipt = Buffer.from(JSON.stringify([queue.name, message.id, message.receiveCount])).toString('base64')
  }
  return taken
}

/** Who waits for messages of a queue; called when one arrives. Beside the state: it only runs. */
export type Waiters = Map<string, Set<() => void>>

/** Resolves when a message may be there, at the latest at `untilMs`. */
function arrival(place: SqsPlace, waiters: Waiters, queue: Queue, untilMs: number): Promise<void> {
  const { clock } = place
  const nextMs = Math.min(untilMs, ...queue.messages.map(({ visibleMs }) => Math.max(visibleMs, clock.now())))
  return new Promise((resolve) => {
    const waiting = waiters.get(queue.name) ?? new Set()
    waiters.set(queue.name, waiting)
    const wake = (): void => {
      cancel()
      waiting.delete(wake)
      resolve()
    }
    const cancel = clock.after(nextMs - clock.now(), wake)
    waiting.add(wake)
  })
}

function checkRange(name: string, value: number | undefined, low: number, high: number): void {
  if (value !== undefined && (value < low || value > high))
    throw invalidParameter(
      `Value ${value} for parameter ${name} is invalid. Reason: Must be >= ${low} and <= ${high}, if provided.`,
    )
}

async function receive(place: SqsPlace, waiters: Waiters, input: ReceiveMessageRequest): Promise<ReceiveMessageResult> {
  const { MaxNumberOfMessages, VisibilityTimeout, WaitTimeSeconds } = input
  if (input.ReceiveRequestAttemptId !== undefined) throw unsupported('ReceiveRequestAttemptId')
  checkRange('MaxNumberOfMessages', MaxNumberOfMessages, 1, BATCH_LIMIT)
  checkRange('VisibilityTimeout', VisibilityTimeout, 0, VISIBILITY_LIMIT_SECONDS)
  checkRange('WaitTimeSeconds', WaitTimeSeconds, 0, 20)
  const first = queueAt(place, input.QueueUrl)
  const waitSeconds = WaitTimeSeconds ?? numberOf(first, 'ReceiveMessageWaitTimeSeconds')
  const untilMs = place.clock.now() + waitSeconds * SECOND_MS
  for (;;) {
    const queue = queueAt(place, input.QueueUrl)
    checkKey(place, queue)
    const taken = takeMessages(
      place,
      queue,
      MaxNumberOfMessages ?? 1,
      VisibilityTimeout ?? numberOf(queue, 'VisibilityTimeout'),
    )
    if (taken.length > 0) return { Messages: taken.map((message) => received(message, input)) }
    if (place.clock.now() >= untilMs) return {}
    await arrival(place, waiters, queue, untilMs)
  }
}

/** The message of a receipt, unless it is gone, or has been received by somebody else since. */
function ofReceipt(queue: Queue, receipt = ''): Message | undefined {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(receipt, 'base64').toString())
  } catch {
    parts = undefined
  }
  if (!Array.isArray(parts) || parts.length !== 3 || parts[0] !== queue.name)
    throw new AwsError('ReceiptHandleIsInvalid', `The input receipt handle "${receipt}" is not a valid receipt handle.`)
  return queue.messages.find((message) => message.receipt === receipt)
}

/** Deleting what is gone succeeds; deleting with the receipt of an earlier delivery succeeds and deletes nothing. */
function remove(queue: Queue, receipt: string | undefined): void {
  const message = ofReceipt(queue, receipt)
  if (message) queue.messages = queue.messages.filter((other) => other !== message)
}

function changeVisibility(
  place: SqsPlace,
  queue: Queue,
  receipt: string | undefined,
  seconds: number | undefined,
): void {
  checkRange('VisibilityTimeout', seconds, 0, VISIBILITY_LIMIT_SECONDS)
  const message = ofReceipt(queue, receipt)
  if (!message || message.visibleMs <= place.clock.now())
    throw new AwsError('MessageNotInflight', 'The message referred to is not in flight.')
  message.visibleMs = place.clock.now() + (seconds ?? 0) * SECOND_MS
  place.arrived(queue)
}

/** Each entry succeeds or fails by itself; what is wrong with the batch as a whole fails all of it. */
function batch<Entry extends { readonly Id: string | undefined }, Result>(
  entries: readonly Entry[] | undefined,
  run: (entry: Entry) => Result,
): { Successful: (Result & { Id: string })[]; Failed: BatchResultErrorEntry[] } {
  const given = entries ?? []
  if (given.length === 0) throw new AwsError('EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (given.length > BATCH_LIMIT)
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${BATCH_LIMIT}. You have sent ${given.length}.`,
    )
  const ids = given.map(({ Id = '' }) => Id)
  const wrong = ids.find((id) => !/^[A-Za-z0-9_-]{1,80}$/.test(id))
  if (wrong !== undefined)
    throw new AwsError(
      'InvalidBatchEntryId',
      'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
    )
  if (new Set(ids).size < ids.length) throw new AwsError('BatchEntryIdsNotDistinct', 'Two entries have the same Id.')
  const outcome: { Successful: (Result & { Id: string })[]; Failed: BatchResultErrorEntry[] } = {
    Successful: [],
    Failed: [],
  }
  for (const entry of given) {
    const Id = entry.Id ?? ''
    try {
      outcome.Successful.push({ ...run(entry), Id })
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      outcome.Failed.push({ Id, Code: error.code, Message: error.message, SenderFault: error.status < 500 })
    }
  }
  return outcome
}

function sendBatch(place: SqsPlace, { QueueUrl, Entries }: SendMessageBatchRequest, caller: Caller) {
  const queue = queueAt(place, QueueUrl)
  const totalBytes = (Entries ?? []).reduce(
    (total, entry) => total + sizeBytes(entry.MessageBody ?? '', entry.MessageAttributes ?? {}),
    0,
  )
  if (totalBytes > BATCH_BYTES)
    throw new AwsError('BatchRequestTooLong', `Batch requests cannot be longer than ${BATCH_BYTES} bytes.`)
  return batch(Entries, (entry) => send(place, queue, entry, senderOf(caller)))
}

export const messageOperations = (place: SqsPlace, waiters: Waiters): Operations => ({
  SendMessage: (input: SendMessageRequest, caller: Caller) =>
    send(place, queueAt(place, input.QueueUrl), input, senderOf(caller)),
  SendMessageBatch: (input: SendMessageBatchRequest, caller: Caller) => sendBatch(place, input, caller),
  ReceiveMessage: (input: ReceiveMessageRequest) => receive(place, waiters, input),
  DeleteMessage({ QueueUrl, ReceiptHandle }: DeleteMessageRequest) {
    remove(queueAt(place, QueueUrl), ReceiptHandle)
    return {}
  },
  DeleteMessageBatch({ QueueUrl, Entries }: DeleteMessageBatchRequest) {
    const queue = queueAt(place, QueueUrl)
    return batch(Entries, ({ ReceiptHandle }) => {
      remove(queue, ReceiptHandle)
      return {}
    })
  },
  ChangeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout }: ChangeMessageVisibilityRequest) {
    changeVisibility(place, queueAt(place, QueueUrl), ReceiptHandle, VisibilityTimeout)
    return {}
  },
  ChangeMessageVisibilityBatch({ QueueUrl, Entries }: ChangeMessageVisibilityBatchRequest) {
    const queue = queueAt(place, QueueUrl)
    return batch(Entries, ({ ReceiptHandle, VisibilityTimeout }) => {
      changeVisibility(place, queue, ReceiptHandle, VisibilityTimeout)
      return {}
    })
  },
})
