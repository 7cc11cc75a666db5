/**
 * What rules and schedules can invoke: functions, state machines, queues, and (schedules alone) any operation. This is the one
 * place where a target is invoked, so it is where IAM is asked: about the role that was handed over, or without one about the
 * service itself, which the target's own policy must let in.
 */
import type { AccessRequest, Permit } from '../wire/service.ts'
import { AwsError } from '../wire/service.ts'
import type { Deliver, SendDeadLetter } from './target.ts'

export interface TargetsOptions {
  /** `events.amazonaws.com` or `scheduler.amazonaws.com`. */
  readonly principal: string
  /** Starts an invocation that nobody waits for. */
  readonly invokeFunction: (arn: string, payload: unknown) => unknown
  readonly startExecution: (arn: string, input: unknown) => unknown
  readonly sendMessage: (
    queueArn: string,
    body: string,
    attributes?: Readonly<Record<string, { DataType: string; StringValue: string }>>,
  ) => void
  /** Calls `service:action` as a role. */
  readonly callOperation?: (call: {
    readonly operation: string
    readonly input: unknown
    readonly roleArn: string
    readonly sourceArn: string
  }) => Promise<unknown>
  readonly permit?: Permit
}

export interface Targets {
  readonly deliver: Deliver
  readonly sendDeadLetter: SendDeadLetter
}

const UNIVERSAL = 'arn:aws:scheduler:::aws-sdk:'

/** What IAM calls the source: for a schedule its group (AWS facts D.1). */
const sourceOf = (arn: string): string => arn.replace(/:schedule\/([^/]+)\/.+$/, ':schedule-group/$1')

export function createTargets(options: TargetsOptions): Targets {
  const ask = (roleArn: string | undefined, action: string, resource: string, sourceArn: string): void => {
    const request: AccessRequest = { action, resource, context: {} }
    options.permit?.(roleArn ?? options.principal, [request], sourceOf(sourceArn))
  }
  return {
    async deliver({ arn, roleArn, input, text }, sourceArn) {
      if (arn.startsWith(UNIVERSAL)) {
        if (!options.callOperation || roleArn === undefined) throw unknownTarget(arn)
        const operation = arn.slice(UNIVERSAL.length)
        await options.callOperation({ operation, input, roleArn, sourceArn: sourceOf(sourceArn) })
        return
      }
      const [, , service = ''] = arn.split(':')
      switch (service) {
        case 'lambda':
          ask(roleArn, 'lambda:InvokeFunction', arn, sourceArn)
          await options.invokeFunction(arn, input)
          return
        case 'states':
          ask(roleArn, 'states:StartExecution', arn, sourceArn)
          await options.startExecution(arn, input)
          return
        case 'sqs':
          ask(roleArn, 'sqs:SendMessage', arn, sourceArn)
          options.sendMessage(arn, text ?? JSON.stringify(input))
          return
        default:
          throw unknownTarget(arn)
      }
    },
    sendDeadLetter({ queueArn, sourceArn, roleArn, body, attributes }) {
      ask(roleArn, 'sqs:SendMessage', queueArn, sourceArn)
      const entries = Object.entries(attributes).map(([name, value]) => [
        name,
        { DataType: typeof value === 'number' ? 'Number' : 'String', StringValue: String(value) },
      ])
      options.sendMessage(queueArn, body, Object.fromEntries(entries))
    },
  }
}

const unknownTarget = (arn: string): AwsError =>
  new AwsError('NotImplemented', `Nothing in this account can be the target ${arn}.`, { status: 400 })
