import { describeChild } from '../descriptions.ts'
import type { Child } from '../engine.ts'
import { StateFailure } from '../failure.ts'
import type { MapRun } from '../map-runs.ts'
import type { Thread } from '../thread.ts'

type Entry = Readonly<Record<string, unknown>>

/** A child as it stands in a result file. */
export const entryOf = (child: Child): Entry => ({
  ...describeChild(child, true),
  StartDate: new Date(child.startedAtMs).toISOString(),
  ...(child.endedAtMs === undefined ? {} : { StopDate: new Date(child.endedAtMs).toISOString() }),
})

/** An item whose turn never came. */
const pendingEntry = (input: unknown): Entry => ({
  Input: JSON.stringify(input),
  InputDetails: { Included: true },
  Status: 'PENDING',
})

/**
 * Writes SUCCEEDED_0.json, FAILED_0.json and PENDING_0.json, each only if it has entries, and manifest.json, which names them.
 * Returns the output of the Map. Throws States.ResultWriterFailed.
 */
export async function writeResults(
  thread: Thread,
  run: MapRun,
  children: readonly Child[],
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
): Promise<unknown> {
  const folder = `${prefix === '' ? '' : `${prefix.replace(/\/$/, '')}/`}${run.arn.split(':').at(-1) ?? ''}`
  const succeeded = children.filter((child) => child.status === 'SUCCEEDED')
  const failed = children.filter((child) => child.status !== 'SUCCEEDED')
  const entries = {
    FAILED: failed.map(entryOf),
    PENDING: run.inputs.slice(children.length).map(pendingEntry),
    SUCCEEDED: succeeded.map(entryOf),
  }
  const permit = (key: string): void =>
    thread.engine.permit(thread.execution, 's3:PutObject', `arn:aws:s3:::${bucket}/${key}`)
  const put = async (name: string, content: unknown): Promise<{ Key: string; Size: number }> => {
    const body = Buffer.from(JSON.stringify(content))
    const key = `${folder}/${name}`
    permit(key)
    await thread.engine.objects.write(bucket, key, body)
    return { Key: key, Size: body.byteLength }
  }
  const manifest = await thread.io(async () => {
    try {
      const files: Record<string, unknown[]> = {}
      for (const [kind, list] of Object.entries(entries))
        files[kind] = list.length === 0 ? [] : [await put(`${kind}_0.json`, list)]
      return await put('manifest.json', { DestinationBucket: bucket, MapRunArn: run.arn, ResultFiles: files })
    } catch (error) {
      throw new StateFailure('States.ResultWriterFailed', error instanceof Error ? error.message : String(error))
    }
  })
  run.resultsWrittenCount = children.length
  return { MapRunArn: run.arn, ResultWriterDetails: { Bucket: bucket, Key: manifest.Key } }
}
