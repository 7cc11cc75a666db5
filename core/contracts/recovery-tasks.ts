import * as z from 'zod'
import { contract } from './contract.ts'
import { copySubject, proxyTask } from './copy-tasks.ts'
import { instant, machineId, pointId, runId, vaultName } from './identifiers.ts'
import { diskWritten } from './jobs.ts'
import { catalog, owner, reports, vaults } from './task-environment.ts'

/** Contracts of recover-point's own Task states (see tasks.ts); AwaitSnapshots, CompletePoint and EndProxies are shared. */

const count = z.int().nonnegative()

/** `{"machine":"i-…"}` brings back the machine's newest point of whichever vault has it. */
export const recoveryInput = z.strictObject({
  machine: machineId,
  /** As it was called when it was copied. */
  point: pointId.optional(),
  vault: vaultName.optional(),
  /** In the place of the planner's choice. */
  path: z.enum(['direct', 'proxy']).optional(),
  /** ARN, id or alias of a KMS key for the new snapshots, in the place of each disk's own. */
  kmsKey: z.string().min(1).optional(),
  /** Only says what it would do. */
  plan: z.boolean().optional(),
})

export const planRecovery = contract({
  name: 'PlanRecovery',
  /** `request` as in DiscoverMachines. */
  input: z.strictObject({ request: z.unknown(), run: runId, startedAt: instant }),
  output: z.strictObject({
    machine: machineId,
    /** The new one. */
    point: pointId,
    vault: vaultName,
    /** What it is a copy of. */
    copyOf: pointId,
    capturedAt: instant,
    isPlanOnly: z.boolean(),
    path: z.enum(['direct', 'proxy']),
    reason: z.string(),
    diskCount: count,
    proxyCount: count,
  }),
  environment: catalog.extend(vaults.shape).extend(owner.shape),
})

export const startSnapshots = contract({
  name: 'StartSnapshots',
  input: copySubject,
  output: z.strictObject({ snapshotCount: z.int().positive() }),
  environment: catalog.extend(owner.shape),
})

export const writeSnapshot = contract({
  name: 'WriteSnapshot',
  /** `disk`: its place in the point's list. */
  input: copySubject.extend({ disk: count }),
  output: diskWritten,
  environment: catalog.extend(vaults.shape).extend(reports.shape),
})

export const runRecoveryProxy = proxyTask('RunRecoveryProxy')

export const discardRecovery = contract({
  name: 'DiscardRecovery',
  input: copySubject.extend({ error: z.string(), cause: z.string() }),
  output: z.strictObject({ endedProxyCount: count, deletedSnapshotCount: count }),
  environment: catalog.extend(owner.shape),
})
