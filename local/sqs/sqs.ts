/** Amazon SQS of the embedded account: standard queues. A long poll waits in virtual time. */
import type { MessageAttributeValue } from '@aws-sdk/client-sqs'
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { Service } from '../wire/service.ts'
import { sqsAccess } from './access.ts'
import { messageOperations, send } from './messages.ts'
import type { Waiters } from './messages.ts'
import { queueOfArn } from './model.ts'
import type { SqsPlace, SqsState } from './model.ts'
import { queueOperations } from './queues.ts'

export interface SqsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  /** Where the account listens: part of a queue's URL. */
  readonly endpoint: () => string
  /** State of a KMS key by id, ARN or alias. Without it there are no keys. */
  readonly keyState?: (name: string) => string | undefined
  /** ARN of a KMS key by id, ARN or alias. */
  readonly keyArn?: (name: string) => string | undefined
}

export interface Sqs {
  readonly service: Service
  readonly durable: Durable
  /**
   * Puts a message into a queue of this account and Region for another service; who may is for the caller to ask.
   * @throws AwsError QueueDoesNotExist, or for a body that SQS does not take
   */
  send(queueArn: string, body: string, attributes?: Readonly<Record<string, MessageAttributeValue>>): void
  /** ARN of the KMS key that a queue is encrypted with; undefined for SQS's own. */
  keyOf(queueArn: string): string | undefined
  /** The resource policy of a queue, if it has one. */
  policyOf(queueArn: string): string | undefined
}

export function createSqs(options: SqsOptions): Sqs {
  const waiters: Waiters = new Map()
  const state: SqsState = { queues: new Map(), deletedMs: new Map() }
  const keyOf = (queueArn: string): string | undefined => {
    const name = settingOf(state, queueArn, 'KmsMasterKeyId')
    return name === undefined ? undefined : options.keyArn?.(name)
  }
  const place: SqsPlace = {
    keyState: () => undefined,
    ...options,
    state,
    keyOf,
    arrived: ({ name }) => {
      for (const wake of waiters.get(name) ?? []) wake()
    },
  }
  return {
    service: {
      sdk: () => import('@aws-sdk/client-sqs'),
      clientName: 'SQSClient',
      signingName: 'sqs',
      operations: { ...queueOperations(place), ...messageOperations(place, waiters) },
      access: sqsAccess(place),
    },
    durable: {
      name: 'sqs',
      save: () => state,
      restore(saved) {
        const { queues, deletedMs } = saved as SqsState
        for (const [name, queue] of queues) state.queues.set(name, queue)
        for (const [name, ms] of deletedMs) state.deletedMs.set(name, ms)
      },
    },
    send: (queueArn, body, MessageAttributes = {}) =>
      void send(place, queueOfArn(place, queueArn), { MessageBody: body, MessageAttributes }, options.accountId),
    keyOf,
    policyOf: (queueArn) => settingOf(state, queueArn, 'Policy'),
  }
}

const settingOf = (state: SqsState, queueArn: string, name: string): string | undefined =>
  [...state.queues.values()].find(({ arn }) => arn === queueArn)?.settings.get(name)
