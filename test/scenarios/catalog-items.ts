import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { STACK } from '../../demo/synthesize.ts'
import type { World } from './world.ts'

export type CatalogItem = Readonly<Record<string, unknown>>

const keyOf = ({ pk, sk }: CatalogItem): string => `${String(pk)}/${String(sk)}`

/** Every item of the catalog's table, sorted by key. */
export function catalogItems({ account, fleet }: World): Promise<CatalogItem[]> {
  const { endpoint, region, credentials } = account
  return fleet.call(async () => {
    const client = new DynamoDBClient({ endpoint, region, credentials })
    const items: CatalogItem[] = []
    for await (const { Items = [] } of paginateScan(
      { client },
      { TableName: `${STACK}-catalog`, ConsistentRead: true },
    ))
      items.push(...Items.map((item) => unmarshall(item)))
    client.destroy()
    return items.toSorted((one, other) => keyOf(one).localeCompare(keyOf(other)))
  })
}
