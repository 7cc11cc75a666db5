import { createServer, request } from 'node:http'
import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { manualClock, scaledClock } from '../../local/clock.ts'
import { createControl, type ControlOptions } from '../../local/control/control.ts'
import { Faults } from '../../local/faults.ts'
import { createThrottling } from '../../local/throttling/throttling.ts'
import { refusal } from './wire-account.ts'

const START_MS = Date.UTC(2026, 2, 1)
const HOUR_S = 3600

let account: Account

beforeAll(async () => {
  account = await startAccount({ clock: manualClock(START_MS) })
})
afterAll(() => account.close())

interface Answer {
  readonly status: number
  readonly body: { readonly error: string; readonly [member: string]: unknown }
}

interface Sent {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

function send(path: string, { method = 'GET', body, headers = {} }: Sent = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const call = request(`${account.endpoint}${path}`, { method, headers: { ...json, ...headers } }, (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (answer += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) }))
    })
    call.on('error', reject)
    call.end(text)
  })
}

const post = (path: string, body: unknown): ReturnType<typeof send> => send(path, { method: 'POST', body })

const client = (): EC2Client => {
  const { endpoint, region, credentials } = account
  return new EC2Client({ endpoint, region, credentials, maxAttempts: 1 })
}

describe('faults', () => {
  it('are planned, listed with what they struck, and cleared', async () => {
    const target = { service: 'ec2', operation: 'DescribeVolumes', input: { VolumeIds: ['vol-*'] } }
    const planned = await post('/_account/faults', { on: 'call', target, effect: { kind: 'throttle' } })
    expect(planned).toEqual({ status: 200, body: { id: 'fault-1' } })
    const VolumeIds = ['vol-0123456789abcdef0']
    const answer = await refusal(client().send(new DescribeVolumesCommand({ VolumeIds })))
    expect(answer.name).toBe('RequestLimitExceeded')
    const listed = (await send('/_account/faults')).body
    expect(listed).toMatchObject({
      planned: [{ id: 'fault-1', on: 'call', target, left: 0, struckCount: 1 }],
      struck: [{ fault: 'fault-1', subject: 'ec2:DescribeVolumes' }],
      unused: 0,
    })
    expect(await send('/_account/faults/fault-1', { method: 'DELETE' })).toEqual({ status: 200, body: {} })
    expect((await send('/_account/faults/fault-1', { method: 'DELETE' })).status).toBe(404)
    await post('/_account/faults', { on: 'event', effect: { kind: 'drop' }, probability: 0.5, seed: 7 })
    await send('/_account/faults', { method: 'DELETE' })
    expect((await send('/_account/faults')).body).toEqual({ planned: [], struck: [], unused: 0 })
  })

  it.each([
    [{ on: 'call', effect: { kind: 'explode' } }, /effect\.kind/],
    [{ on: 'call', effect: { kind: 'fail' } }, /effect\.code/],
    [{ on: 'call', target: { operatoin: 'X' }, effect: { kind: 'throttle' } }, /operatoin/],
    [{ on: 'event', effect: { kind: 'drop' }, probability: 2 }, /probability/],
    [{ on: 'call', effect: { kind: 'throttle' }, times: 0 }, /times/],
    [[], /expected object/i],
    ['{', /no JSON/],
  ])('are refused when they say %j', async (body, says) => {
    const answer = await post('/_account/faults', body)
    expect(answer.status).toBe(400)
    expect(answer.body.error).toMatch(says)
  })
})

describe('the clock', () => {
  it('is shown, and moved forward', async () => {
    const before = account.clock.now()
    const moved = await post('/_account/clock', { advanceSeconds: HOUR_S })
    const now = new Date(before + HOUR_S * 1000).toISOString()
    expect(moved).toEqual({ status: 200, body: { now } })
    expect((await send('/_account/clock')).body).toEqual({ now })
  })

  it('has no speed when it jumps', async () => {
    expect((await post('/_account/clock', { factor: 10 })).status).toBe(409)
    expect((await post('/_account/clock', {})).body.error).toMatch(/advanceSeconds/)
  })
})

describe('troubles', () => {
  it('happen to what they name', async () => {
    const { ec2, clock } = account
    ec2.registerImage({ imageId: 'ami-1', rootDeviceName: '/dev/sda1', rootDeviceType: 'ebs', rootSizeGiB: 1 })
    const AvailabilityZone = `${account.region}a`
    const { VolumeId = '' } = await client().send(new CreateVolumeCommand({ AvailabilityZone, Size: 1 }))
    await clock.advance(60_000)
    expect((await post('/_account/troubles', { name: 'failSnapshot', volumeId: VolumeId })).status).toBe(200)
    const { state } = await snapshotOf(VolumeId)
    expect(state).toBe('error')
  })

  it('are listed with what they take, and refused when they are none', async () => {
    const { troubles } = (await send('/_account/troubles')).body
    expect(troubles).toContainEqual(expect.objectContaining({ name: 'stickDetach', takes: ['volumeId'] }))
    expect((await post('/_account/troubles', { name: 'meteor' })).status).toBe(404)
    const without = await post('/_account/troubles', { name: 'stickDetach' })
    expect(without.body.error).toMatch(/volumeId/)
    const nowhere = await post('/_account/troubles', { name: 'stickDetach', volumeId: 'vol-1', region: 'eu-nowhere-1' })
    expect(nowhere.body.error).toMatch(/There is no Region/)
    const missing = await post('/_account/troubles', { name: 'impair', instanceId: 'i-0123456789abcdef0' })
    expect(missing.body.error).toMatch(/InvalidInstanceID.NotFound/)
  })
})

async function snapshotOf(VolumeId: string): Promise<{ state: string | undefined }> {
  const { SnapshotId = '' } = await client().send(new CreateSnapshotCommand({ VolumeId }))
  await account.clock.advance(600_000)
  const { Snapshots } = await client().send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))
  return { state: Snapshots?.[0]?.State }
}

it('shows the buckets of throttling', async () => {
  await client().send(new DescribeVolumesCommand({ MaxResults: 5 }))
  const { buckets } = (await send('/_account/throttling')).body
  expect(buckets).toContainEqual(expect.objectContaining({ bucket: 'ec2:DescribeVolumes', capacity: 100 }))
})

it('kills no guest that does not run', async () => {
  expect((await post('/_account/kill', { instanceId: 'i-1' })).status).toBe(404)
})

describe('whoever is not meant to be here', () => {
  it.each([
    ['asks for another host, as a rebound name does', { host: 'evil.example' }, 403],
    ['is a page of a browser', { origin: 'http://evil.example' }, 403],
    ['is a page that hides its origin', { 'sec-fetch-site': 'cross-site' }, 403],
  ])('%s: is refused', async (_, headers, status) => {
    const sent = { method: 'POST', body: { on: 'call', effect: { kind: 'throttle' } }, headers }
    expect((await send('/_account/faults', sent)).status).toBe(status)
    expect(account.faults.planned).toEqual([])
  })

  it('sends no JSON: is refused, for a form needs no leave to be sent across sites', async () => {
    const headers = { 'content-type': 'text/plain' }
    expect((await send('/_account/faults', { method: 'POST', body: '{}', headers })).status).toBe(415)
  })

  it('asks for what is not there: is told what there is', async () => {
    expect((await send('/_account/nothing')).status).toBe(404)
    expect((await send('/_account/clock', { method: 'DELETE' })).status).toBe(405)
    expect((await send('/_account')).body.resources).toContain('POST /_account/faults')
    expect(account.faults.planned).toEqual([])
  })
})

describe('a clock of a speed', () => {
  it('is sped up and jumps over a day, running on the way what was due', async () => {
    const clock = scaledClock(START_MS, 1)
    const ran: number[] = []
    const note = (): void => void ran.push(Math.round((clock.now() - START_MS) / 3_600_000))
    clock.after(20 * 3_600_000, note, { background: true })
    clock.after(10 * 3_600_000, () => {
      note()
      clock.after(5 * 3_600_000, note)
    })
    await clock.advance(86_400_000)
    expect(ran).toEqual([10, 15, 20])
    clock.setFactor?.(3600)
    expect(clock.factor).toBe(3600)
    const before = clock.now()
    await new Promise((done) => clock.after(60_000, () => done(undefined)))
    expect(clock.now() - before).toBeGreaterThanOrEqual(60_000)
    clock.stop()
  })
})

const nowhere = (): never => {
  throw new Error('nowhere')
}

it('dies by its own hand, after it has answered', async () => {
  let isDead = false
  const clock = manualClock(START_MS)
  const options: ControlOptions = {
    clock,
    faults: new Faults(),
    throttling: createThrottling({ clock }),
    place: nowhere,
    die: () => (isDead = true),
  }
  const control = createControl(options)
  const server = createServer((message, response) => void control(message, response))
  await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`http://127.0.0.1:${port}/_account/kill`, { method: 'POST', body: '{}', headers })
  expect([answer.status, isDead]).toEqual([200, true])
  server.close()
})
