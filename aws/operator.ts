import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { Runs } from '../core/ports.ts'
import { calling } from './calling.ts'
import { awsClients } from './clients.ts'
import { deployedCopying, type DeployedCopying } from './deployed-copying.ts'
import { awsPorts, type AwsPorts } from './ports.ts'
import { requireRegion } from './region.ts'
import { sfnRuns } from './runs.ts'

/** A deployment of Tandem as its operator sees it, with whatever rights the operator's own credentials give. */
export interface Operator extends AwsPorts {
  readonly runs: Runs
  /** Throws AccessDenied. */
  readonly copying: () => Promise<DeployedCopying>
  readonly account: string
  readonly region: string
  readonly deployment: string
}

/**
 * Finds a deployment by its name: every name in it is fixed (cdk/names.ts). That it is there shows when it is used. Throws
 * InvalidInput when no Region is set, and AccessDenied when there are no valid credentials.
 */
export async function awsOperator(deployment: string): Promise<Operator> {
  const sts = new STSClient({})
  const region = await requireRegion(sts)
  const { Account: account = '', Arn: arn = '' } = await calling(
    { operation: 'GetCallerIdentity', subject: 'your credentials' },
    () => sts.send(new GetCallerIdentityCommand({})),
  )
  const partition = arn.split(':')[1] ?? 'aws'
  const clients = awsClients()
  const runs = sfnRuns(
    clients.sfn,
    (workflow) => `arn:${partition}:states:${region}:${account}:stateMachine:${deployment}-${workflow}`,
  )
  const bucket = `${deployment}-reports-${account}-${region}`
  const ports = awsPorts({ table: `${deployment}-catalog`, bucket }, clients)
  return { ...ports, runs, copying: () => deployedCopying(deployment), account, region, deployment }
}
