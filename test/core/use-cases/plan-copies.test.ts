import { expect, test } from 'vitest'
import type { CopyRecord } from '../../../core/contracts/copy-records.ts'
import type { PointRecord } from '../../../core/contracts/records.ts'
import { plusMs } from '../../../core/instants.ts'
import { planCopies } from '../../../core/use-cases/plan-copies.ts'
import { committed, memoryCopies } from '../copying.ts'
import { memoryCatalog } from '../memory.ts'
import { captured, capturing, complete, MACHINE, NOW, POINT, RUN } from '../samples.ts'

/** Which vaults a new point is to be copied to. */
const rules = [
  { vault: 'near', every: '1 hour' },
  { vault: 'far', every: '1 week' },
]

function plan(point: PointRecord | undefined, { policy = 'nightly', copied = [] as CopyRecord[] } = {}) {
  const copies = memoryCopies()
  for (const copy of copied) copies.put(copy)
  const points = new Map(point ? [[POINT, point]] : [])
  const catalog = memoryCatalog({ points, reverts: new Map() })
  return planCopies({ catalog, copies, copyRules: { [policy]: rules } })({ machine: MACHINE, run: RUN, point: POINT })
}

const dayBefore = { point: `pt-${'0'.repeat(19)}9`, capturedAt: plusMs(NOW, -86_400_000) }

test.each([
  ['complete', complete()],
  ['captured', captured()],
])('of a point that is %s, each vault of its policy in which nothing is', async (_, point) => {
  expect(await plan(point)).toEqual({ vaults: ['near', 'far'] })
})

test('only those whose last copy is old enough', async () => {
  const copied = ['near', 'far'].map((vault) => committed({ ...dayBefore, vault }))
  expect(await plan(complete(), { copied })).toEqual({ vaults: ['near'] })
})

test('none of a policy without copies', async () => {
  expect(await plan(complete(), { policy: 'other' })).toEqual({ vaults: [] })
})

test('none of a point that has no snapshots yet', async () => {
  expect(await plan(capturing())).toEqual({ vaults: [] })
})

test('a point that is not in the catalog is our mistake', async () => {
  await expect(plan(undefined)).rejects.toMatchObject({ name: 'ContractBroken' })
})
