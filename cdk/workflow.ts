import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { RemovalPolicy, Validations } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import type { Construct } from 'constructs'
import { acknowledgeWildcards } from './findings.ts'
import { nameOf } from './names.ts'

interface WorkflowProps {
  readonly deployment: string
  /** `protect-machine` → `statemachines/protect-machine.asl.json`. */
  readonly name: string
  /** By the name of the Task state that invokes them. */
  readonly functions: Readonly<Record<string, IFunction>>
  /** Other `${…}` of the definition. */
  readonly substitutions?: Readonly<Record<string, string>>
  readonly may?: readonly PolicyStatement[]
}

/** A state machine from its ASL file. It may invoke its own Lambdas, and what `may` adds. */
export class Workflow extends StateMachine {
  constructor(scope: Construct, id: string, props: WorkflowProps) {
    const file = resolve(import.meta.dirname, `../statemachines/${props.name}.asl.json`)
    const arns = Object.entries(props.functions).map(([state, target]) => [state, target.functionArn])
    super(scope, id, {
      stateMachineName: nameOf(props.deployment, props.name),
      definitionBody: DefinitionBody.fromString(readFileSync(file, 'utf8')),
      definitionSubstitutions: { ...Object.fromEntries(arns), ...props.substitutions },
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(scope, `${id}Logs`, {
          // Step Functions writes to no other prefix without a resource policy that grows with every log group.
          logGroupName: `/aws/vendedlogs/states/${nameOf(props.deployment, props.name)}`,
          retention: RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        includeExecutionData: false,
      },
    })
    for (const target of Object.values(props.functions)) target.grantInvoke(this)
    for (const statement of props.may ?? []) this.addToRolePolicy(statement)
    acknowledgeWildcards(this, props.may ?? [])
    Validations.of(this).acknowledge(
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: 'Log delivery and X-Ray cannot be restricted to a resource.' },
      ...Object.values(props.functions).map((target) => ({
        id: `AwsSolutions-IAM5[Resource::<${logicalId(target)}.Arn>:*]`,
        reason: "All versions of the state's own Lambda.",
      })),
    )
  }
}

const logicalId = (target: IFunction): string => target.stack.getLogicalId(target.node.defaultChild as never)
