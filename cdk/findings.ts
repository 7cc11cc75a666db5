import { Stack, Validations } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { ILogGroup } from 'aws-cdk-lib/aws-logs'
import type { IConstruct } from 'constructs'

/**
 * cdk-nag's IAM5 finds every wildcard. Each of ours falls under one of a few reasons, and a wildcard that falls under none
 * stays a finding and fails the synthesis.
 */
export function acknowledgeWildcards(
  policy: IConstruct,
  statements: readonly PolicyStatement[],
  logGroup?: ILogGroup,
): void {
  for (const statement of statements) {
    const { conditions, actions } = statement
    const conditional = Object.keys(conditions ?? {}).length > 0
    for (const resource of statement.resources.filter((arn) => arn.includes('*') || arn.includes('TOKEN'))) {
      const reason = reasonFor(resource, conditional, actions)
      if (reason) acknowledge(policy, resource, reason)
    }
  }
  if (logGroup) acknowledge(policy, logGroup.logGroupArn, "All log streams of the function's own log group.")
}

function reasonFor(resource: string, conditional: boolean, actions: readonly string[]): string | undefined {
  if (conditional)
    return "Restricted by the statement's condition: only what is tagged for Tandem, or only through one AWS service."
  if (resource === '*' && actions.every((action) => /^(ec2|ssm):(Describe|Get)/.test(action)))
    return 'AWS cannot restrict this read to a resource.'
  if (resource.includes('/index/*')) return "The catalog's own indexes."
  if (resource.includes('execution')) return "Executions of Tandem's own state machines."
  if (resource.includes('Reports')) return 'Objects of the reports bucket.'
  if (actions.includes('s3:DeleteObject'))
    return "Objects of a vault that expires, by folders: never vault.json, which holds the vault's key."
  if (actions.every((action) => action.startsWith('s3:')))
    return "Objects below a vault's prefix: their names are hashes."
  return undefined
}

export function acknowledge(construct: IConstruct, resource: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions-IAM5[Resource::${readable(construct, resource)}]`, reason })
}

/** The ARN as cdk-nag prints it: references as `<LogicalId.Arn>`, pseudo parameters as `<AWS::Region>`. */
function readable(construct: IConstruct, resource: string): string {
  return flatten(Stack.of(construct).resolve(resource))
}

function flatten(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(flatten).join('')
  if (value && typeof value === 'object') {
    const [[name, argument] = ['', '']] = Object.entries(value)
    if (name === 'Ref') return `<${String(argument)}>`
    if (name === 'Fn::GetAtt' && Array.isArray(argument)) return `<${argument.join('.')}>`
    if (name === 'Fn::Join' && Array.isArray(argument)) return flatten(argument[1])
  }
  return JSON.stringify(value)
}
