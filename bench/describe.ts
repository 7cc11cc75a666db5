/**
 * How many describe calls one process of the embedded account answers: one account, its server on one core, load from a
 * second process over connections that are kept. Signatures are verified; requests are signed once, beforehand.
 */
import {
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
  waitUntilInstanceRunning,
} from '@aws-sdk/client-ec2'
import { execFile } from 'node:child_process'
import { cpus } from 'node:os'
import { promisify } from 'node:util'

import { startAccount } from '../local/account.ts'
import type { Load, LoadResult } from './load.ts'

const CONNECTIONS = 8
const SECONDS = Number(process.argv[2] ?? 4)

const account = await startAccount({ limits: 'none' })
const { endpoint, region, port } = account
const configuration = { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
const client = new EC2Client(configuration)

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** A call as bytes, signed by the SDK. */
async function requestOf(send: (client: EC2Client) => Promise<unknown>): Promise<string> {
  const sent = Promise.withResolvers<Sent>()
  const capture = {
    handle: (request: Sent): Promise<never> => {
      sent.resolve(request)
      return Promise.reject(new Error('captured'))
    },
  }
  await send(new EC2Client({ ...configuration, requestHandler: capture, maxAttempts: 1 })).catch(() => {})
  const { method, path, headers, body = '' } = await sent.promise
  const all: Record<string, string> = { ...headers, 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`).toString('base64')
}

async function measure(
  name: string,
  warmUpCalls: number,
  send: (client: EC2Client) => Promise<unknown>,
): Promise<void> {
  const request = await requestOf(send)
  const load = async (seconds: number, minAnswers: number): Promise<LoadResult> => {
    const argument: Load = { port, request, connections: CONNECTIONS, seconds, minAnswers }
    const script = new URL('load.ts', import.meta.url).pathname
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(argument)])
    return JSON.parse(stdout) as LoadResult
  }
  await load(1, warmUpCalls)
  const before = process.cpuUsage()
  const { answers, refusals, seconds, answerBytes } = await load(SECONDS, 0)
  const { user, system } = process.cpuUsage(before)
  const cpuSeconds = (user + system) / 1_000_000
  const rate = Math.round(answers / seconds)
  console.log(
    `${name}: ${rate} requests/s (${Math.round(answers / cpuSeconds)} per CPU second of the server), ` +
      `answer of ${answerBytes} bytes${refusals > 0 ? `, ${refusals} REFUSED` : ''}`,
  )
}

const ImageId = 'ami-0123456789abcdef0'
account.ec2.registerImage({ imageId: ImageId, rootDeviceName: '/dev/sda1', rootDeviceType: 'ebs', rootSizeGiB: 1 })
const launch = (count: number) =>
  client.send(new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: count, MaxCount: count }))
const volume = await client.send(new CreateVolumeCommand({ AvailabilityZone: `${region}a`, Size: 8 }))

console.log(`Node.js ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'} × ${cpus().length}`)
console.log(`${CONNECTIONS} connections, ${SECONDS} s each after a warm-up, signatures verified`)
const VolumeIds = [volume.VolumeId ?? '']
await measure('DescribeVolumes of one id', 5000, (to) => to.send(new DescribeVolumesCommand({ VolumeIds })))
const { Instances: [first] = [] } = await launch(1)
for (let index = 0; index < 9; index += 1) await launch(11)
await waitUntilInstanceRunning({ client, maxWaitTime: 120 }, {})
const InstanceIds = [first?.InstanceId ?? '']
await measure('DescribeInstances of one id', 5000, (to) => to.send(new DescribeInstancesCommand({ InstanceIds })))
await measure('DescribeInstances of 100 machines', 100, (to) => to.send(new DescribeInstancesCommand({})))
await account.close()
process.exit()
