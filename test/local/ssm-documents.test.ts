import { expect, test } from 'vitest'
import { autoClock } from '../../local/clock.ts'
import { START_MS } from './guest-machine.ts'
import { nodeId, playedGuest, systems } from './ssm-systems.ts'

/** As DLM asks for one (AWS facts F). */
const PRE_AND_POST = {
  schemaVersion: '2.2',
  description: 'Freezes and thaws',
  parameters: {
    executionId: {
      type: 'String',
      default: 'None',
      allowedPattern: '^(None|[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12})$',
    },
    command: { type: 'String', default: 'dry-run', allowedValues: ['pre-script', 'post-script', 'dry-run'] },
  },
  mainSteps: [
    {
      action: 'aws:runShellScript',
      precondition: { StringEquals: ['platformType', 'Linux'] },
      name: 'run_pre_post_scripts',
      inputs: { timeoutSeconds: 120, runCommand: ['#!/bin/bash', 'OPERATION={{ command }}', 'exit 201'] },
    },
  ],
}

function documented() {
  const clock = autoClock(START_MS)
  const scripts: string[] = []
  const exitCodes = new Map<string, number>()
  const guest = playedGuest(clock, nodeId(1), {}, async (script) => {
    scripts.push(script)
    return { exitCode: exitCodes.get(script) ?? 0, stdout: `ran ${script}` }
  })
  const here = systems([guest], clock)
  const create = (Content: unknown, Name = 'freeze') =>
    here.call('CreateDocument', { Name, Content: JSON.stringify(Content), DocumentType: 'Command' })
  return { ...here, create, scripts, exitCodes }
}

test('runs a document with its parameters filled in, and answers the exit code of its script (AWS facts F)', async () => {
  const { clock, create, send, get, scripts, exitCodes } = documented()
  await create(PRE_AND_POST)
  const script = '#!/bin/bash\nOPERATION=pre-script\nexit 201'
  exitCodes.set(script, 201)
  const Parameters = { command: ['pre-script'], executionId: ['01234567-89ab-cdef-0123-456789abcdef'] }
  const commandId = await send({ DocumentName: 'freeze', Parameters })
  await clock.sleep(5000)
  expect(scripts).toEqual([script])
  expect(await get(commandId)).toMatchObject({
    Status: 'Failed',
    ResponseCode: 201,
    PluginName: 'run_pre_post_scripts',
  })
  const wrongs: Record<string, string[]>[] = [
    { command: ['thaw'] },
    { executionId: ['7; rm -rf /'] },
    { nonsense: ['x'] },
  ]
  for (const wrong of wrongs)
    await expect(send({ DocumentName: 'freeze', Parameters: wrong })).rejects.toMatchObject({
      code: 'InvalidParameters',
    })
})

const shellStep = (name: string, more = {}, inputs = {}) => ({
  action: 'aws:runShellScript',
  name,
  inputs: { runCommand: [name], ...inputs },
  ...more,
})

const contentOf = (word: string) => ({
  schemaVersion: '2.2',
  mainSteps: [{ action: 'aws:runShellScript', name: 'only', inputs: { runCommand: [word] } }],
})

test('runs the steps of a document in turn, skips those for another platform, and leaves when a step says so', async () => {
  const { clock, create, send, get, scripts, exitCodes } = documented()
  await create({
    schemaVersion: '2.2',
    mainSteps: [
      shellStep('first'),
      shellStep('windows', { precondition: { StringEquals: ['platformType', 'Windows'] } }),
      { ...shellStep('shell'), action: 'aws:runPowerShellScript' },
      shellStep('fails', {}, { onFailure: 'exit' }),
      shellStep('never'),
      shellStep('last', {}, { finallyStep: true }),
    ],
  })
  exitCodes.set('fails', 7)
  const commandId = await send({ DocumentName: 'freeze' })
  await clock.sleep(5000)
  expect(scripts).toEqual(['first', 'fails', 'last'])
  expect(await get(commandId, nodeId(1), 'first')).toMatchObject({
    Status: 'Success',
    StandardOutputContent: 'ran first',
  })
  expect(await get(commandId, nodeId(1), 'windows')).toMatchObject({ Status: 'Success', ExecutionStartDateTime: '' })
  expect(await get(commandId, nodeId(1), 'fails')).toMatchObject({ Status: 'Failed', ResponseCode: 7 })
  expect(await get(commandId, nodeId(1), 'never')).toMatchObject({ Status: 'Cancelled', ResponseCode: -1 })
  await expect(get(commandId)).rejects.toMatchObject({ code: 'InvalidPluginName' })
})

test('keeps versions of a document, of which one is the default', async () => {
  const { clock, create, call, send, scripts } = documented()
  await create(contentOf('one'))
  await expect(create(contentOf('two'))).rejects.toMatchObject({ code: 'DocumentAlreadyExists' })
  const update = (word: string, DocumentVersion = '$LATEST') =>
    call('UpdateDocument', { Name: 'freeze', DocumentVersion, Content: JSON.stringify(contentOf(word)) })
  await expect(update('one')).rejects.toMatchObject({ code: 'DuplicateDocumentContent' })
  expect((await update('two')).DocumentDescription).toMatchObject({ DocumentVersion: '2', DefaultVersion: '1' })
  await expect(update('three', '1')).rejects.toMatchObject({ code: 'InvalidDocumentVersion' })
  await send({ DocumentName: 'freeze' })
  await send({ DocumentName: 'freeze', DocumentVersion: '$LATEST' })
  await call('UpdateDocumentDefaultVersion', { Name: 'freeze', DocumentVersion: '2' })
  await send({ DocumentName: 'freeze' })
  await clock.sleep(5000)
  expect(scripts).toEqual(['one', 'two', 'two'])
  expect((await call('DescribeDocument', { Name: 'freeze' })).Document).toMatchObject({
    Owner: '123456789012',
    LatestVersion: '2',
    DefaultVersion: '2',
    SchemaVersion: '2.2',
  })
  expect(JSON.parse((await call('GetDocument', { Name: 'freeze', DocumentVersion: '1' })).Content ?? '')).toEqual(
    contentOf('one'),
  )
  const { DocumentIdentifiers } = await call('ListDocuments', { Filters: [{ Key: 'Owner', Values: ['Self'] }] })
  expect(DocumentIdentifiers?.map(({ Name }) => Name)).toEqual(['freeze'])
  await call('DeleteDocument', { Name: 'freeze' })
  await expect(call('GetDocument', { Name: 'freeze' })).rejects.toMatchObject({ code: 'InvalidDocument' })
})

const step = PRE_AND_POST.mainSteps[0]
test.each<[string, unknown, string]>([
  ['no JSON', 'schemaVersion: 2.2', 'InvalidDocumentContent'],
  ['no steps', { schemaVersion: '2.2', mainSteps: [] }, 'InvalidDocumentContent'],
  ['a parameter that it does not define', { schemaVersion: '2.2', mainSteps: [step] }, 'InvalidDocumentContent'],
  ['another schema', { schemaVersion: '1.2', runtimeConfig: {} }, 'NotImplemented'],
  [
    'an action of another kind',
    { ...PRE_AND_POST, mainSteps: [{ ...step, action: 'aws:runDocument' }] },
    'NotImplemented',
  ],
  ['two steps of one name', { ...PRE_AND_POST, mainSteps: [step, step] }, 'InvalidDocumentContent'],
  ['more than 64 KB', { ...PRE_AND_POST, description: 'x'.repeat(65_536) }, 'MaxDocumentSizeExceeded'],
])('refuses a document with %s', async (_, content, code) => {
  const { call } = documented()
  const Content = typeof content === 'string' ? content : JSON.stringify(content)
  await expect(call('CreateDocument', { Name: 'freeze', Content })).rejects.toMatchObject({ code })
})

test('refuses a document under a name of AWS, one for Windows on Linux, and to delete what is not there', async () => {
  const { create, send, call } = documented()
  await expect(create(PRE_AND_POST, 'AWS-Mine')).rejects.toMatchObject({ code: 'ValidationException' })
  await create({
    ...PRE_AND_POST,
    mainSteps: [{ ...step, precondition: { StringEquals: ['platformType', 'Windows'] } }],
  })
  await expect(send({ DocumentName: 'freeze' })).rejects.toMatchObject({ code: 'UnsupportedPlatformType' })
  await expect(call('DeleteDocument', { Name: 'other' })).rejects.toMatchObject({ code: 'InvalidDocument' })
})

test('keeps parameters with their versions, and those that AWS publishes', async () => {
  const { ssm, call, events } = documented()
  const IMAGE = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64'
  ssm.publishParameter(IMAGE, 'ami-0123456789abcdef0')
  expect((await call('GetParameter', { Name: IMAGE })).Parameter).toMatchObject({
    Value: 'ami-0123456789abcdef0',
    ARN: `arn:aws:ssm:eu-central-1::parameter${IMAGE}`,
  })
  const put = (Value: string, more = {}) =>
    call('PutParameter', { Name: '/proxy/size', Value, Type: 'String', ...more })
  expect(await put('small')).toMatchObject({ Version: 1 })
  await expect(put('large')).rejects.toMatchObject({ code: 'ParameterAlreadyExists' })
  expect(await put('large', { Overwrite: true })).toMatchObject({ Version: 2 })
  expect(ssm.parameterValue('/proxy/size')).toBe('large')
  await expect(call('GetParameter', { Name: '/proxy/size:1' })).rejects.toMatchObject({
    code: 'ParameterVersionNotFound',
  })
  expect(await call('GetParameters', { Names: ['/proxy/size:2', 'none'] })).toMatchObject({
    Parameters: [{ Value: 'large' }],
    InvalidParameters: ['none'],
  })
  expect((await call('GetParametersByPath', { Path: '/proxy' })).Parameters).toMatchObject([{ Name: '/proxy/size' }])
  await call('DeleteParameter', { Name: '/proxy/size' })
  for (const Name of ['/proxy/size', '/aws/none'])
    await expect(call('GetParameter', { Name })).rejects.toMatchObject({ code: 'ParameterNotFound' })
  await expect(call('DeleteParameter', { Name: IMAGE })).rejects.toMatchObject({ code: 'ParameterNotFound' })
  await expect(call('PutParameter', { Name: '/aws/mine', Value: 'x', Type: 'String' })).rejects.toMatchObject({
    code: 'ValidationException',
  })
  await expect(call('PutParameter', { Name: 'secret', Value: 'x', Type: 'SecureString' })).rejects.toMatchObject({
    status: 501,
  })
  expect(events.map(({ detail }) => detail['operation'])).toEqual(['Create', 'Update', 'Delete'])
})
