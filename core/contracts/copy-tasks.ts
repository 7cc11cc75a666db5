import * as z from 'zod'
import { contract } from './contract.ts'
import { instant, machineId, pointId, runId, taskToken, vaultName } from './identifiers.ts'
import { diskCopied } from './jobs.ts'
import { catalog, copyRules, owner, proxySettings, reports, vaults } from './task-environment.ts'

/** Contracts of copy-point's Task states, and of the one by which protect-machine starts it (see tasks.ts). */

/** Of recover-point too, whose `point` is the new one. */
export const copySubject = z.strictObject({ machine: machineId, run: runId, point: pointId, vault: vaultName })
const count = z.int().nonnegative()

/** `{"machine":"i-…"}` copies the latest complete point, if the policy of the machine names one vault. */
export const copyInput = z.strictObject({
  machine: machineId,
  point: pointId.optional(),
  vault: vaultName.optional(),
  /** In the place of the planner's choice. */
  path: z.enum(['direct', 'proxy']).optional(),
})

export type CopyInput = z.output<typeof copyInput>

/** A state of protect-machine. */
export const planCopies = contract({
  name: 'PlanCopies',
  input: z.strictObject({ machine: machineId, run: runId, point: pointId }),
  /** Where the point is to be copied to now. */
  output: z.strictObject({ vaults: z.array(vaultName).max(5) }),
  environment: catalog.extend(copyRules.shape),
})

export const planCopy = contract({
  name: 'PlanCopy',
  /** `request` as in DiscoverMachines. */
  input: z.strictObject({ request: z.unknown(), run: runId, startedAt: instant }),
  output: z.strictObject({
    machine: machineId,
    point: pointId,
    vault: vaultName,
    /** `none`: the copy is committed already. */
    path: z.enum(['direct', 'proxy', 'none']),
    reason: z.string(),
    diskCount: count,
    proxyCount: count,
  }),
  environment: catalog.extend(vaults.shape).extend(copyRules.shape),
})

export const copyDisk = contract({
  name: 'CopyDisk',
  /** `disk`: its place in the copy's record. */
  input: copySubject.extend({ disk: count }),
  output: diskCopied,
  environment: catalog.extend(vaults.shape).extend(reports.shape),
})

/** A state that launches a proxy and waits for its report. */
export const proxyTask = (name: string) =>
  contract({
    name,
    /** `proxy`: its place in the record of the copy or recovery; `attempt`: retries of this state so far. */
    input: copySubject.extend({ proxy: count, attempt: count, token: taskToken }),
    output: z.strictObject({}),
    environment: catalog.extend(vaults.shape).extend(reports.shape).extend(owner.shape).extend(proxySettings.shape),
  })

export const runProxy = proxyTask('RunProxy')

export const endProxies = contract({
  name: 'EndProxies',
  input: copySubject,
  output: z.strictObject({ endedProxyCount: count }),
  environment: catalog.extend(owner.shape),
})

export const verifyCopy = contract({
  name: 'VerifyCopy',
  input: copySubject,
  output: z.strictObject({ diskCount: count }),
  environment: catalog.extend(vaults.shape),
})

export const commitCopy = contract({
  name: 'CommitCopy',
  input: copySubject,
  output: z.strictObject({ point: pointId, vault: vaultName, manifest: z.string(), newBytes: z.number() }),
  environment: catalog.extend(vaults.shape),
})

export const discardCopy = contract({
  name: 'DiscardCopy',
  /** All but `run` are null when the failure came before they were known. */
  input: z.strictObject({
    machine: machineId.nullable(),
    run: runId,
    point: pointId.nullable(),
    vault: vaultName.nullable(),
    error: z.string(),
    cause: z.string(),
  }),
  output: z.strictObject({ endedProxyCount: count }),
  environment: catalog.extend(owner.shape),
})
