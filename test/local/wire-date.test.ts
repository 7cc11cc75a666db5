import * as ec2 from '@aws-sdk/client-ec2'
import * as sfn from '@aws-sdk/client-sfn'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { signer } from './signing.ts'
import { ADMINISTRATOR_KEYS, HOUR_MS, REGION, refusal, START_MS, startWireAccount } from './wire-account.ts'
import type { WireAccount } from './wire-account.ts'

let account: WireAccount

beforeEach(async () => {
  account = await startWireAccount()
})
afterEach(() => account.server.close())

const gone = () => new ec2.DescribeVolumesCommand({ VolumeIds: ['vol-gone'] })

it('does not make a client believe that its clock is wrong, and repeat what was refused', async () => {
  const client = new ec2.EC2Client({ ...account.configuration(), maxAttempts: 3 })
  for (const count of [1, 2, 3]) {
    expect(await refusal(client.send(gone()))).toMatchObject({ name: 'InvalidVolume.NotFound' })
    expect(account.calls).toHaveLength(count)
  }
  expect(Math.abs(client.config.systemClockOffset)).toBeLessThan(5000)
})

/** The date of an answer to a request that was signed at a time, far from that of this machine or not. */
async function dateFor(signingDate: Date, target = 'DescribeExecution'): Promise<number> {
  const { host, hostname } = new URL(account.server.endpoint)
  const type = 'application/x-amz-json-1.0'
  const headers = { host, 'content-type': type, 'x-amz-target': `AWSStepFunctions.${target}` }
  const body = JSON.stringify({ executionArn: 'arn:gone', activityArn: 'arn' })
  const request = { method: 'POST', protocol: 'http:', hostname, path: '/', headers, body }
  const signed = await signer(ADMINISTRATOR_KEYS, 'states', REGION).sign(request, { signingDate })
  const { host: _, ...sent } = signed.headers
  const answer = await fetch(account.server.endpoint, { method: 'POST', headers: sent, body })
  return Date.parse(answer.headers.get('date') ?? '')
}

it('is that of the clock which the caller signed with, at the time of the answer', async () => {
  expect(await dateFor(new Date(START_MS))).toBe(START_MS)
  expect(Math.abs((await dateFor(new Date())) - Date.now())).toBeLessThan(5000)
  // An hour of virtual time passes before the answer.
  expect(await dateFor(new Date(START_MS), 'GetActivityTask')).toBe(START_MS + HOUR_MS)
})

it('is that of the machine for who signs nothing', async () => {
  const answer = await fetch(account.server.endpoint)
  expect(Math.abs(Date.parse(answer.headers.get('date') ?? '') - Date.now())).toBeLessThan(5000)
})

it('leaves a client alone that waited for virtual time', async () => {
  const client = new sfn.SFNClient({ ...account.configuration(), maxAttempts: 3 })
  await client.send(new sfn.GetActivityTaskCommand({ activityArn: 'arn' }))
  await refusal(client.send(new sfn.DescribeExecutionCommand({ executionArn: 'arn:gone' })))
  expect(account.calls).toHaveLength(2)
})
