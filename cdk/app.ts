import { readFileSync } from 'node:fs'
import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { parsePolicyFile } from '../core/policy-file.ts'
import { TandemStack } from './tandem-stack.ts'

/**
 * The CDK app. Context: `-c policies=<file>` (default policies.json), `-c deployment=<name>` (default tandem), which names
 * every resource and is the value of `tandem:owner`.
 */
const app = new App()
const path = String(app.node.tryGetContext('policies') ?? 'policies.json')
const deployment = String(app.node.tryGetContext('deployment') ?? 'tandem')

const { policies } = parsePolicyFile(readFileSync(path, 'utf8'), path)
new TandemStack(app, deployment, { deployment, policies })
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
app.synth()
