import * as z from 'zod'
import { TandemError } from './errors.ts'

/** What the ResultWriter of a Distributed Map leaves behind (AWS facts C.3): a manifest, and files of child executions. */
const manifest = z.object({
  ResultFiles: z.object({
    SUCCEEDED: z.array(z.object({ Key: z.string() })).default([]),
    FAILED: z.array(z.object({ Key: z.string() })).default([]),
    PENDING: z.array(z.object({ Key: z.string() })).default([]),
  }),
})

const child = z.object({ Input: z.string().optional(), Error: z.string().optional(), Cause: z.string().optional() })
const children = z.array(child)
/** What `startExecution.sync` puts into Cause when the execution it started failed. */
const failedExecution = z.object({ Error: z.string(), Cause: z.string().optional() })

export interface ResultFiles {
  readonly succeeded: readonly string[]
  readonly failed: readonly string[]
}

/** Keys of the files with the children that ended well, and of those that did not (never started ones included). */
export function parseManifest(text: string, key: string): ResultFiles {
  const { ResultFiles: files } = read(manifest, text, key)
  return { succeeded: keys(files.SUCCEEDED), failed: [...keys(files.FAILED), ...keys(files.PENDING)] }
}

const keys = (list: readonly { Key: string }[]): string[] => list.map(({ Key }) => Key)

export const countChildren = (text: string, key: string): number => read(children, text, key).length

/** `i-…: ErrorName: cause` of each child, with the error of the run that it started rather than that of the Task around it. */
export function failuresOf(text: string, key: string): string[] {
  return read(children, text, key).map(({ Input, Error: error, Cause: cause }) => {
    const inner = failedExecution.safeParse(tryJson(cause))
    const { Error: name, Cause: why } = inner.success ? inner.data : { Error: error ?? 'not started', Cause: cause }
    return `${machineIn(Input)}: ${name}${why ? `: ${why}` : ''}`
  })
}

function machineIn(input: string | undefined): string {
  const parsed = z.object({ machine: z.string() }).safeParse(tryJson(input))
  return parsed.success ? parsed.data.machine : 'a machine'
}

function tryJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return undefined
  }
}

function read<Schema extends z.ZodType>(schema: Schema, text: string, key: string): z.output<Schema> {
  const parsed = schema.safeParse(tryJson(text))
  if (parsed.success) return parsed.data
  throw new TandemError('ContractBroken', `${key} is not what Step Functions writes: ${parsed.error.message}`)
}
