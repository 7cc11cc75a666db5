/** What the policies of a deployment keep of a vault into which they copy points (docs/policies.md). */
import * as z from 'zod'
import { judgePoints, type Keeps } from '../../core/copy-retention.ts'
import { isTandemError } from '../../core/errors.ts'
import { millisOf } from '../format/names.ts'
import type { PointManifest } from '../format/point-manifest.ts'
import { readPoint } from '../points.ts'
import { readCopy, type CopyName, type Vault } from '../vault.ts'
import { candidate, inPoint, type Retention, type Verdict } from './retention.ts'

/**
 * Points by their policies' `keep`. A copy goes with its last point, or when none ever came of it; one that was made for no point,
 * by `tandem vault copy`, stays: no policy speaks of it.
 */
export const keepByPolicies = (keeps: Keeps): Retention => ({
  async points(vault, points, at) {
    const read = []
    for (const point of points) {
      const manifest = await unlessGone(vault, point.name, () => readPoint(vault, point.name))
      if (manifest) read.push({ ...point, policy: policyOf(manifest), capturedAtMs: millisOf(point.time) })
    }
    return judgePoints(read, keeps, at).map(({ isDue, reason, ...point }) => ({
      ...candidate(point.machine, point),
      isDue,
      reason,
    }))
  },
  async copies(vault, copies, { nowMs, graceMs, pointOf }) {
    const verdicts: Verdict[] = []
    for (const copy of copies) {
      const point = pointOf.get(copy.name)
      const stays =
        point === undefined ? await whyItStays(vault, copy, nowMs - copy.writtenMs < graceMs) : inPoint(point)
      verdicts.push({
        ...candidate(copy.disk, copy),
        isDue: stays === undefined,
        reason: stays ?? 'no point needs it any more',
      })
    }
    return verdicts
  },
})

/** As mover/copy-vaults.ts writes it, beside what else the machine was. */
const configuration = z.looseObject({ policy: z.string() })

const policyOf = ({ machineConfiguration }: PointManifest): string | undefined =>
  configuration.safeParse(machineConfiguration).data?.policy

/** Of a copy that is in no point. */
async function whyItStays(vault: Vault, { name }: CopyName, isYoung: boolean): Promise<string | undefined> {
  if (isYoung) return 'written within the grace period: its point may be under way'
  const manifest = await unlessGone(vault, name, () => readCopy(vault, name))
  return manifest && manifest.source?.snapshotId === undefined
    ? 'made for no point: no policy says how long'
    : undefined
}

/** Another expiry may have deleted it since it was listed. */
async function unlessGone<T>({ store }: Vault, name: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isTandemError(error, 'VaultDamaged') && !(await store.get(name))) return undefined
    throw error
  }
}
