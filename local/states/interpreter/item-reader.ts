import { AwsError } from '../../wire/service.ts'
import type { ItemReader, MapState } from '../definition.ts'
import { StateFailure } from '../failure.ts'
import type { Visit } from './visit.ts'

/** The list of a JSON object in S3. Throws States.ItemReaderFailed. */
export async function readItems(visit: Visit<MapState>, reader: ItemReader): Promise<readonly unknown[]> {
  const { bucket, key } = await placeOf(visit, reader)
  const { engine, execution } = visit.thread
  try {
    engine.permit(execution, 's3:GetObject', `arn:aws:s3:::${bucket}/${key}`)
  } catch (error) {
    throw error instanceof AwsError ? new StateFailure('States.ItemReaderFailed', error.message) : error
  }
  const body = await visit.thread.io(async () => engine.objects.read(bucket, key))
  if (!body) throw new StateFailure('States.ItemReaderFailed', `There is no object '${key}' in bucket '${bucket}'.`)
  const items = parse(body)
  const { MaxItems: limit } = reader.ReaderConfig
  return limit === undefined
    ? items
    : items.slice(0, await visit.evaluateNumber(limit, 'ItemReader/ReaderConfig/MaxItems'))
}

async function placeOf(visit: Visit<MapState>, reader: ItemReader): Promise<{ bucket: string; key: string }> {
  const args: Record<string, unknown> = Object(await visit.evaluate(reader.Arguments, 'ItemReader/Arguments'))
  const { Bucket: bucket, Key: key } = args
  if (typeof bucket !== 'string' || typeof key !== 'string')
    throw new StateFailure('States.ItemReaderFailed', 'ItemReader needs a Bucket and a Key.')
  return { bucket, key }
}

function parse(body: Uint8Array): unknown[] {
  let items: unknown
  try {
    items = JSON.parse(Buffer.from(body).toString())
  } catch (error) {
    throw new StateFailure('States.ItemReaderFailed', `The object is no JSON: ${String(error)}`)
  }
  if (!Array.isArray(items))
    throw new StateFailure('States.ItemReaderFailed', 'Attempting to map over non-iterable node.')
  return items
}
