import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { bundleHandlers } from '../bundling/bundles.ts'
import { parsePolicyFile } from '../core/policy-file.ts'
import { TandemStack } from './tandem-stack.ts'

/**
 * The CDK app. Context: `-c policies=<file>` (default policies.json), `-c deployment=<name>` (default tandem), which names
 * every resource and is the value of `tandem:owner`; `-c proxyVpc=<id> -c proxySubnet=<id>`, where proxies are launched; `-c bundles=<folder>` takes bundles that are there already instead of making them.
 */
const app = new App()
const path = String(app.node.tryGetContext('policies') ?? 'policies.json')
const deployment = String(app.node.tryGetContext('deployment') ?? 'tandem')
const bundles: unknown = app.node.tryGetContext('bundles')

const proxyNetwork = networkOf(app.node.tryGetContext('proxyVpc'), app.node.tryGetContext('proxySubnet'))
const { policies, vaults } = parsePolicyFile(readFileSync(path, 'utf8'), path)
const bundle =
  typeof bundles === 'string'
    ? (name: string) => resolve(bundles, name)
    : bundleHandlers(resolve(import.meta.dirname, '../dist/lambdas'))
new TandemStack(app, deployment, {
  deployment,
  policies,
  vaults,
  bundle,
  ...(proxyNetwork ? { proxyNetwork } : {}),
})
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
app.synth()

function networkOf(vpc: unknown, subnet: unknown): { vpc: string; subnet: string } | undefined {
  if (typeof vpc === 'string' && typeof subnet === 'string') return { vpc, subnet }
  if (vpc === undefined && subnet === undefined) return undefined
  throw new Error('Give both proxyVpc and proxySubnet, or neither.')
}
