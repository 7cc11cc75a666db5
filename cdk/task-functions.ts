import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import { Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type * as z from 'zod'
import type { Contract } from '../core/contracts/contract.ts'
import * as copying from '../core/contracts/copy-tasks.ts'
import * as recovering from '../core/contracts/recovery-tasks.ts'
import * as expiring from '../core/contracts/expiry-tasks.ts'
import * as tasks from '../core/contracts/tasks.ts'
import type { Workflow } from '../core/ports.ts'
import * as mayCopy from './copy-permissions.ts'
import { expireVaults } from './expiry-permissions.ts'
import * as may from './permissions.ts'
import { TaskFunction, type Sizes } from './task-function.ts'
import type { Proxies } from './proxies.ts'
import type { Vaults } from './vaults.ts'

interface TaskFunctionsProps {
  readonly deployment: string
  readonly catalog: ITable
  readonly reports: IBucket
  /** JSON of `DeployedPolicies`. */
  readonly policies: string
  /** JSON of `DeployedCopies`. */
  readonly copyRules: string
  /** Names of the vaults of which a policy lets copies go. */
  readonly expiringVaults: readonly string[]
  readonly vaults: Vaults
  readonly proxies: Proxies
  readonly bundle: (name: string) => string
}

/** What moves or reads bytes by the gigabyte: a core of its own, and all the time that a Lambda can have (AWS facts C.1). */
const MOVING: Sizes = { memoryMiB: 1769, timeoutSeconds: 900 }
/** Those that need more than the usual 256 MiB and a minute. */
const SIZES: Readonly<Record<string, Sizes>> = {
  CopyDisk: MOVING,
  WriteSnapshot: MOVING,
  ExpireVault: MOVING,
  VerifyCopy: MOVING,
  PlanCopy: { memoryMiB: 512, timeoutSeconds: 300 },
  PlanRecovery: { memoryMiB: 512, timeoutSeconds: 300 },
}

type Functions = Record<string, TaskFunction<z.ZodType>>
/** A task and what its role may do. */
type Power = readonly [Contract, ...PolicyStatement[][]]

/** Every Lambda of Tandem. What each of them may do is said below, on one page. */
export class TaskFunctions extends Construct {
  readonly protectFleet: Functions
  readonly protectMachine: Functions
  readonly revertMachine: Functions
  readonly copyPoint: Functions
  readonly recoverPoint: Functions
  readonly expireCopies: Functions
  readonly wakeWaits: TaskFunction<z.ZodType>

  constructor(scope: Construct, id: string, props: TaskFunctionsProps) {
    super(scope, id)
    const to: Scope = { ...props, scope: this }
    this.protectFleet = this.#functions(props, protectFleetPowers(to))
    this.protectMachine = this.#functions(props, protectMachinePowers(to))
    this.revertMachine = this.#functions(props, revertMachinePowers(to))
    this.copyPoint = this.#functions(props, copyPointPowers(to))
    this.recoverPoint = {
      ...this.#functions(props, recoverPointPowers(to)),
      ...pick(this.protectMachine, tasks.awaitSnapshots, tasks.completePoint),
      ...pick(this.copyPoint, copying.endProxies),
    }
    this.expireCopies = this.#functions(props, expireCopiesPowers(to))
    const waker = this.#functions(props, [
      [
        tasks.wakeWaits,
        may.writeCatalog(to.catalog),
        may.readMachines(),
        may.readVolumes(),
        may.readSnapshots(),
        may.readCommands(),
        may.endTaskWaits(to, 'protect-machine', 'revert-machine', 'copy-point', 'recover-point'),
      ],
    ])
    this.wakeWaits = waker[tasks.wakeWaits.name] ?? missing(tasks.wakeWaits.name)
  }

  #functions(props: TaskFunctionsProps, powers: readonly Power[]): Functions {
    const { deployment, catalog, reports, policies, copyRules, vaults, proxies, bundle } = props
    const everything = {
      CATALOG_TABLE: catalog.tableName,
      REPORTS_BUCKET: reports.bucketName,
      POLICIES: policies,
      OWNER: deployment,
      COPY_RULES: copyRules,
      PROXY: proxies.settings(),
      VAULTS: Stack.of(this).toJsonString(vaults.deployed),
    }
    return Object.fromEntries(
      powers.map(([contract, ...statements]) => {
        const environment = Object.fromEntries(
          Object.entries(everything).filter(([name]) => name in environmentShape(contract.environment)),
        )
        const settings = { deployment, contract, environment, bundle, may: statements.flat(), ...SIZES[contract.name] }
        return [contract.name, new TaskFunction(this, settings)]
      }),
    )
  }
}

interface Scope
  extends may.Permissions, Pick<TaskFunctionsProps, 'catalog' | 'reports' | 'vaults' | 'proxies' | 'expiringVaults'> {}

/** @param reads of what is waited for */
const waiting = (
  to: Scope,
  workflows: Workflow | readonly Workflow[],
  ...reads: PolicyStatement[][]
): PolicyStatement[][] => [may.writeCatalog(to.catalog), ...reads, may.endTaskWaits(to, ...[workflows].flat())]

const protectFleetPowers = ({ reports }: Scope): Power[] => [
  [tasks.discoverMachines, may.readMachines(), may.writeReports(reports)],
  [tasks.summarizeFleet, may.readReports(reports)],
]

const protectMachinePowers = (to: Scope): Power[] => [
  [
    tasks.inspectMachine,
    may.readMachines(),
    may.readVolumes(),
    may.readInstanceTypes(),
    may.readAttributesOfOptedIn(to),
    may.writeCatalog(to.catalog),
  ],
  [
    tasks.readMounts,
    may.runCommandsOnOptedIn(to),
    may.writeCatalog(to.catalog),
    may.endTaskWaits(to, 'protect-machine'),
  ],
  [
    tasks.reservePoint,
    may.writeCatalog(to.catalog),
    may.readExecutions(to, 'protect-machine', 'revert-machine', 'recover-point'),
    may.readCommands(),
    may.readMachines(),
    // It also discards what an earlier run, dead by now, left open.
    may.readSnapshots(),
    may.deleteOurSnapshots(to),
  ],
  [
    tasks.createSnapshots,
    may.readMachines(),
    may.readSnapshots(),
    may.snapshotOptedIn(to),
    may.writeCatalog(to.catalog),
  ],
  [tasks.awaitSnapshots, ...waiting(to, ['protect-machine', 'recover-point'], may.readSnapshots())],
  [tasks.completePoint, may.readSnapshots(), may.writeCatalog(to.catalog)],
  [copying.planCopies, may.readCatalog(to.catalog)],
  [tasks.discardPoint, may.readSnapshots(), may.deleteOurSnapshots(to), may.writeCatalog(to.catalog)],
]

const launching = (to: Scope): PolicyStatement[][] => [
  mayCopy.launchProxies(to, to.proxies),
  mayCopy.terminateOurProxies(to),
  mayCopy.readMover(to.proxies.mover),
  mayCopy.writeJobs(to.reports),
]

const copyPointPowers = (to: Scope): Power[] => {
  const { access } = to.vaults
  return [
    [
      copying.planCopy,
      may.writeCatalog(to.catalog),
      may.readExecutions(to, 'copy-point'),
      mayCopy.listOurSnapshotBlocks(to),
      mayCopy.readVaults(access),
      mayCopy.makeOwnVaults(access),
    ],
    [
      copying.copyDisk,
      may.readCatalog(to.catalog),
      mayCopy.readOurSnapshotBlocks(to),
      mayCopy.writeVaults(access),
      mayCopy.writeProgress(to.reports),
    ],
    [
      copying.runProxy,
      ...waiting(to, 'copy-point', may.readMachines()),
      ...launching(to),
      mayCopy.attachOurSnapshotsToProxies(to),
    ],
    [copying.endProxies, may.writeCatalog(to.catalog), may.readMachines(), mayCopy.terminateOurProxies(to)],
    [copying.verifyCopy, may.readCatalog(to.catalog), mayCopy.readVaults(access)],
    [copying.commitCopy, may.writeCatalog(to.catalog), mayCopy.writeVaults(access)],
    [copying.discardCopy, may.writeCatalog(to.catalog), may.readMachines(), mayCopy.terminateOurProxies(to)],
  ]
}

const recoverPointPowers = (to: Scope): Power[] => [
  [
    recovering.planRecovery,
    may.writeCatalog(to.catalog),
    mayCopy.readVaults(to.vaults.access),
    // It also discards what an earlier run, dead by now, left open.
    may.readExecutions(to, 'recover-point'),
    may.readSnapshots(),
    may.deleteOurSnapshots(to),
  ],
  [recovering.startSnapshots, may.writeCatalog(to.catalog), mayCopy.startOurSnapshots(to)],
  [
    recovering.writeSnapshot,
    may.readCatalog(to.catalog),
    mayCopy.readVaults(to.vaults.access),
    mayCopy.writeOurSnapshotBlocks(to),
    mayCopy.writeProgress(to.reports),
  ],
  [recovering.runRecoveryProxy, ...waiting(to, 'recover-point', may.readMachines()), ...launching(to)],
  [
    recovering.discardRecovery,
    may.writeCatalog(to.catalog),
    may.readMachines(),
    mayCopy.terminateOurProxies(to),
    may.readSnapshots(),
    may.deleteOurSnapshots(to),
  ],
]

/** The only role that deletes in a vault, and only in one that expires. */
const expireCopiesPowers = ({ catalog, vaults, expiringVaults: names }: Scope): Power[] => [
  [expiring.planExpiry],
  [
    expiring.expireVault,
    may.writeCatalog(catalog),
    expireVaults(vaults.access.filter(({ name }) => names.includes(name))),
  ],
]

const revertMachinePowers = (to: Scope): Power[] => [
  [
    tasks.planRevert,
    may.readMachines(),
    may.readVolumes(),
    may.readSnapshots(),
    may.readAttributesOfOptedIn(to),
    may.readExecutions(to, 'protect-machine', 'revert-machine'),
    // It also settles what an earlier run, dead by now, left open.
    may.tagSwappedVolumes(to),
    may.deleteOurVolumes(to),
    may.writeCatalog(to.catalog),
  ],
  [tasks.createVolumes, may.createOurVolumes(to), may.writeCatalog(to.catalog)],
  [tasks.awaitVolumes, ...waiting(to, 'revert-machine', may.readVolumes())],
  [tasks.stopMachine, may.stopOptedIn(to), may.writeCatalog(to.catalog)],
  [tasks.awaitStopped, ...waiting(to, 'revert-machine', may.readMachines())],
  [tasks.detachDisks, may.readVolumes(), may.swapDisksOfOptedIn(to, 'ec2:DetachVolume'), may.readCatalog(to.catalog)],
  [
    tasks.attachDisks,
    may.readMachines(),
    may.readVolumes(),
    may.swapDisksOfOptedIn(to, 'ec2:AttachVolume'),
    may.setDeleteOnTerminationOfOptedIn(to),
    may.readCatalog(to.catalog),
  ],
  [tasks.startMachine, may.readMachines(), may.startOptedIn(to), may.readCatalog(to.catalog)],
  [tasks.awaitRunning, ...waiting(to, 'revert-machine', may.readMachines())],
  [tasks.checkMachine, may.readMachines(), may.readHealth(), may.readCatalog(to.catalog)],
  [tasks.finishRevert, may.tagSwappedVolumes(to), may.writeCatalog(to.catalog)],
  [tasks.discardRevert, may.readMachines(), may.readVolumes(), may.deleteOurVolumes(to), may.writeCatalog(to.catalog)],
]

/** Lambdas that two workflows share. */
const pick = (functions: Functions, ...contracts: readonly Contract[]): Functions =>
  Object.fromEntries(contracts.map(({ name }) => [name, functions[name] ?? missing(name)]))

const environmentShape = (schema: z.ZodType): Record<string, unknown> =>
  'shape' in schema ? (schema.shape as Record<string, unknown>) : {}

function missing(name: string): never {
  throw new Error(`The Lambda of ${name} was not made.`)
}
