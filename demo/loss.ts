import { DeleteItemCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { DeleteSnapshotCommand, paginateDescribeSnapshots } from '@aws-sdk/client-ec2'
import type { Account } from '../local/account.ts'
import type { Fleet } from './machines.ts'
import { STACK } from './synthesize.ts'

/** The disaster that vaults are for: what Tandem made is gone, but for the vaults. */

/** A deleted snapshot, and what its deletion waits for, is gone by then. */
const DELETION_MS = 5 * 60_000

export interface Loss {
  readonly snapshotCount: number
  readonly itemCount: number
}

/** Deletes all snapshots that Tandem made, and all items of its catalog. */
export async function loseAllButVaults(account: Account, fleet: Fleet): Promise<Loss> {
  const loss = { snapshotCount: await deleteSnapshots(fleet), itemCount: await emptyCatalog(account) }
  await account.clock.sleep(DELETION_MS)
  return loss
}

async function deleteSnapshots(fleet: Fleet): Promise<number> {
  const ours = { Filters: [{ Name: 'tag:tandem:owner', Values: [STACK] }] }
  let count = 0
  await fleet.call(async () => {
    for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: fleet.ec2 }, ours))
      for (const { SnapshotId } of Snapshots) {
        await fleet.ec2.send(new DeleteSnapshotCommand({ SnapshotId }))
        count += 1
      }
  })
  return count
}

async function emptyCatalog({ endpoint, region, credentials, clock }: Account): Promise<number> {
  const client = new DynamoDBClient({ endpoint, region, credentials })
  const TableName = `${STACK}-catalog`
  let count = 0
  await clock.holding(async () => {
    for await (const { Items = [] } of paginateScan({ client }, { TableName }))
      for (const { pk, sk } of Items)
        if (pk && sk) {
          await client.send(new DeleteItemCommand({ TableName, Key: { pk, sk } }))
          count += 1
        }
  })
  client.destroy()
  return count
}
