import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { BucketLocationConstraint, PutObjectCommandInput } from '@aws-sdk/client-s3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createIdentities } from '../../local/identities.ts'
import { createS3 } from '../../local/s3/s3.ts'
import type { S3, S3Options } from '../../local/s3/s3.ts'
import { startWireServer } from '../../local/wire/server.ts'

export const REGION = 'eu-west-1'
export const START_MS = Date.parse('2026-03-01T00:00:00.250Z')
export const MEBIBYTE_BYTES = 1024 * 1024
export const ACCOUNT_ID = '111122223333'
/** A bucket that is there from the start. */
export const Bucket = 'vault'

/** S3 alone behind a wire server. */
export interface S3Account {
  readonly s3: S3
  readonly clock: Clock
  readonly directory: string
  readonly endpoint: string
  readonly client: S3Client
  /** Twelve digits as a key are another account's administrator. */
  clientOf(accessKeyId: string, region?: string): S3Client
  create(name: string, more?: { region?: string; lock?: boolean }): Promise<unknown>
  put(Key: string, Body: PutObjectCommandInput['Body'], more?: Partial<PutObjectCommandInput>): Promise<PutAnswer>
  get(Key: string, Range?: string): Promise<GetAnswer>
  close(): Promise<void>
}

type PutAnswer = Awaited<ReturnType<typeof putIn>>
type GetAnswer = Awaited<ReturnType<typeof getFrom>>

const putIn = (client: S3Client, input: PutObjectCommandInput) => client.send(new PutObjectCommand(input))

async function getFrom(client: S3Client, Key: string, Range?: string) {
  const answer = await client.send(new GetObjectCommand({ Bucket, Key, Range }))
  return { ...answer, text: await answer.Body?.transformToString() }
}

export async function startS3(options: Partial<S3Options> = {}): Promise<S3Account> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 's3-'))
  const clock = manualClock(START_MS)
  const s3 = createS3({ clock, directory, findKey: (keyId) => keyId, ...options })
  const { identify } = createIdentities({ accountId: ACCOUNT_ID })
  const server = await startWireServer({
    services: [s3.service],
    servicesAt: () => [s3.service],
    identify,
    region: REGION,
    faults: new Faults(),
    clock,
  })
  const clients: S3Client[] = []
  const clientOf = (accessKeyId: string, region = REGION): S3Client => {
    const client = new S3Client({
      endpoint: server.endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey: 'test' },
      maxAttempts: 1,
    })
    clients.push(client)
    return client
  }
  const client = clientOf('test')
  const create: S3Account['create'] = (name, { region = REGION, lock } = {}) =>
    clientOf('test', region).send(
      new CreateBucketCommand({
        Bucket: name,
        CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint },
        ...(lock ? { ObjectLockEnabledForBucket: true } : {}),
      }),
    )
  await create(Bucket)
  return {
    s3,
    clock,
    directory,
    endpoint: server.endpoint,
    client,
    clientOf,
    create,
    put: (Key, Body, more = {}) => putIn(client, { Bucket, Key, Body, ...more }),
    get: (Key, Range) => getFrom(client, Key, Range),
    async close() {
      for (const each of clients) each.destroy()
      await server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Code and status of a refused call. */
export async function refusal(call: Promise<unknown>): Promise<[string, number | undefined]> {
  try {
    await call
  } catch (error) {
    const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
    return [name, $metadata?.httpStatusCode]
  }
  throw new Error('The call was not refused.')
}
