/** Which points a vault keeps, by the policies under which they were made (docs/policies.md). */
import type { DeployedCopies } from './contracts/policies.ts'
import { DAY_MS } from './instants.ts'

/** What each policy keeps in one vault, as its `keep` says: `30 days`, `12 weeks`, `10 copies`. One that is not here keeps all for ever. */
export type Keeps = Readonly<Record<string, string>>

export interface PointToJudge {
  /** Key of its manifest. */
  readonly name: string
  readonly machine: string
  /** Under which it was made; undefined when its manifest does not say. */
  readonly policy: string | undefined
  readonly capturedAtMs: number
  /** When its manifest was written. */
  readonly writtenMs: number
}

export interface Judgement {
  readonly isDue: boolean
  /** For people: why it stays, or goes. */
  readonly reason: string
}

/** The vaults of which any policy lets copies go. */
export const expiringVaults = (rules: DeployedCopies): string[] =>
  [
    ...new Set(
      Object.values(rules)
        .flat()
        .flatMap(({ vault, keep }) => (keep === undefined ? [] : [vault])),
    ),
  ].toSorted()

export const keepsIn = (rules: DeployedCopies, vault: string): Keeps =>
  Object.fromEntries(
    Object.entries(rules).flatMap(([policy, copies]) =>
      copies.flatMap(({ vault: into, keep }) => (into === vault && keep !== undefined ? [[policy, keep]] : [])),
    ),
  )

const UNIT_DAYS: Readonly<Record<string, number>> = { day: 1, week: 7 }

/** One of the two is 0. */
function parseKeep(keep: string): { readonly days: number; readonly count: number } {
  const [number = '', unit = ''] = keep.split(' ')
  const days = UNIT_DAYS[unit.replace(/s$/, '')]
  return days === undefined ? { days: 0, count: Number(number) } : { days: Number(number) * days, count: 0 }
}

/**
 * Judges each point by what its own policy keeps. Copies are counted among all points of the machine in the vault, so that those of an
 * earlier policy go as newer ones come. The newest of a machine never goes.
 * @param graceMs what was written later than that before now is never due: the rest of it may be under way
 * @returns newest first
 */
export function judgePoints<Point extends PointToJudge>(
  points: readonly Point[],
  keeps: Keeps,
  at: { readonly nowMs: number; readonly graceMs: number },
): (Point & Judgement)[] {
  const ranks = new Map<string, number>()
  return points
    .toSorted((left, right) => right.capturedAtMs - left.capturedAtMs || (left.name < right.name ? 1 : -1))
    .map((point) => {
      const rank = (ranks.get(point.machine) ?? 0) + 1
      ranks.set(point.machine, rank)
      return { ...point, ...judgementOf(point, rank, keeps, at) }
    })
}

const stays = (reason: string): Judgement => ({ isDue: false, reason })

function judgementOf(
  { machine, policy, capturedAtMs, writtenMs }: PointToJudge,
  rank: number,
  keeps: Keeps,
  { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: number },
): Judgement {
  if (rank === 1) return stays(`the newest of ${machine}`)
  if (policy === undefined) return stays('its policy is not known')
  const keep = Object.hasOwn(keeps, policy) ? keeps[policy] : undefined
  if (keep === undefined) return stays(`policy ${policy} keeps copies here for ever`)
  const { days, count } = parseKeep(keep)
  if (rank <= count) return stays(`one of the ${keep} of ${machine} that policy ${policy} keeps`)
  if (nowMs - capturedAtMs < days * DAY_MS) return stays(`younger than the ${keep} that policy ${policy} keeps`)
  if (nowMs - writtenMs < graceMs) return stays('written within the grace period')
  return { isDue: true, reason: `policy ${policy} keeps ${keep}` }
}
