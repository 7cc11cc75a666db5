/** What IAM is asked before an SQS operation runs (Service Authorization Reference, Amazon SQS). A batch asks as its single one. */
import type { CreateQueueRequest } from '@aws-sdk/client-sqs'
import type { AccessOf, AccessRequest } from '../wire/service.ts'
import type { SqsPlace } from './model.ts'

type Context = AccessRequest['context']

interface OnQueue {
  readonly QueueUrl?: string
  readonly QueueName?: string
  readonly Tags?: Readonly<Record<string, string>>
  readonly TagKeys?: readonly string[]
}

/** By operation: the action it asks for. */
const QUEUE_ACTIONS: Readonly<Record<string, string>> = {
  ChangeMessageVisibility: 'ChangeMessageVisibility',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
  DeleteMessage: 'DeleteMessage',
  DeleteMessageBatch: 'DeleteMessage',
  DeleteQueue: 'DeleteQueue',
  GetQueueAttributes: 'GetQueueAttributes',
  GetQueueUrl: 'GetQueueUrl',
  ListDeadLetterSourceQueues: 'ListDeadLetterSourceQueues',
  ListQueueTags: 'ListQueueTags',
  PurgeQueue: 'PurgeQueue',
  ReceiveMessage: 'ReceiveMessage',
  SendMessage: 'SendMessage',
  SendMessageBatch: 'SendMessage',
  SetQueueAttributes: 'SetQueueAttributes',
  TagQueue: 'TagQueue',
  UntagQueue: 'UntagQueue',
}

const tagContext = (tags: Readonly<Record<string, string>>): Context =>
  Object.keys(tags).length === 0
    ? {}
    : {
        'aws:TagKeys': Object.keys(tags),
        ...Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:RequestTag/${name}`, value])),
      }

/** What a message's bytes need of the queue's key: SQS uses it in the sender's or receiver's name. */
const KEY_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  'sqs:SendMessage': ['GenerateDataKey', 'Decrypt'],
  'sqs:ReceiveMessage': ['Decrypt'],
}

/**
 * The requests, and those to the key of a queue that is encrypted with a customer's.
 * @param keyOf ARN of the key of a queue
 */
export function withQueueKeys(
  requests: readonly AccessRequest[],
  keyOf: (queueArn: string) => string | undefined,
): AccessRequest[] {
  return requests.flatMap((asked) => {
    const key = keyOf(asked.resource)
    const [, , , region = '', account = ''] = asked.resource.split(':')
    if (key === undefined) return [asked]
    const context = {
      'kms:ViaService': `sqs.${region}.amazonaws.com`,
      'kms:CallerAccount': account,
      'kms:EncryptionContext:aws:sqs:arn': asked.resource,
    }
    return [
      asked,
      ...(KEY_ACTIONS[asked.action] ?? []).map((action) => ({ action: `kms:${action}`, resource: key, context })),
    ]
  })
}

export function sqsAccess(place: SqsPlace): Readonly<Record<string, AccessOf>> {
  const arnOf = (name: string): string => `arn:aws:sqs:${place.region}:${place.accountId}:${name}`
  const onQueue =
    (action: string): AccessOf =>
    ({ QueueUrl, QueueName, Tags = {}, TagKeys }: OnQueue) => {
      const name = QueueName ?? QueueUrl?.split('/').at(-1) ?? ''
      const resourceTags = [...(place.state.queues.get(name)?.tags ?? [])]
      return [
        {
          action: `sqs:${action}`,
          resource: arnOf(name),
          context: {
            ...Object.fromEntries(resourceTags.map(([key, value]) => [`aws:ResourceTag/${key}`, value])),
            ...tagContext(Tags),
            ...(TagKeys ? { 'aws:TagKeys': TagKeys } : {}),
          },
        },
      ]
    }
  const keyed =
    (access: AccessOf): AccessOf =>
    (input, caller) =>
      withQueueKeys(access(input, caller), place.keyOf)
  return {
    ...Object.fromEntries(
      Object.entries(QUEUE_ACTIONS).map(([operation, action]) => [operation, keyed(onQueue(action))]),
    ),
    CreateQueue: ({ QueueName = '', tags = {} }: CreateQueueRequest) => [
      { action: 'sqs:CreateQueue', resource: arnOf(QueueName), context: tagContext(tags) },
      ...(Object.keys(tags).length === 0
        ? []
        : [{ action: 'sqs:TagQueue', resource: arnOf(QueueName), context: tagContext(tags) }]),
    ],
    ListQueues: () => [{ action: 'sqs:ListQueues', resource: '*', context: {} }],
  }
}
