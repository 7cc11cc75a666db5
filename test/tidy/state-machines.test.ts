import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { validateSemantic } from './asl.ts'
import { describe, expect, test } from 'vitest'
import { TASKS } from '../../core/contracts/tasks.ts'
import { ERROR_KINDS, RUN_FAILURES } from '../../core/errors.ts'
import { kebabCase } from '../../cdk/names.ts'
import { definitions, errorNames, lambdaTasks, retryProfiles, statesOf } from './asl.ts'

/** Names that AWS itself gives errors, as far as our state machines match on them (AWS facts C.4, C.5). */
const AWS_ERRORS = [
  'States.ALL',
  'States.Timeout',
  'States.HeartbeatTimeout',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'StepFunctions.SdkClientException',
  'StepFunctions.ServiceException',
  'StepFunctions.ThrottlingException',
  'StepFunctions.ExecutionAlreadyExistsException',
]
const OUR_ERRORS: string[] = [...Object.keys(ERROR_KINDS), ...RUN_FAILURES]

describe.each(definitions())('$name', ({ name, definition, text }) => {
  const states = statesOf(definition)
  const tasks = states.filter(([, state]) => state.Type === 'Task')

  test('is valid by asl-validator', async () => {
    expect(await validateSemantic(text)).toEqual([])
  })

  test('uses JSONata and has a time limit and a comment', () => {
    expect(definition.QueryLanguage).toBe('JSONata')
    expect(definition.TimeoutSeconds).toBeGreaterThan(0)
    expect(definition.Comment).toMatch(/\w{3}/)
  })

  test.each(tasks)('%s has a comment, a time limit, named retry profiles and a catch', (_, task) => {
    expect(task.Comment ?? '').toMatch(/\w{3}.*\w{3}/)
    expect(task.TimeoutSeconds).toBeGreaterThan(0)
    expect(task.Retry?.length).toBeGreaterThan(0)
    const profiles = Object.values(retryProfiles()).map((profile) => JSON.stringify(profile))
    for (const retrier of task.Retry ?? []) expect(profiles).toContain(JSON.stringify(retrier))
    expect(task.Catch?.length).toBeGreaterThan(0)
  })

  test('limits the concurrency of every Map', () => {
    for (const [, state] of states.filter(([, candidate]) => candidate.Type === 'Map'))
      expect(state.MaxConcurrency).toBeGreaterThan(0)
  })

  test('names no error that can never come', () => {
    for (const error of errorNames(definition)) expect([...OUR_ERRORS, ...AWS_ERRORS]).toContain(error)
  })

  test('has a contract and a Lambda for each of its task states, and nothing besides', () => {
    const contracts = TASKS[name as keyof typeof TASKS].map((contract) => contract.name)
    const invoked = lambdaTasks(definition).map(([state]) => state)
    expect(invoked.toSorted()).toEqual(contracts.toSorted())
    for (const [state, task] of lambdaTasks(definition))
      expect(JSON.stringify(task.Arguments)).toContain(`"FunctionName":"\${${state}}"`)
  })
})

test('every retry of a kind that waits is in a retry profile, or no task could wait for it', () => {
  const retried = Object.values(retryProfiles()).flatMap((profile) => profile.ErrorEquals)
  const waiting = Object.entries(ERROR_KINDS).filter(([, kind]) => kind === 'wait')
  for (const [error] of waiting) expect(retried).toContain(error)
  for (const error of retried.filter((candidate) => OUR_ERRORS.includes(candidate)))
    expect(ERROR_KINDS[error as keyof typeof ERROR_KINDS]).toBe('wait')
})

test('lambdas/ holds one file per task state and per event handler, and no other', () => {
  const states = Object.values(TASKS).flat()
  const files = readdirSync('lambdas')
    .filter((file) => file.endsWith('.ts'))
    .map((file) => basename(file, '.ts'))
  // Workflows may share a state.
  const own = new Set(states.map(({ name }) => kebabCase(name)))
  expect(files.toSorted()).toEqual([...own, 'task', 'wake-waits'].toSorted())
})

test('every contract has its construct', () => {
  const source = readFileSync('cdk/task-functions.ts', 'utf8')
  for (const { name } of Object.values(TASKS).flat())
    expect(source).toMatch(
      new RegExp(`\\b(tasks|copying|recovering|expiring)\\.${name.charAt(0).toLowerCase()}${name.slice(1)}\\b`),
    )
})
