import * as z from 'zod'

/** Variables of the environment of Lambdas: each contract is made of those that its task needs (cdk/task-functions.ts gives them). */

export const catalog = z.object({ CATALOG_TABLE: z.string().min(1) })
/** What every resource of this deployment is tagged with as `tandem:owner`. */
export const owner = z.object({ OWNER: z.string().min(1) })
export const reports = z.object({ REPORTS_BUCKET: z.string().min(1) })
/** JSON of `DeployedPolicies`. */
export const policies = z.object({ POLICIES: z.string().min(2) })
/** JSON of `DeployedVaults`. */
export const vaults = z.object({ VAULTS: z.string().min(2) })
/** JSON of `DeployedCopies`. */
export const copyRules = z.object({ COPY_RULES: z.string().min(2) })
/** JSON of `DeployedProxy`. */
export const proxySettings = z.object({ PROXY: z.string().min(2) })
