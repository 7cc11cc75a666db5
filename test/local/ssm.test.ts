/** Run Command inside real guests. Everything that needs none is in ssm-commands. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { INSTANCE_ID, machine, whenChanged } from './guest-machine.ts'
import { systems } from './ssm-systems.ts'

async function booted() {
  const here = machine()
  const guest = await here.guests.start(here.spec)
  return { ...here, guest, ...systems(here.guests, here.clock) }
}
const run = (...commands: string[]) => ({ Parameters: { commands } })

test('runs the lines of a command as one script, tells that it is under way, and reports its output (AWS facts F)', async () => {
  const { clock, guest, send, get } = await booted()
  const commandId = await send(
    run(
      'word=hello; touch started; until [[ -e go ]]; do read -r -t 0.01 _ <> <(:); done',
      'echo "$word from $GUEST_INSTANCE_ID"',
      'echo aside >&2',
    ),
  )
  expect(commandId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  await expect(get(commandId)).rejects.toMatchObject({ code: 'InvocationDoesNotExist' })
  await clock.sleep(400)
  expect(await get(commandId)).toMatchObject({ Status: 'Pending', ResponseCode: -1, ExecutionStartDateTime: '' })
  await whenChanged(join(guest.root, 'started'), () => existsSync(join(guest.root, 'started')))
  expect(await get(commandId)).toMatchObject({ Status: 'InProgress', ResponseCode: -1, ExecutionEndDateTime: '' })
  writeFileSync(join(guest.root, 'go'), '')
  await clock.sleep(1000)
  expect(await get(commandId)).toMatchObject({
    Status: 'Success',
    StatusDetails: 'Success',
    ResponseCode: 0,
    StandardOutputContent: `hello from ${INSTANCE_ID}\n`,
    StandardErrorContent: 'aside\n',
    ExecutionStartDateTime: '2026-01-01T00:00:00.800Z',
  })
})

test('reports a failure with the exit code, an overrun as timed out, and a directory that is not there', async () => {
  const { clock, send, get } = await booted()
  const failing = await send(run('exit 3'))
  const slow = await send({ Parameters: { commands: ['sleep 1000'], executionTimeout: ['20'] } })
  const nowhere = await send({ Parameters: { commands: ['true'], workingDirectory: ['/nowhere'] } })
  await clock.sleep(30_000)
  expect(await get(failing)).toMatchObject({
    Status: 'Failed',
    ResponseCode: 3,
    StandardErrorContent: 'failed to run commands: exit status 3',
  })
  expect(await get(nowhere)).toMatchObject({ Status: 'Failed', ResponseCode: 1 })
  expect(await get(slow)).toMatchObject({
    Status: 'TimedOut',
    StatusDetails: 'ExecutionTimedOut',
    ResponseCode: 137,
    ExecutionEndDateTime: '2026-01-01T00:00:20.800Z',
  })
})

test('kills a script that is cancelled, which shows as Cancelling until its agent has reported', async () => {
  const { clock, guest, send, get, call } = await booted()
  const commandId = await send(run('touch started; until [[ -e never ]]; do read -r -t 0.01 _ <> <(:); done'))
  await whenChanged(join(guest.root, 'started'), () => existsSync(join(guest.root, 'started')))
  await call('CancelCommand', { CommandId: commandId })
  expect(await get(commandId)).toMatchObject({ Status: 'Cancelling' })
  await clock.sleep(1000)
  expect(await get(commandId)).toMatchObject({ Status: 'Cancelled', StatusDetails: 'Cancelled', ResponseCode: 137 })
})

test('never learns how a script ended that ended with its machine', async () => {
  const { clock, guest, guests, send, get } = await booted()
  const commandId = await send({
    Parameters: { commands: ['touch started; sleep infinity'], executionTimeout: ['60'] },
    TimeoutSeconds: 30,
  })
  await whenChanged(join(guest.root, 'started'), () => existsSync(join(guest.root, 'started')))
  await guests.kill(INSTANCE_ID)
  await clock.sleep(60_000)
  expect(await get(commandId)).toMatchObject({ Status: 'InProgress' })
  await clock.sleep(30_000)
  expect(await get(commandId)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' })
})
