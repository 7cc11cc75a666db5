import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { dynamodbTable, type Key, type Table } from '../../aws/table.ts'
import { TABLE } from '../../core/contracts/table.ts'
import { startDynamodb } from '../../local/dynamodb/dynamodb.ts'

/** A DynamoDB with the catalog's table in it, as `cdk/` would build it. */
export interface CatalogTable {
  readonly table: Table
  /** Writes an item as it is, past every check: what a defect, an older version or a person's hand may leave. */
  write(key: Key, item: object): Promise<void>
  close(): Promise<void>
}

const keys = ({ partitionKey, sortKey }: { readonly partitionKey: string; readonly sortKey: string }) => [
  { AttributeName: partitionKey, KeyType: 'HASH' as const },
  { AttributeName: sortKey, KeyType: 'RANGE' as const },
]

export async function startCatalogTable(): Promise<CatalogTable> {
  const dynamodb = await startDynamodb()
  const { endpoint } = dynamodb
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' }
  const client = new DynamoDBClient({ endpoint, region: 'eu-west-1', credentials })
  const TableName = 'catalog'
  const indexes = Object.values(TABLE.indexes)
  const names = new Set([TABLE, ...indexes].flatMap(({ partitionKey, sortKey }) => [partitionKey, sortKey]))
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [...names].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: keys(TABLE),
      GlobalSecondaryIndexes: indexes.map((index) => ({
        IndexName: index.name,
        KeySchema: keys(index),
        Projection: { ProjectionType: 'ALL' },
      })),
    }),
  )
  return {
    table: dynamodbTable(client, TableName),
    write: async (key, item) => {
      await client.send(
        new PutItemCommand({ TableName, Item: marshall({ ...item, ...key }, { removeUndefinedValues: true }) }),
      )
    },
    async close() {
      client.destroy()
      await dynamodb.close()
    },
  }
}

/** Every page of a listing. */
export async function everything<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...page)
  return items
}
