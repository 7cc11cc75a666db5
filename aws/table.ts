import {
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  type AttributeValue,
  type TransactWriteItem,
  type UpdateItemCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { TABLE } from '../core/contracts/table.ts'
import { TandemError } from '../core/errors.ts'
import { calling, codeOf } from './calling.ts'

export type Item = Readonly<Record<string, unknown>>

export interface Key {
  readonly pk: string
  readonly sk: string
}

/** A condition with its values: `state = :from`. Attribute names are used as they are, so reserved words need `#`. */
export interface Condition {
  readonly expression: string
  readonly names?: Readonly<Record<string, string>>
  readonly values?: Readonly<Record<string, unknown>>
}

export interface QueryOptions {
  readonly prefix?: string
  readonly newestFirst?: boolean
  readonly limit?: number
  readonly after?: Key
}

/** One page of a query; `next` is where the following one starts. */
export interface Page {
  readonly items: readonly Item[]
  readonly next?: Key
}

/** The catalog's table in JavaScript values: conditions that fail are answers here, not errors. Reads are consistent. */
export interface Table {
  readonly name: string
  get(key: Key): Promise<Item | undefined>
  put(key: Key, item: Item, condition?: Condition): Promise<boolean>
  update(key: Key, expression: string, condition: Condition): Promise<boolean>
  delete(key: Key, condition?: Condition): Promise<boolean>
  /** All or none; the index of the first write whose condition failed, or `done`. */
  transact(writes: readonly Write[]): Promise<'done' | number>
  query(partition: string, options?: QueryOptions): Promise<Page>
  queryIndex(index: keyof typeof TABLE.indexes, partition: string): AsyncIterable<readonly Item[]>
}

export type Write =
  | { readonly put: Key; readonly item: Item; readonly condition?: Condition }
  | { readonly update: Key; readonly expression: string; readonly condition: Condition }

const encode = (item: object) => marshall(item, { removeUndefinedValues: true })

const conditionOf = (condition: Condition | undefined) => ({
  ...(condition ? { ConditionExpression: condition.expression } : {}),
  ...(condition?.names ? { ExpressionAttributeNames: { ...condition.names } } : {}),
  ...(condition?.values ? { ExpressionAttributeValues: encode(condition.values) } : {}),
})

/** False when the condition failed. */
async function conditional(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return true
  } catch (error) {
    if (codeOf(error) === 'ConditionalCheckFailedException') return false
    throw error
  }
}

export function dynamodbTable(client: DynamoDBClient, name: string): Table {
  const about = (key: Key): string => `${name} ${key.pk}/${key.sk}`
  const update = (
    key: Key,
    expression: string,
    condition: Condition,
  ): UpdateItemCommandInput & { UpdateExpression: string } => ({
    TableName: name,
    Key: encode(key),
    UpdateExpression: expression,
    ...conditionOf(condition),
  })
  return {
    name,
    async get(key) {
      const { Item: item } = await calling({ operation: 'GetItem', subject: about(key) }, () =>
        client.send(new GetItemCommand({ TableName: name, Key: encode(key), ConsistentRead: true })),
      )
      return item && unmarshall(item)
    },
    put: (key, item, condition) =>
      calling({ operation: 'PutItem', subject: about(key) }, () =>
        conditional(() =>
          client.send(
            new PutItemCommand({ TableName: name, Item: encode({ ...item, ...key }), ...conditionOf(condition) }),
          ),
        ),
      ),
    update: (key, expression, condition) =>
      calling({ operation: 'UpdateItem', subject: about(key) }, () =>
        conditional(() => client.send(new UpdateItemCommand(update(key, expression, condition)))),
      ),
    delete: (key, condition) =>
      calling({ operation: 'DeleteItem', subject: about(key) }, () =>
        conditional(() =>
          client.send(new DeleteItemCommand({ TableName: name, Key: encode(key), ...conditionOf(condition) })),
        ),
      ),
    transact: (writes) =>
      calling({ operation: 'TransactWriteItems', subject: name }, () =>
        transaction(
          client,
          writes.map((write) => toTransactItem(name, write, update)),
        ),
      ),
    query: (partition, options = {}) => queryPages(client, name, partition, options),
    queryIndex: (index, partition) => indexPages(client, name, index, partition),
  }
}

/** A page ends after 1 MB too: who gave no limit gets everything. */
async function queryPages(
  client: DynamoDBClient,
  name: string,
  partition: string,
  options: QueryOptions,
): Promise<Page> {
  const items: Item[] = []
  let after = options.after
  do {
    const page = await calling({ operation: 'Query', subject: `${name} ${partition}` }, () =>
      query(client, name, partition, { ...options, ...(after ? { after } : {}) }),
    )
    items.push(...page.items)
    after = page.next
  } while (after && options.limit === undefined)
  return after ? { items, next: after } : { items }
}

async function* indexPages(
  client: DynamoDBClient,
  name: string,
  index: keyof typeof TABLE.indexes,
  partition: string,
): AsyncIterable<readonly Item[]> {
  const { name: IndexName, partitionKey } = TABLE.indexes[index]
  let from: Record<string, AttributeValue> | undefined
  do {
    const answer = await calling({ operation: 'Query', subject: `${name} ${IndexName}` }, () =>
      client.send(
        new QueryCommand({
          TableName: name,
          IndexName,
          KeyConditionExpression: '#partition = :partition',
          ExpressionAttributeNames: { '#partition': partitionKey },
          ExpressionAttributeValues: encode({ ':partition': partition }),
          ExclusiveStartKey: from,
        }),
      ),
    )
    yield (answer.Items ?? []).map((item) => unmarshall(item))
    from = answer.LastEvaluatedKey
  } while (from)
}

async function query(
  client: DynamoDBClient,
  name: string,
  partition: string,
  { prefix, newestFirst, limit, after }: QueryOptions,
): Promise<Page> {
  const { Items, LastEvaluatedKey } = await client.send(
    new QueryCommand({
      TableName: name,
      ConsistentRead: true,
      KeyConditionExpression: prefix === undefined ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: encode({ ':pk': partition, ...(prefix === undefined ? {} : { ':prefix': prefix }) }),
      ScanIndexForward: !newestFirst,
      ...(limit === undefined ? {} : { Limit: limit }),
      ...(after ? { ExclusiveStartKey: encode(after) } : {}),
    }),
  )
  const items = (Items ?? []).map((item) => unmarshall(item))
  return LastEvaluatedKey ? { items, next: unmarshall(LastEvaluatedKey) as Key } : { items }
}

function toTransactItem(
  name: string,
  write: Write,
  update: (key: Key, expression: string, condition: Condition) => UpdateItemCommandInput & { UpdateExpression: string },
): TransactWriteItem {
  if ('put' in write)
    return { Put: { TableName: name, Item: encode({ ...write.item, ...write.put }), ...conditionOf(write.condition) } }
  return { Update: update(write.update, write.expression, write.condition) }
}

/** Why a transaction was given up although nothing is wrong with it; the SDK does not repeat it by itself (AWS facts E). */
const TEMPORARY_REASONS = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']

interface CancellationReason {
  readonly Code?: string
}

async function transaction(client: DynamoDBClient, items: TransactWriteItem[]): Promise<'done' | number> {
  try {
    await client.send(new TransactWriteItemsCommand({ TransactItems: items }))
    return 'done'
  } catch (error) {
    if (codeOf(error) !== 'TransactionCanceledException') throw error
    const reasons = (Reflect.get(error as object, 'CancellationReasons') ?? []) as CancellationReason[]
    const failed = reasons.findIndex(({ Code }) => Code === 'ConditionalCheckFailed')
    if (failed >= 0) return failed
    const busy = reasons.find(({ Code }) => Code && TEMPORARY_REASONS.includes(Code))
    if (busy)
      throw new TandemError('AwsThrottled', `The catalog could not take a transaction just now: ${busy.Code}.`, {
        cause: error,
      })
    throw error
  }
}
