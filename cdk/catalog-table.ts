import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { TABLE } from '../core/contracts/table.ts'
import { nameOf } from './names.ts'

interface CatalogTableProps {
  readonly deployment: string
  readonly key: IKey
}

const text = (name: string) => ({ name, type: AttributeType.STRING })

/** The catalog: one table, on demand, with point-in-time recovery, deletion protection and a customer key (docs/architecture.md, The catalog). */
export class CatalogTable extends Table {
  constructor(scope: Construct, id: string, props: CatalogTableProps) {
    super(scope, id, {
      tableName: nameOf(props.deployment, 'catalog'),
      partitionKey: text(TABLE.partitionKey),
      sortKey: text(TABLE.sortKey),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: props.key,
    })
    for (const index of Object.values(TABLE.indexes))
      this.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: text(index.partitionKey),
        sortKey: text(index.sortKey),
        projectionType: ProjectionType.ALL,
      })
  }
}
