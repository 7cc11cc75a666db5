import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type * as z from 'zod'
import type { Contract } from '../core/contracts/contract.ts'
import { environmentFaults } from './environment-size.ts'
import { acknowledgeWildcards } from './findings.ts'
import { kebabCase, nameOf } from './names.ts'

export interface Sizes {
  /** 256 unless told. 1,769 MiB are a whole core. */
  readonly memoryMiB?: number
  /** 60 unless told. */
  readonly timeoutSeconds?: number
}

interface TaskFunctionProps<Environment extends z.ZodType> extends Sizes {
  readonly deployment: string
  readonly contract: Contract<z.ZodType, z.ZodType, Environment>
  readonly environment: z.input<Environment> & Record<string, string>
  readonly may: readonly PolicyStatement[]
  readonly bundle: (name: string) => string
}

/**
 * The Lambda of one Task state: named after the state, with a role of its own that may do what the state needs and nothing
 * else. The contract types the environment, so that a variable cannot be forgotten.
 */
export class TaskFunction<Environment extends z.ZodType> extends LambdaFunction {
  constructor(scope: Construct, props: TaskFunctionProps<Environment>) {
    const file = kebabCase(props.contract.name)
    const functionName = nameOf(props.deployment, file)
    const logGroup = new LogGroup(scope, `${props.contract.name}Logs`, {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new Role(scope, `${props.contract.name}Role`, {
      roleName: functionName,
      description: `Tandem: ${props.contract.name}`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    })
    const policy = new Policy(scope, `${props.contract.name}Policy`, {
      policyName: 'task',
      roles: [role],
      statements: [
        ...props.may,
        new PolicyStatement({
          effect: Effect.ALLOW,
          actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          resources: [logGroup.logGroupArn],
        }),
      ],
    })
    acknowledgeWildcards(policy, props.may, logGroup)
    super(scope, props.contract.name, {
      functionName,
      role,
      logGroup,
      loggingFormat: LoggingFormat.TEXT,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(props.bundle(file)),
      memorySize: props.memoryMiB ?? 256,
      timeout: Duration.seconds(props.timeoutSeconds ?? 60),
      environment: props.environment,
    })
    this.node.addValidation({ validate: () => environmentFaults(this, functionName, props.environment) })
    // The function must not run before its role may do its work.
    this.node.addDependency(policy)
  }
}
