import assert from 'node:assert/strict'
import type { Suite } from '../suite.ts'

export const messages: Suite = {
  name: 'messages',
  async run({ run, refused }) {
    const queue = await run('makes a queue', 'sqs create-queue --queue-name conformance')
    const url = ['--queue-url', queue.text('QueueUrl')]
    await run('sends a message', ['sqs', 'send-message', ...url, '--message-body', 'hello'])
    const received = await run('receives it', ['sqs', 'receive-message', ...url], (answer) =>
      answer.is('Messages.0.Body', 'hello'),
    )
    await run('deletes it', [
      'sqs',
      'delete-message',
      ...url,
      '--receipt-handle',
      received.text('Messages.0.ReceiptHandle'),
    ])
    const attributes = await run(
      'shows the queue',
      ['sqs', 'get-queue-attributes', ...url, '--attribute-names', 'All'],
      (answer) => answer.is('Attributes.ApproximateNumberOfMessages', '0'),
    )
    const arn = attributes.text('Attributes.QueueArn')
    const allow = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: arn },
      ],
    })
    await run('lets rules send to it', [
      'sqs',
      'set-queue-attributes',
      ...url,
      '--attributes',
      JSON.stringify({ Policy: allow }),
    ])
    await run('makes a rule', 'events put-rule --name conformance --event-pattern {"source":["conformance"]}')
    await run(
      'gives it a target',
      ['events', 'put-targets', '--rule', 'conformance', '--targets', JSON.stringify([{ Id: 'queue', Arn: arn }])],
      (answer) => answer.is('FailedEntryCount', 0),
    )
    await run(
      'puts an event',
      [
        'events',
        'put-events',
        '--entries',
        JSON.stringify([{ Source: 'conformance', DetailType: 'Test', Detail: '{"n":1}' }]),
      ],
      (answer) => answer.is('FailedEntryCount', 0),
    )
    await run('receives what the rule sent', ['sqs', 'receive-message', ...url, '--wait-time-seconds', '5'], (answer) =>
      assert.equal(JSON.parse(answer.text('Messages.0.Body'))['detail-type'], 'Test'),
    )
    await refused(
      'refuses a pattern that is none',
      'events put-rule --name bad --event-pattern {"source":"text"}',
      'InvalidEventPatternException',
    )
    const role = await run('makes a role for the schedule', [
      'iam',
      'create-role',
      '--role-name',
      'conformance-schedule',
      '--assume-role-policy-document',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'scheduler.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      }),
    ])
    const target = JSON.stringify({ Arn: arn, RoleArn: role.text('Role.Arn'), Input: 'tick' })
    const schedule = (expression: string): string[] => [
      'scheduler',
      'create-schedule',
      '--name',
      'conformance',
      '--schedule-expression',
      expression,
      '--schedule-expression-timezone',
      'Europe/Berlin',
      '--flexible-time-window',
      'Mode=OFF',
      '--target',
      target,
    ]
    await run('makes a schedule', schedule('cron(0 3 * * ? *)'))
    await run('deletes it', 'scheduler delete-schedule --name conformance')
    await run('deletes the queue', ['sqs', 'delete-queue', ...url])
    await refused(
      'knows queues that are not there',
      'sqs get-queue-url --queue-name conformance-none',
      'AWS.SimpleQueueService.NonExistentQueue',
    )
  },
}
