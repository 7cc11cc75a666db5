import type * as z from 'zod'
import { TandemError } from './errors.ts'

/** `path: message` of everything that is wrong with a value, e.g. `policies.nightly.schedule: not a schedule; …`. */
export function faultsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join('.')
    // Of a wrong key zod says only that it is one; what the key should look like stands within.
    const message = issue.code === 'invalid_key' ? issue.issues.map((inner) => inner.message).join(', ') : issue.message
    return path ? `${path}: ${message}` : message
  })
}

/**
 * The input of an execution as somebody typed it into the console. Throws InvalidInput, which names each wrong field and
 * shows an input that would do.
 */
export function parseRequest<Schema extends z.ZodType>(
  schema: Schema,
  request: unknown,
  example: string,
): z.output<Schema> {
  const parsed = schema.safeParse(request)
  if (parsed.success) return parsed.data
  throw new TandemError(
    'InvalidInput',
    `The input of the execution is not valid: ${faultsOf(parsed.error).join('; ')}. Expected e.g. ${example}`,
  )
}
