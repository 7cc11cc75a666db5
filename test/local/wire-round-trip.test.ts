import type { NormalizedSchema } from '@smithy/core/schema'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'

import type { OperationModel } from '../../local/wire/model.ts'
import { plain, RandomValues } from './random-values.ts'
import type { Omits } from './random-values.ts'
import { CLIENTS, collected, connect, operationsOf } from './wire-connection.ts'
import type { Command, Connection } from './wire-connection.ts'

const SEED = 20_261_124
/** More runs find more; the fixed seed makes the usual run repeat exactly. */
const RUNS = Number(process.env['ROUND_TRIP_RUNS'] ?? 1)

/** What does not come through unchanged, and why that is no fault of the server. */
interface Exception {
  readonly service: string
  /** All that have the member unless told. */
  readonly operation?: string
  /** What is not made and not compared; the whole operation unless told. */
  readonly member?: RegExp
  readonly cause: string
}

const EXCEPTIONS: readonly Exception[] = [
  { service: 'sts', operation: 'AssumeRoleWithSAML', cause: 'not signed: nothing says which service is meant' },
  { service: 'sts', operation: 'AssumeRoleWithWebIdentity', cause: 'not signed: nothing says which service is meant' },
  { service: 's3', operation: 'ListDirectoryBuckets', cause: 'has the path of ListBuckets, and a host of its own' },
  { service: 's3', operation: 'WriteGetObjectResponse', cause: 'is about no bucket, and has a host of its own' },
  { service: 's3', operation: 'CreateBucket', member: /^CreateBucketConf/, cause: 'the client adds its Region' },
  { service: 's3', member: /^(CopySource)?SSECustomerKey$/, cause: 'the client encodes it' },
  { service: 's3', member: /^(CopySource)?SSECustomerKeyMD5$/, cause: 'the client computes it' },
  { service: 's3', member: /^ContentMD5$/, cause: 'a random digest is not that of the body' },
  { service: 's3', member: /^ChecksumAlgorithm$/, cause: 'the client names the one that it computes' },
  { service: 's3', operation: 'PutObject', member: /^Checksum/, cause: 'a random checksum is not that of the body' },
  { service: 's3', operation: 'UploadPart', member: /^Checksum/, cause: 'a random checksum is not that of the body' },
  { service: 's3', operation: 'PutObjectAnnotation', member: /^Checksum/, cause: 'random is not that of the body' },
  { service: 's3', operation: 'PutObject', member: /^ContentLength$/, cause: 'the client measures the body' },
  { service: 's3', operation: 'PutObject', member: /^ContentType$/, cause: 'the client names one' },
  { service: 's3', operation: 'UploadPart', member: /^ContentLength$/, cause: 'the client measures the body' },
  { service: 's3', member: /^Expires(String)?$/, cause: 'the client makes two members of one header' },
]

/** What a set of exceptions leaves out of an operation. */
const omitsOf =
  (exceptions: readonly Exception[], operation: string): Omits =>
  (name) =>
    exceptions.some(
      (exception) => (exception.operation ?? operation) === operation && exception.member?.test(name) === true,
    )

const make = (values: RandomValues, schema: NormalizedSchema): Record<string, unknown> =>
  schema.isUnitSchema() ? {} : values.structure(schema)

/** Sends a random input and answers a random output; what arrived differently, or nothing. */
async function difference(
  { sdk, client, script, enumerations }: Connection,
  operation: OperationModel,
  seed: number,
  omits: Omits,
): Promise<string | undefined> {
  const Command = sdk[`${operation.name}Command`] as Command
  const values = new RandomValues(seed, omits, enumerations)
  const input = make(values, operation.input)
  if ('Bucket' in input) input['Bucket'] = 'bucket'
  const output = make(values, operation.output)
  Object.assign(script, { seen: undefined, answer: output })
  let answer: unknown
  try {
    answer = await collected(await client.send(new Command(structuredClone(input))))
  } catch (error) {
    return `${String(error)} for ${JSON.stringify(plain(input))} and ${JSON.stringify(plain(output))}`
  }
  const { seen } = script
  if (seen?.operation !== operation.name) return `was routed to ${String(seen?.operation)}`
  const isSame = (sent: unknown, came: unknown) => isDeepStrictEqual(plain(came, omits), plain(sent, omits))
  if (!isSame(input, seen.input)) return differing('input', input, seen.input)
  return isSame(output, answer) ? undefined : differing('output', output, answer)
}

const differing = (what: string, sent: unknown, came: unknown): string =>
  `${what} ${JSON.stringify(plain(sent))} came as ${JSON.stringify(plain(came))}`

/** Whether an exception is one: that without it something does come through differently. */
async function isNeeded(connection: Connection, exceptions: readonly Exception[], lifted: Exception): Promise<boolean> {
  const others = exceptions.filter((exception) => exception !== lifted)
  const concerned = operationsOf(connection).filter(({ name }) => name === (lifted.operation ?? name))
  for (let run = 0; run < 5; run += 1) {
    for (const operation of concerned) {
      if (isSkipped(others, operation)) continue
      if (await difference(connection, operation, SEED + run, omitsOf(others, operation.name))) return true
    }
  }
  return false
}

const isSkipped = (exceptions: readonly Exception[], { name }: OperationModel): boolean =>
  exceptions.some(({ operation, member }) => operation === name && !member)

describe('every operation of', () => {
  it.each(CLIENTS)('%s brings any input to the service and any output back, unchanged', async (module, clientName) => {
    const connection = await connect(module, clientName)
    const exceptions = EXCEPTIONS.filter(({ service }) => service === module)
    const failures: string[] = []
    for (const operation of operationsOf(connection)) {
      if (isSkipped(exceptions, operation)) continue
      for (let run = 0; run < RUNS; run += 1) {
        const failure = await difference(connection, operation, SEED + run, omitsOf(exceptions, operation.name))
        if (!failure) continue
        failures.push(`${operation.name} with seed ${SEED + run}: ${failure}`)
        break
      }
    }
    expect(failures).toEqual([])
    for (const exception of exceptions) {
      expect([exception, await isNeeded(connection, exceptions, exception)]).toEqual([exception, true])
    }
  })
})
