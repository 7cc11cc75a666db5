import { AwsError } from '../wire/service.ts'
import { UNSUPPORTED_FIELDS } from './fields.ts'

export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** For what AWS runs and this interpreter does not. */
export const notImplemented = (what: string, path: string): AwsError =>
  new AwsError('NotImplemented', `${what} at ${path} is not implemented.`, { status: 501 })

/** What is wrong with a definition. */
export class Problems {
  readonly #found: string[] = []

  add(code: string, message: string, path: string): void {
    this.#found.push(`${code}: ${message} at ${path || '/'}`)
  }

  schema(message: string, path: string): void {
    this.add('SCHEMA_VALIDATION_FAILED', message, path)
  }

  /** Throws NotImplemented for a field that AWS knows. */
  fields(value: Json, allowed: readonly string[], path: string): void {
    for (const field of Object.keys(value).filter((key) => !allowed.includes(key))) {
      if (UNSUPPORTED_FIELDS.includes(field)) throw notImplemented(field, `${path}/${field}`)
      this.schema(`Field '${field}' is not supported`, `${path}/${field}`)
    }
  }

  /** Throws InvalidDefinition. */
  throwIfAny(): void {
    if (this.#found.length > 0)
      throw new AwsError('InvalidDefinition', `Invalid State Machine Definition: '${this.#found.join(', ')}'`)
  }
}
