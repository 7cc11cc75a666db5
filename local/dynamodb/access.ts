/**
 * What IAM is asked before a request goes on to the table's server (Service Authorization Reference, Amazon DynamoDB). The
 * input is the request's own JSON, which that server has not checked yet: nothing of it is believed to be there.
 */
import { anyResource, request, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'

type Json = Readonly<Record<string, unknown>>

/** ARN of the customer's key that a table is encrypted with; undefined: a key of AWS's own, which nobody is asked about. */
export type KeyOfTable = (tableArn: string) => string | undefined

const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? { ...value } : {})
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(record) : [])

/** A table is named by its name or its ARN. */
function tableArn({ region, accountId }: Caller, name: unknown): string {
  const text = typeof name === 'string' ? name : '*'
  return text.startsWith('arn:') ? text : `arn:aws:dynamodb:${region}:${accountId}:table/${text}`
}

/** Reads of an index are reads of the index alone. */
function targetArn(caller: Caller, { TableName, IndexName }: Json): string {
  const arn = tableArn(caller, TableName)
  return typeof IndexName === 'string' ? `${arn}/index/${IndexName}` : arn
}

const ONE_TABLE = ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'Scan']
const OF_TABLE = [
  'CreateTable',
  'DeleteTable',
  'DescribeTable',
  'UpdateTable',
  'DescribeTimeToLive',
  'UpdateTimeToLive',
  'DescribeContinuousBackups',
  'UpdateContinuousBackups',
]
const OF_ARN = ['TagResource', 'UntagResource', 'ListTagsOfResource']
const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'])
/** Member of an item of a transaction → the action that it is. */
const TRANSACTION_ACTIONS: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
}

/** Data of a table needs the table's key: DynamoDB uses it in the caller's name. */
function keyAsks(caller: Caller, keyOf: KeyOfTable, arn: string, action: string): AccessRequest[] {
  const table = arn.replace(/\/index\/.*$/, '')
  const key = keyOf(table)
  if (key === undefined) return []
  const context = {
    'kms:ViaService': `dynamodb.${caller.region}.amazonaws.com`,
    'kms:CallerAccount': caller.accountId,
    'kms:EncryptionContext:aws:dynamodb:tableName': table.split('/').at(-1) ?? '',
    'kms:EncryptionContext:aws:dynamodb:subscriberId': caller.accountId,
    'aws:ViaAWSService': true,
    'aws:CalledVia': ['dynamodb.amazonaws.com'],
    'aws:CalledViaFirst': 'dynamodb.amazonaws.com',
    'aws:CalledViaLast': 'dynamodb.amazonaws.com',
  }
  return [
    request('kms:Decrypt', key, context),
    ...(WRITES.has(action) ? [request('kms:GenerateDataKey', key, context)] : []),
  ]
}

function transactionAsks(
  caller: Caller,
  keyOf: KeyOfTable,
  operation: string,
  items: readonly Json[],
): AccessRequest[] {
  return items
    .flatMap((item) => Object.entries(item))
    .flatMap(([member, one]) => {
      const action = TRANSACTION_ACTIONS[member]
      if (!action) return []
      const arn = tableArn(caller, record(one)['TableName'])
      return [
        request(`dynamodb:${action}`, arn, { 'dynamodb:EnclosingOperation': operation }),
        ...keyAsks(caller, keyOf, arn, action),
      ]
    })
}

const batch =
  (action: string, keyOf: KeyOfTable): AccessOf =>
  (input: Json, caller) =>
    Object.keys(record(input['RequestItems'])).flatMap((name) => {
      const arn = tableArn(caller, name)
      return [request(`dynamodb:${action}`, arn), ...keyAsks(caller, keyOf, arn, action)]
    })

const item =
  (action: string, keyOf: KeyOfTable): AccessOf =>
  (input: Json, caller) => {
    const arn = targetArn(caller, input)
    const { Select: select, ReturnValues: values } = input
    const context = {
      ...(typeof select === 'string' ? { 'dynamodb:Select': select } : {}),
      ...(typeof values === 'string' ? { 'dynamodb:ReturnValues': values } : {}),
    }
    return [request(`dynamodb:${action}`, arn, context), ...keyAsks(caller, keyOf, arn, action)]
  }

const transaction =
  (operation: string, keyOf: KeyOfTable): AccessOf =>
  (input: Json, caller) =>
    transactionAsks(caller, keyOf, operation, list(input['TransactItems']))

const named = (names: readonly string[], access: (name: string) => AccessOf): AccessMap =>
  Object.fromEntries(names.map((name) => [name, access(name)]))

export function dynamodbAccess(keyOf: KeyOfTable): AccessMap {
  return {
    ...named(ONE_TABLE, (name) => item(name, keyOf)),
    ...named(OF_TABLE, (name) => (input: Json, caller) => [
      request(`dynamodb:${name}`, tableArn(caller, input['TableName'])),
    ]),
    ...named(OF_ARN, (name) => (input: Json, caller) => [
      request(`dynamodb:${name}`, tableArn(caller, input['ResourceArn'])),
    ]),
    ...named(['ListTables', 'DescribeLimits', 'DescribeEndpoints'], (name) => anyResource(`dynamodb:${name}`)),
    ...named(['BatchGetItem', 'BatchWriteItem'], (name) => batch(name, keyOf)),
    ...named(['TransactGetItems', 'TransactWriteItems'], (name) => transaction(name, keyOf)),
  }
}
