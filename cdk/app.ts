import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { parsePolicyFile } from '../core/policy-file.ts'
import { bundleHandlers } from './bundles.ts'
import { TandemStack } from './tandem-stack.ts'

/**
 * The CDK app. Context: `-c policies=<file>` (default policies.json), `-c deployment=<name>` (default tandem), which names
 * every resource and is the value of `tandem:owner`; `-c bundles=<folder>` takes bundles that are there already instead of making them.
 */
const app = new App()
const path = String(app.node.tryGetContext('policies') ?? 'policies.json')
const deployment = String(app.node.tryGetContext('deployment') ?? 'tandem')
const bundles: unknown = app.node.tryGetContext('bundles')

const { policies } = parsePolicyFile(readFileSync(path, 'utf8'), path)
const bundle =
  typeof bundles === 'string'
    ? (name: string) => resolve(bundles, name)
    : bundleHandlers(resolve(import.meta.dirname, '../dist/lambdas'))
new TandemStack(app, deployment, { deployment, policies, bundle })
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
app.synth()
