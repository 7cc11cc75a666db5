import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { Runs } from '../core/ports.ts'
import { calling } from './calling.ts'
import { awsClients } from './clients.ts'
import { awsPorts, type AwsPorts } from './ports.ts'
import { sfnRuns } from './runs.ts'

/** A deployment of Tandem as its operator sees it, with whatever rights the operator's own credentials give. */
export interface Operator extends AwsPorts {
  readonly runs: Runs
  readonly account: string
  readonly region: string
  readonly deployment: string
}

/**
 * Finds a deployment by its name: every name in it is fixed (cdk/names.ts). Throws AccessDenied when there are no valid
 * credentials.
 */
export async function awsOperator(deployment: string): Promise<Operator> {
  const sts = new STSClient({})
  const { Account: account = '', Arn: arn = '' } = await calling(
    { operation: 'GetCallerIdentity', subject: 'your credentials' },
    () => sts.send(new GetCallerIdentityCommand({})),
  )
  const region = await sts.config.region()
  const partition = arn.split(':')[1] ?? 'aws'
  const runs = sfnRuns(
    awsClients().sfn,
    (workflow) => `arn:${partition}:states:${region}:${account}:stateMachine:${deployment}-${workflow}`,
  )
  return { ...awsPorts({ table: `${deployment}-catalog` }), runs, account, region, deployment }
}
