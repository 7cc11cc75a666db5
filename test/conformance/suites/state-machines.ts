import assert from 'node:assert/strict'
import type { Suite } from '../suite.ts'

const ROLE = 'conformance-states'
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' }],
})
const DEFINITION = JSON.stringify({
  QueryLanguage: 'JSONata',
  StartAt: 'Think',
  States: {
    Think: { Type: 'Wait', Seconds: '{% $states.input.seconds %}', Next: 'Decide' },
    Decide: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $states.input.fail = true %}', Next: 'GiveUp' }],
      Default: 'Answer',
    },
    Answer: { Type: 'Pass', Output: { twice: '{% $states.input.number * 2 %}' }, End: true },
    GiveUp: { Type: 'Fail', Error: 'AsAsked', Cause: 'the input said so' },
  },
})

export const stateMachines: Suite = {
  name: 'state machines',
  async run({ run, refused }) {
    const role = await run('makes a role', [
      'iam',
      'create-role',
      '--role-name',
      ROLE,
      '--assume-role-policy-document',
      TRUST,
    ])
    const create = (name: string, definition: string): string[] => [
      'stepfunctions',
      'create-state-machine',
      '--name',
      name,
      '--definition',
      definition,
      '--role-arn',
      role.text('Role.Arn'),
    ]
    const made = await run('makes a state machine', create('conformance', DEFINITION))
    const machine = made.text('stateMachineArn')
    await refused(
      'refuses a definition without a way',
      create('lost', DEFINITION.replace('"StartAt":"Think"', '"StartAt":"Nowhere"')),
      'InvalidDefinition',
    )
    await refused('refuses a name that is none', create('two words', DEFINITION), 'InvalidName')
    const start = (name: string, input: unknown): string[] => [
      'stepfunctions',
      'start-execution',
      '--state-machine-arn',
      machine,
      '--name',
      name,
      '--input',
      JSON.stringify(input),
    ]
    const waiting = await run('starts an execution that waits for a day', start('long', { seconds: 86_400 }))
    await run('answers the same to the same name and input', start('long', { seconds: 86_400 }), (answer) =>
      answer.is('executionArn', waiting.text('executionArn')),
    )
    await refused('refuses the name with another input', start('long', { seconds: 1 }), 'ExecutionAlreadyExists')
    await run('stops it', `stepfunctions stop-execution --execution-arn ${waiting.text('executionArn')}`)
    const started = await run('starts one that waits for a second', start('short', { seconds: 1, number: 21 }))
    await refused(
      'refuses an input that is not JSON',
      `stepfunctions start-execution --state-machine-arn ${machine} --input {`,
      'InvalidExecutionInput',
    )
    const ask = ['stepfunctions', 'describe-execution', '--execution-arn', started.text('executionArn')]
    await run('shows how it ended', ask, (answer) => {
      answer.is('status', 'SUCCEEDED')
      answer.is('output', '{"twice":42}')
    })
    const history = ['stepfunctions', 'get-execution-history', '--execution-arn', started.text('executionArn')]
    await run('tells its history in pages', [...history, '--page-size', '2'], (answer) => {
      const types = (answer.at('events') as { type: string }[]).map(({ type }) => type)
      assert.deepEqual(types.slice(0, 3), ['ExecutionStarted', 'WaitStateEntered', 'WaitStateExited'])
      assert.equal(types.at(-1), 'ExecutionSucceeded')
    })
    await run('tells it backwards', [...history, '--reverse-order', '--max-items', '1'], (answer) =>
      answer.is('events.0.type', 'ExecutionSucceeded'),
    )
    const failing = await run('starts one that fails', start('bad', { seconds: 0, fail: true }))
    await run(
      'shows its error',
      `stepfunctions describe-execution --execution-arn ${failing.text('executionArn')}`,
      (answer) => {
        answer.is('status', 'FAILED')
        answer.is('error', 'AsAsked')
      },
    )
    await run(
      'lists those that failed',
      `stepfunctions list-executions --state-machine-arn ${machine} --status-filter FAILED`,
      (answer) => answer.is('executions.0.name', 'bad'),
    )
    await refused(
      'knows executions that are not there',
      `stepfunctions describe-execution --execution-arn ${started.text('executionArn')}x`,
      'ExecutionDoesNotExist',
    )
    await run('deletes the state machine', `stepfunctions delete-state-machine --state-machine-arn ${machine}`)
  },
}
