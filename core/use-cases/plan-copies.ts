import type { DeployedCopies } from '../contracts/policies.ts'
import type { planCopies as contract } from '../contracts/copy-tasks.ts'
import type { Copies } from '../copy-ports.ts'
import { dueCopies } from '../due-copies.ts'
import type { Catalog } from '../ports.ts'
import { isCaptured } from '../record-states.ts'
import { requirePoint } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly catalog: Pick<Catalog, 'point'>
  readonly copies: Pick<Copies, 'copies'>
  readonly copyRules: DeployedCopies
}

/** Which vaults the new point is to be copied to, by its policy. */
export const planCopies =
  ({ catalog, copies, copyRules }: Ports): TaskOf<typeof contract> =>
  async ({ machine, point: id }) => {
    const point = await requirePoint(catalog, machine, id)
    const rules = copyRules[point.policy] ?? []
    if (rules.length === 0 || !isCaptured(point)) return { vaults: [] }
    return { vaults: dueCopies(rules, await copies.copies(machine), point) }
  }
