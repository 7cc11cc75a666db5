import { expect, it } from 'vitest'
import { killRounds } from './kill-rounds.ts'

it('a mover that is killed with SIGKILL leaves no copy unreadable, and running it again completes it', async () => {
  // At its first draft, and when it has written packs.
  const { kills, packCount } = await killRounds([1, 4])
  expect(kills).toBe(2)
  expect(packCount).toBeGreaterThan(0)
})
