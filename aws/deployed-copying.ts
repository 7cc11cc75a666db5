import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { DeployedCopies, DeployedVaults } from '../core/contracts/policies.ts'
import { calling } from './calling.ts'
import { parseDeployedCopies, parseDeployedVaults } from './environment.ts'

/** What a deployment copies, and where to. */
export interface DeployedCopying {
  readonly copyRules: DeployedCopies
  readonly places: DeployedVaults
}

/**
 * As the Lambda that plans copies is told it: who looks at a deployment sees the policies that are deployed, and not a file. Throws
 * AccessDenied; ResourceNotFoundException is the cause when there is no such deployment.
 */
export async function deployedCopying(deployment: string, lambda = new LambdaClient({})): Promise<DeployedCopying> {
  const FunctionName = `${deployment}-plan-copy`
  const { Environment } = await calling({ operation: 'GetFunctionConfiguration', subject: FunctionName }, () =>
    lambda.send(new GetFunctionConfigurationCommand({ FunctionName })),
  )
  const { COPY_RULES = '{}', VAULTS = '{}' } = Environment?.Variables ?? {}
  return { copyRules: parseDeployedCopies(COPY_RULES), places: parseDeployedVaults(VAULTS) }
}
