import type { Copies, Proxies, WorkerPost } from '../core/copy-ports.ts'
import type {
  Catalog,
  Clock,
  Executions,
  Guests,
  Ledger,
  Locks,
  Machines,
  Reports,
  Snapshots,
  Volumes,
  Waits,
} from '../core/ports.ts'
import { dynamodbCatalog } from './catalog.ts'
import { awsClients } from './clients.ts'
import { systemClock } from './clock.ts'
import { dynamodbCopies } from './copies.ts'
import { sfnExecutions } from './executions.ts'
import { ssmGuests } from './guests.ts'
import { dynamodbLedger } from './ledger.ts'
import { dynamodbLocks } from './locks.ts'
import { ec2Machines } from './machines.ts'
import { ec2Proxies } from './proxies.ts'
import { s3Reports } from './reports.ts'
import { ebsSnapshots } from './snapshots.ts'
import { dynamodbTable } from './table.ts'
import { ec2Volumes } from './volumes.ts'
import { dynamodbWaits } from './waits.ts'
import { s3WorkerPost } from './worker-post.ts'

export interface AwsPorts {
  readonly machines: Machines
  readonly volumes: Volumes
  readonly snapshots: Snapshots
  readonly catalog: Catalog
  readonly locks: Locks
  readonly ledger: Ledger
  readonly waits: Waits
  readonly executions: Executions
  readonly guests: Guests
  readonly reports: Reports
  readonly copies: Copies
  readonly proxies: Proxies
  readonly post: WorkerPost
  readonly clock: Clock
}

/** Every port, on AWS. What needs a table or a bucket that is not given fails when it is used, by AWS's own word. */
export function awsPorts(
  { table: tableName = '-', bucket = '-' }: { table?: string; bucket?: string } = {},
  clients = awsClients(),
): AwsPorts {
  const volumes = ec2Volumes(clients)
  const table = dynamodbTable(clients.dynamodb, tableName)
  const executions = sfnExecutions(clients.sfn)
  return {
    volumes,
    executions,
    machines: ec2Machines(clients, volumes),
    snapshots: ebsSnapshots(clients),
    catalog: dynamodbCatalog(table),
    locks: dynamodbLocks(table, executions),
    ledger: dynamodbLedger(table),
    waits: dynamodbWaits(table),
    guests: ssmGuests(clients.ssm),
    reports: s3Reports(clients.s3, bucket),
    copies: dynamodbCopies(table),
    proxies: ec2Proxies(clients),
    post: s3WorkerPost(clients.s3, bucket),
    clock: systemClock,
  }
}
