import { expect, it } from 'vitest'
import { AwsError, type Permit } from '../../local/wire/service.ts'
import { invoke, machine, ROLE, statesAccount } from './states-account.ts'

const END = { End: true }

/** Allows all but one action, and remembers what it was asked. */
function allBut(denied: string) {
  const asked: [string, string, string][] = []
  const permit: Permit = (principalArn, requests) => {
    for (const { action, resource } of requests) {
      asked.push([principalArn, action, resource])
      if (action === denied) throw new AwsError('AccessDeniedException', `not authorized to perform: ${action}`)
    }
  }
  return { permit, asked }
}

const EACH = {
  Type: 'Map',
  ItemReader: {
    Resource: 'arn:aws:states:::s3:getObject',
    ReaderConfig: { InputType: 'JSON' },
    Arguments: { Bucket: 'bucket', Key: 'items' },
  },
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...machine({ Item: invoke('item', {}, END) }),
  },
  ResultWriter: { Resource: 'arn:aws:states:::s3:putObject', Arguments: { Bucket: 'bucket', Prefix: 'runs' } },
  End: true,
}

it('asks IAM as the role of the machine for all that it does', async () => {
  const { permit, asked } = allBut('none')
  const account = statesAccount({ item: () => 'ok' }, { permit })
  account.stored.set('bucket/items', Buffer.from('[1]'))
  expect(await account.run(machine({ Each: EACH }))).toMatchObject({ status: 'SUCCEEDED' })
  expect(new Set(asked.map(([role]) => role))).toEqual(new Set([ROLE]))
  expect(asked.map(([, action]) => action)).toEqual([
    's3:GetObject',
    'states:StartExecution',
    'lambda:InvokeFunction',
    's3:PutObject',
    's3:PutObject',
  ])
  expect(asked[0]?.[2]).toBe('arn:aws:s3:::bucket/items')
  expect(asked[2]?.[2]).toBe('arn:aws:lambda:eu-west-1:111122223333:function:item')
})

it.each([
  ['s3:GetObject', 'States.ItemReaderFailed'],
  ['s3:PutObject', 'States.ResultWriterFailed'],
  ['states:StartExecution', 'States.Permissions'],
])('a Map that may not %s fails with %s', async (action, error) => {
  const account = statesAccount({ item: () => 'ok' }, allBut(action))
  account.stored.set('bucket/items', Buffer.from('[1]'))
  expect(await account.run(machine({ Each: EACH }))).toMatchObject({ status: 'FAILED', error })
})

it('a Task that may not invoke its function fails with the exception of the whole service, which has a 403 in its cause', async () => {
  const { run, calls } = statesAccount({ item: () => 'ok' }, allBut('lambda:InvokeFunction'))
  const { error, cause } = await run(machine({ Item: invoke('item', {}, END) }))
  expect(error).toBe('Lambda.AWSLambdaException')
  expect(cause).toContain('Status Code: 403; Error Code: AccessDeniedException')
  expect(calls).toEqual([])
})

it('a Task that may not start its nested execution fails', async () => {
  const { run, create } = statesAccount({}, allBut('states:StartExecution'))
  const StateMachineArn = await create('child', machine({ Done: { Type: 'Succeed' } }))
  const Resource = 'arn:aws:states:::states:startExecution.sync:2'
  const states = { Nested: { Type: 'Task', Resource, Arguments: { StateMachineArn }, ...END } }
  expect(await run(machine(states))).toMatchObject({ error: 'StepFunctions.AWSStepFunctionsException' })
})
