import type * as z from 'zod'
import {
  deployedCopies,
  deployedPolicies,
  deployedVaults,
  type DeployedCopies,
  type DeployedPolicies,
  type DeployedVaults,
} from '../core/contracts/policies.ts'
import { deployedProxy, type DeployedProxy } from '../core/contracts/jobs.ts'
import { TandemError } from '../core/errors.ts'
import { faultsOf } from '../core/parse-request.ts'

/** The one place of the product that reads the environment. Throws ContractBroken with every variable that is missing. */
export function environment<Schema extends z.ZodType>(schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(process.env)
  if (parsed.success) return parsed.data
  throw new TandemError('ContractBroken', `The environment is not as deployed: ${faultsOf(parsed.error).join('; ')}`)
}

/** `POLICIES`, as the deployment wrote it. */
export const parseDeployedPolicies = (text: string): DeployedPolicies => deployedPolicies.parse(JSON.parse(text))

/** `COPY_RULES`, likewise. */
export const parseDeployedCopies = (text: string): DeployedCopies => deployedCopies.parse(JSON.parse(text))

/** `VAULTS`, likewise. */
export const parseDeployedVaults = (text: string): DeployedVaults => deployedVaults.parse(JSON.parse(text))

/** `PROXY`, likewise. */
export const parseDeployedProxy = (text: string): DeployedProxy => deployedProxy.parse(JSON.parse(text))
