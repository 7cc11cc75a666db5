import type {
  DescribeExecutionOutput,
  DescribeStateMachineOutput,
  ListExecutionsOutput,
  ListStateMachineVersionsOutput,
  PublishStateMachineVersionOutput,
  UpdateStateMachineOutput,
} from '@aws-sdk/client-sfn'
import { expect, it } from 'vitest'
import { statesAccess } from '../../local/states/access.ts'
import { machine, ROLE, statesAccount } from './states-account.ts'

const saying = (Output: string) => machine({ Say: { Type: 'Pass', Output, End: true } })
const textOf = (Output: string): string => JSON.stringify({ QueryLanguage: 'JSONata', ...saying(Output) })
const refusedWith = (code: string) => expect.objectContaining({ code })

function versioned() {
  const account = statesAccount()
  const { api } = account
  return {
    ...account,
    publish: async (stateMachineArn: string, more: object = {}) =>
      (await api<PublishStateMachineVersionOutput>('PublishStateMachineVersion', { stateMachineArn, ...more }))
        .stateMachineVersionArn ?? '',
    update: (stateMachineArn: string, output: string, more: object = {}) =>
      api<UpdateStateMachineOutput>('UpdateStateMachine', { stateMachineArn, definition: textOf(output), ...more }),
    listed: async (stateMachineArn: string) =>
      (
        await api<ListStateMachineVersionsOutput>('ListStateMachineVersions', { stateMachineArn })
      ).stateMachineVersions?.map((version) => version.stateMachineVersionArn),
  }
}

it('runs a version as it was published, while the machine goes on changing (AWS facts C.6)', async () => {
  const { api, create, publish, update, states } = versioned()
  const arn = await create('m', saying('first'))
  const first = await publish(arn, { description: 'the first' })
  expect([first, await publish(arn)]).toEqual([`${arn}:1`, `${arn}:1`])
  const { stateMachineVersionArn: second } = await update(arn, 'second', { publish: true })
  await update(arn, 'third')
  const outputs = await Promise.all(
    [first, second ?? '', arn].map(async (each) => (await states.waitFor(states.start(each, {}))).output),
  )
  expect(outputs).toEqual(['first', 'second', 'third'])

  const executionArn = states.start(first, {}, 'run')
  const described = await api<DescribeExecutionOutput>('DescribeExecution', { executionArn })
  expect(described).toMatchObject({ stateMachineArn: arn, stateMachineVersionArn: first })
  const of = async (stateMachineArn: string) =>
    (await api<ListExecutionsOutput>('ListExecutions', { stateMachineArn })).executions?.length
  expect([await of(first), await of(arn)]).toEqual([2, 4])
  expect(await api<DescribeStateMachineOutput>('DescribeStateMachine', { stateMachineArn: first })).toMatchObject({
    stateMachineArn: first,
    definition: textOf('first'),
    description: 'the first',
    roleArn: ROLE,
  })
})

it('lists versions, the latest first, and deletes them; no number comes twice', async () => {
  const { api, create, publish, update, listed } = versioned()
  const arn = await create('m', saying('first'), { publish: true })
  await update(arn, 'second', { publish: true })
  expect(await listed(arn)).toEqual([`${arn}:2`, `${arn}:1`])
  for (const number of [2, 9]) await api('DeleteStateMachineVersion', { stateMachineVersionArn: `${arn}:${number}` })
  expect(await listed(arn)).toEqual([`${arn}:1`])
  expect(await publish(arn)).toBe(`${arn}:3`)
  await expect(api('DeleteStateMachineVersion', { stateMachineVersionArn: arn })).rejects.toEqual(
    refusedWith('ValidationException'),
  )
})

it('refuses versions that are not there, and a revision that is no longer the current one', async () => {
  const { api, create, publish, update } = versioned()
  const arn = await create('m', saying('first'))
  const { revisionId } = await update(arn, 'second')
  await update(arn, 'third')
  await expect(publish(arn, { revisionId })).rejects.toEqual(refusedWith('ConflictException'))
  await expect(publish(`${arn}x`)).rejects.toEqual(refusedWith('StateMachineDoesNotExist'))
  for (const operation of ['StartExecution', 'DescribeStateMachine', 'ListExecutions', 'UpdateStateMachine'])
    await expect(api(operation, { stateMachineArn: `${arn}:1`, roleArn: ROLE })).rejects.toEqual(
      refusedWith('StateMachineDoesNotExist'),
    )
})

it('asks IAM about the machine, and tells the version as its qualifier', () => {
  const access = statesAccess(
    { accountId: '111122223333', region: 'eu-west-1' },
    { machineOf: () => undefined, tagsOf: () => undefined },
  )
  const stateMachineArn = 'arn:aws:states:eu-west-1:111122223333:stateMachine:m'
  expect(access['StartExecution']?.({ stateMachineArn: `${stateMachineArn}:7` } as never, {} as never)).toEqual([
    {
      action: 'states:StartExecution',
      resource: stateMachineArn,
      context: { 'states:StateMachineQualifier': '7' },
    },
  ])
})
