import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2'
import type { RequestListener } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { calling } from '../../aws/calling.ts'
import { TandemError, type ErrorName } from '../../core/errors.ts'
import { startAnswers, type Answers } from './http-answers.ts'

/** A real client against a server that answers as told: what the SDK makes of an answer is part of what is tested. */
let server: Answers | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function listen(answer: RequestListener): Promise<string> {
  server = await startAnswers(answer)
  return server.endpoint
}

const answering = (status: number, body: string) =>
  listen((_request, response) => response.writeHead(status, { 'content-type': 'text/xml' }).end(body))

const clientOf = (endpoint: string): EC2Client =>
  new EC2Client({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
    maxAttempts: 1,
  })

const refusal = (code: string): string =>
  `<Response><Errors><Error><Code>${code}</Code><Message>Because.</Message></Error></Errors><RequestID>r-1</RequestID></Response>`

const call = (endpoint: string, meaning: Readonly<Record<string, ErrorName>> = {}) =>
  calling({ operation: 'DescribeVolumes', subject: 'vol-1', meaning }, () =>
    clientOf(endpoint).send(new DescribeVolumesCommand({})),
  )

describe("EC2's error codes in our words", () => {
  test.each<[string, number, ErrorName]>([
    ['RequestLimitExceeded', 503, 'AwsThrottled'],
    ['EC2ThrottledException', 503, 'AwsThrottled'],
    ['SnapshotCreationPerVolumeRateExceeded', 400, 'AwsThrottled'],
    ['ConcurrentSnapshotLimitExceeded', 400, 'AwsThrottled'],
    ['ConcurrentTagAccess', 400, 'AwsThrottled'],
    ['SomethingNew', 429, 'AwsThrottled'],
    ['InternalError', 500, 'AwsUnavailable'],
    ['Unavailable', 503, 'AwsUnavailable'],
    ['UnauthorizedOperation', 403, 'AccessDenied'],
    ['AuthFailure', 401, 'AccessDenied'],
    ['InvalidInstanceID.NotFound', 400, 'MachineNotFound'],
    ['InvalidInstanceID.Malformed', 400, 'InvalidInput'],
    ['InvalidVolume.NotFound', 400, 'VolumeMissing'],
    ['InvalidSnapshot.NotFound', 400, 'SnapshotMissing'],
    ['InsufficientInstanceCapacity', 500, 'NoCapacity'],
    ['VolumeLimitExceeded', 400, 'QuotaExceeded'],
    ['VcpuLimitExceeded', 400, 'QuotaExceeded'],
    ['NotImplemented', 501, 'UnexpectedAwsError'],
    ['SomethingNew', 400, 'UnexpectedAwsError'],
  ])('%s, %i: %s', async (code, status, name) => {
    const endpoint = await answering(status, refusal(code))
    await expect(call(endpoint)).rejects.toMatchObject({
      name,
      message: expect.stringMatching(new RegExp(`^DescribeVolumes of vol-1 failed: ${code}: `)),
    })
  })

  test('a caller may mean something else by a code', async () => {
    const endpoint = await answering(400, refusal('IncorrectState'))
    await expect(call(endpoint, { IncorrectState: 'DisksStillMoving' })).rejects.toMatchObject({
      name: 'DisksStillMoving',
    })
  })
})

describe('a call of which it is not known whether it did its work is AwsUnavailable', () => {
  test('when nobody listens', async () => {
    const endpoint = await answering(200, '')
    await server?.close()
    await expect(call(endpoint)).rejects.toMatchObject({ name: 'AwsUnavailable', cause: expect.any(Error) })
  })

  test('when the connection breaks before the answer', async () => {
    const endpoint = await listen((request) => request.socket.destroy())
    await expect(call(endpoint)).rejects.toMatchObject({ name: 'AwsUnavailable' })
  })

  test('when the connection breaks within a good answer', async () => {
    const endpoint = await listen((request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/xml', 'content-length': '1000' })
        .write('<DescribeVolumesResponse>')
      setImmediate(() => request.socket.destroy())
    })
    await expect(call(endpoint)).rejects.toMatchObject({ name: 'AwsUnavailable' })
  })

  test('when a good answer cannot be read', async () => {
    const endpoint = await answering(200, '<DescribeVolumesResponse><volumeSet>')
    await expect(call(endpoint)).rejects.toMatchObject({ name: 'AwsUnavailable' })
  })
})

test('an error of ours passes as it is', async () => {
  const ours = new TandemError('VolumeMissing', 'gone')
  await expect(calling({ operation: 'X', subject: 'y' }, () => Promise.reject(ours))).rejects.toBe(ours)
})
