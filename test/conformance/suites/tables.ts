import type { Suite } from '../suite.ts'

const item = (state: string): string => JSON.stringify({ pk: { S: 'machine' }, sk: { S: 'a' }, state: { S: state } })

export const tables: Suite = {
  name: 'tables',
  async run({ run, refused }) {
    const table = ['--table-name', 'conformance']
    await run('makes a table', [
      'dynamodb',
      'create-table',
      ...table,
      '--billing-mode',
      'PAY_PER_REQUEST',
      '--attribute-definitions',
      'AttributeName=pk,AttributeType=S',
      'AttributeName=sk,AttributeType=S',
      '--key-schema',
      'AttributeName=pk,KeyType=HASH',
      'AttributeName=sk,KeyType=RANGE',
    ])
    await run('waits until it is there', ['dynamodb', 'wait', 'table-exists', ...table])
    const put = ['dynamodb', 'put-item', ...table, '--condition-expression', 'attribute_not_exists(pk)', '--item']
    await run('puts an item that was not there', [...put, item('new')])
    await refused('does not put it twice', [...put, item('newer')], 'ConditionalCheckFailedException')
    await run(
      'finds it',
      [
        'dynamodb',
        'query',
        ...table,
        '--key-condition-expression',
        'pk = :p',
        '--expression-attribute-values',
        '{":p":{"S":"machine"}}',
      ],
      (answer) => answer.is('Items.0.state.S', 'new'),
    )
    const transaction = JSON.stringify([
      { Put: { TableName: 'conformance', Item: { pk: { S: 'machine' }, sk: { S: 'b' } } } },
      {
        Delete: {
          TableName: 'conformance',
          Key: { pk: { S: 'machine' }, sk: { S: 'a' } },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      },
    ])
    await refused(
      'does all of a transaction or nothing',
      ['dynamodb', 'transact-write-items', '--transact-items', transaction],
      'TransactionCanceledException',
    )
    await run('deletes the table', ['dynamodb', 'delete-table', ...table])
    await refused(
      'knows tables that are not there',
      'dynamodb describe-table --table-name conformance-none',
      'ResourceNotFoundException',
    )
  },
}
