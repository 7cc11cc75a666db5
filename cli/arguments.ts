/** Words of a command line that name something. Each throws InvalidInput for what cannot be such a name. */
import type * as z from 'zod'
import { machineId, pointId, policyName, vaultName } from '../core/contracts/identifiers.ts'
import { invalidInput } from './failure.ts'

function checked(schema: z.ZodType<string>, value: string): string {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalidInput(`"${value}" is ${parsed.error.issues.map(({ message }) => message).join('; ')}`)
}

export const checkedMachine = (value: string): string => checked(machineId, value)
export const checkedPoint = (value: string): string => checked(pointId, value)
export const checkedVault = (value: string): string => checked(vaultName, value)
export const checkedPolicy = (value: string): string => checked(policyName, value)

/** How blocks are moved, in the place of the planner's choice. */
export function checkedPath(value: string): 'direct' | 'proxy' {
  if (value === 'direct' || value === 'proxy') return value
  throw invalidInput(`--path ${value}: expected direct or proxy`)
}
