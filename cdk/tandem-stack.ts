import { ArnFormat, Stack, type StackProps } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { join } from 'node:path'
import type { DeployedCopies, DeployedPolicies, Policy, PolicyFile } from '../core/contracts/policies.ts'
import { expiringVaults } from '../core/copy-retention.ts'
import { CatalogTable } from './catalog-table.ts'
import { DeadLetters } from './dead-letters.ts'
import { EncryptionKey } from './encryption-key.ts'
import { executionArns, nameOf, stateMachineArn } from './names.ts'
import { readReports, writeReports } from './permissions.ts'
import { Proxies } from './proxies.ts'
import { ReportsBucket } from './reports-bucket.ts'
import { Schedules } from './schedules.ts'
import { TaskFunctions } from './task-functions.ts'
import { Vaults } from './vaults.ts'
import { WakeRules } from './wake-rule.ts'
import { Workflow } from './workflow.ts'

interface TandemStackProps extends StackProps {
  /** Names every resource, and is the value of `tandem:owner` on what Tandem makes. */
  readonly deployment: string
  readonly policies: Readonly<Record<string, Policy>>
  readonly vaults: PolicyFile['vaults']
  /** Where proxies are launched: private, with a way to S3, KMS, EBS and Step Functions. The default VPC without it. */
  readonly proxyNetwork?: { readonly vpc: string; readonly subnet: string }
  /** Folder of a handler's bundle, by the name of its file. */
  readonly bundle: (name: string) => string
}

/** All of Tandem in one account and Region. */
export class TandemStack extends Stack {
  constructor(scope: Construct, id: string, props: TandemStackProps) {
    super(scope, id, { description: 'Tandem: protects EC2 machines tagged tandem:policy', ...props })
    const { deployment } = props
    const key = new EncryptionKey(this, 'Key', { deployment })
    const catalog = new CatalogTable(this, 'Catalog', { deployment, key })
    const reports = new ReportsBucket(this, 'Reports', { deployment, key })
    const deadLetters = new DeadLetters(this, 'DeadLetters', { deployment, key })
    const vaults = new Vaults(this, 'Vaults', { deployment, vaults: props.vaults })
    const proxies = new Proxies(this, 'Proxies', {
      deployment,
      vaults,
      reports,
      mover: join(props.bundle('proxy'), 'mover.mjs'),
      ...(props.proxyNetwork ? { network: props.proxyNetwork } : {}),
    })
    const copyRules = rulesOf(props.policies)
    const expiring = expiringVaults(copyRules)
    const functions = new TaskFunctions(this, 'Tasks', {
      deployment,
      catalog,
      reports,
      policies: deployedPolicies(props.policies),
      copyRules: JSON.stringify(copyRules),
      expiringVaults: expiring,
      vaults,
      proxies,
      bundle: props.bundle,
    })
    const copyPoint = new Workflow(this, 'CopyPoint', {
      deployment,
      name: 'copy-point',
      functions: functions.copyPoint,
    })
    const protectMachine = new Workflow(this, 'ProtectMachine', {
      deployment,
      name: 'protect-machine',
      functions: functions.protectMachine,
      substitutions: {
        CopyPointStateMachine: copyPoint.stateMachineArn,
        // `|` stands in no policy's name.
        PoliciesWithCopies: `|${Object.keys(copyRules).join('|')}|`,
      },
      may: [new PolicyStatement({ actions: ['states:StartExecution'], resources: [copyPoint.stateMachineArn] })],
    })
    new Workflow(this, 'RecoverPoint', { deployment, name: 'recover-point', functions: functions.recoverPoint })
    new Workflow(this, 'RevertMachine', { deployment, name: 'revert-machine', functions: functions.revertMachine })
    const protectFleet = new Workflow(this, 'ProtectFleet', {
      deployment,
      name: 'protect-fleet',
      functions: functions.protectFleet,
      substitutions: { ProtectMachineStateMachine: protectMachine.stateMachineArn },
      may: [...runChildren(this, deployment), ...readReports(reports), ...writeReports(reports)],
    })
    const expireCopies = new Workflow(this, 'ExpireCopies', {
      deployment,
      name: 'expire-copies',
      functions: functions.expireCopies,
    })
    new Schedules(this, 'Schedules', {
      deployment,
      policies: props.policies,
      protectFleet,
      ...(expiring.length > 0 ? { expireCopies } : {}),
      deadLetters,
    })
    new WakeRules(this, 'WakeRules', { deployment, wakeWaits: functions.wakeWaits, deadLetters })
  }
}

/** What a Distributed Map and `startExecution.sync` need (AWS facts C.3, C.4). */
function runChildren(stack: Stack, deployment: string): PolicyStatement[] {
  const fleet = nameOf(deployment, 'protect-fleet')
  const machine = nameOf(deployment, 'protect-machine')
  return [
    new PolicyStatement({
      actions: ['states:StartExecution'],
      resources: [stateMachineArn(stack, fleet), stateMachineArn(stack, machine)],
    }),
    new PolicyStatement({
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [executionArns(stack, machine), executionArns(stack, `${fleet}/ProtectMachines`)],
    }),
    new PolicyStatement({
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [
        stack.formatArn({
          service: 'events',
          resource: 'rule',
          resourceName: 'StepFunctionsGetEventsForStepFunctionsExecutionRule',
          arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
        }),
      ],
    }),
  ]
}

const rulesOf = (policies: Readonly<Record<string, Policy>>): DeployedCopies =>
  Object.fromEntries(
    Object.entries(policies).flatMap(([name, { copies }]) => (copies.length > 0 ? [[name, copies]] : [])),
  )

function deployedPolicies(policies: Readonly<Record<string, Policy>>): string {
  const deployed: DeployedPolicies = Object.fromEntries(
    Object.entries(policies).map(([name, { keepReplacedDays }]) => [name, { keepReplacedDays }]),
  )
  return JSON.stringify(deployed)
}
