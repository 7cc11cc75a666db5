/** `npm run soak:mover [rounds]`: kills real movers at random moments, for as long as somebody wants to watch. */
import { killRounds } from './kill-rounds.ts'

/** Drafts, packs, index part, map and manifest of a copy. */
const GROWTH_MAX = 8

const rounds = Number(process.argv[2] ?? 200)
const startedMs = performance.now()
let [kills, packCount] = [0, 0]
for (let round = 0; round < rounds; round += 1) {
  const growths = Array.from({ length: 3 }, () => Math.floor(Math.random() * GROWTH_MAX))
  const result = await killRounds(growths)
  kills += result.kills
  packCount += result.packCount
}
const seconds = Math.round((performance.now() - startedMs) / 1000)
console.log(
  `${rounds} vaults, ${kills} movers killed, ${packCount} packs found afterwards: all copies right. ${seconds} s`,
)
