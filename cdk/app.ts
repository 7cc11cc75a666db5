import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePolicyFile } from '../core/policy-file.ts'
import { bundleHandlers } from './bundles.ts'

// Before the CDK is loaded: the two together would need twice the memory.
const bundle = bundleHandlers(resolve(import.meta.dirname, '../dist/lambdas'))
const { App, Validations } = await import('aws-cdk-lib')
const { AwsSolutionsChecks } = await import('cdk-nag')
const { TandemStack } = await import('./tandem-stack.ts')

/**
 * The CDK app. Context: `-c policies=<file>` (default policies.json), `-c deployment=<name>` (default tandem), which names
 * every resource and is the value of `tandem:owner`.
 */
const app = new App()
const path = String(app.node.tryGetContext('policies') ?? 'policies.json')
const deployment = String(app.node.tryGetContext('deployment') ?? 'tandem')

const { policies } = parsePolicyFile(readFileSync(path, 'utf8'), path)
new TandemStack(app, deployment, { deployment, policies, bundle })
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
app.synth()
