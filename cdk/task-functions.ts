import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type * as z from 'zod'
import type { Contract } from '../core/contracts/contract.ts'
import * as tasks from '../core/contracts/tasks.ts'
import * as may from './permissions.ts'
import { TaskFunction } from './task-function.ts'

interface TaskFunctionsProps {
  readonly deployment: string
  readonly catalog: ITable
  readonly reports: IBucket
  /** JSON of `DeployedPolicies`. */
  readonly policies: string
  readonly bundle: (name: string) => string
}

/** Every Lambda of Tandem with what it may do: the whole of its power on one page. */
export class TaskFunctions extends Construct {
  readonly protectFleet: Record<string, TaskFunction<z.ZodType>>
  readonly protectMachine: Record<string, TaskFunction<z.ZodType>>
  readonly revertMachine: Record<string, TaskFunction<z.ZodType>>
  readonly wakeWaits: TaskFunction<z.ZodType>

  constructor(scope: Construct, id: string, props: TaskFunctionsProps) {
    super(scope, id)
    const { deployment, catalog, reports, bundle } = props
    const to = { scope: this, deployment }
    const everything = {
      CATALOG_TABLE: catalog.tableName,
      REPORTS_BUCKET: reports.bucketName,
      POLICIES: props.policies,
      OWNER: deployment,
    }

    const task = <Environment extends z.ZodType>(
      contract: Contract<z.ZodType, z.ZodType, Environment>,
      ...statements: PolicyStatement[][]
    ): Record<string, TaskFunction<z.ZodType>> => {
      const environment = Object.fromEntries(
        Object.entries(everything).filter(([name]) => name in environmentShape(contract.environment)),
      ) as z.input<Environment> & Record<string, string>
      return {
        [contract.name]: new TaskFunction(this, { deployment, contract, environment, bundle, may: statements.flat() }),
      }
    }

    const wait = [may.writeCatalog(catalog), may.readMachinesAndDisks(), may.endTaskWaits(to)]
    this.protectFleet = {
      ...task(tasks.discoverMachines, may.readMachinesAndDisks(), may.writeReports(reports)),
      ...task(tasks.summarizeFleet, may.readReports(reports)),
    }
    this.protectMachine = {
      ...task(
        tasks.inspectMachine,
        may.readMachinesAndDisks(),
        may.readInstanceTypes(),
        may.readAttributesOfOptedIn(to),
        may.writeCatalog(catalog),
      ),
      ...task(tasks.readMounts, may.runCommandsOnOptedIn(to), may.writeCatalog(catalog), may.endTaskWaits(to)),
      ...task(tasks.reservePoint, may.writeCatalog(catalog), may.readExecutions(to), may.readCommands()),
      ...task(tasks.createSnapshots, may.readMachinesAndDisks(), may.snapshotOptedIn(to), may.writeCatalog(catalog)),
      ...task(tasks.awaitSnapshots, ...wait),
      ...task(tasks.completePoint, may.readMachinesAndDisks(), may.writeCatalog(catalog)),
      ...task(tasks.discardPoint, may.readMachinesAndDisks(), may.deleteOurSnapshots(to), may.writeCatalog(catalog)),
    }
    this.revertMachine = {
      ...task(
        tasks.planRevert,
        may.readMachinesAndDisks(),
        may.readAttributesOfOptedIn(to),
        may.readExecutions(to),
        // It also settles what an earlier run, dead by now, left open.
        may.tagSwappedVolumes(to),
        may.deleteOurVolumes(to),
        may.writeCatalog(catalog),
      ),
      ...task(tasks.createVolumes, may.readMachinesAndDisks(), may.createOurVolumes(to), may.writeCatalog(catalog)),
      ...task(tasks.awaitVolumes, ...wait),
      ...task(tasks.stopMachine, may.readMachinesAndDisks(), may.stopOptedIn(to), may.writeCatalog(catalog)),
      ...task(tasks.awaitStopped, ...wait),
      ...task(
        tasks.detachDisks,
        may.readMachinesAndDisks(),
        may.swapDisksOfOptedIn(to, 'ec2:DetachVolume'),
        may.readCatalog(catalog),
      ),
      ...task(
        tasks.attachDisks,
        may.readMachinesAndDisks(),
        may.swapDisksOfOptedIn(to, 'ec2:AttachVolume'),
        may.setDeleteOnTerminationOfOptedIn(to),
        may.readCatalog(catalog),
      ),
      ...task(tasks.startMachine, may.readMachinesAndDisks(), may.startOptedIn(to), may.readCatalog(catalog)),
      ...task(tasks.awaitRunning, ...wait),
      ...task(tasks.checkMachine, may.readMachinesAndDisks(), may.readCatalog(catalog)),
      ...task(tasks.finishRevert, may.readMachinesAndDisks(), may.tagSwappedVolumes(to), may.writeCatalog(catalog)),
      ...task(tasks.discardRevert, may.readMachinesAndDisks(), may.deleteOurVolumes(to), may.writeCatalog(catalog)),
    }
    const waker = task(tasks.wakeWaits, ...wait, may.readCommands())
    this.wakeWaits = waker[tasks.wakeWaits.name] ?? missing(tasks.wakeWaits.name)
  }
}

const environmentShape = (schema: z.ZodType): Record<string, unknown> =>
  'shape' in schema ? (schema.shape as Record<string, unknown>) : {}

function missing(name: string): never {
  throw new Error(`The Lambda of ${name} was not made.`)
}
