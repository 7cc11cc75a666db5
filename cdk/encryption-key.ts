import { RemovalPolicy } from 'aws-cdk-lib'
import { Key } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { nameOf } from './names.ts'

/** The customer key of the catalog, the reports and the dead letters. Kept when the stack goes: without it, nothing of them can be read. */
export class EncryptionKey extends Key {
  constructor(scope: Construct, id: string, props: { readonly deployment: string }) {
    super(scope, id, {
      alias: `alias/${nameOf(props.deployment, 'catalog')}`,
      description: `Tandem (${props.deployment}): catalog, reports and dead letters`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }
}
