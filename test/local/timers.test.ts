import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { autoClock, manualClock } from '../../local/clock.ts'

it('timers fire by their time, those of the same time in the order of their making, and cancelled ones never', async () => {
  const orders = fc.array(fc.record({ delayMs: fc.nat(20), cancelled: fc.boolean() }), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(orders, async (timers) => {
      const clock = manualClock(0)
      const fired: number[] = []
      const cancels = timers.map(({ delayMs }, index) => clock.after(delayMs, () => fired.push(index)))
      timers.forEach(({ cancelled }, index) => {
        if (cancelled) cancels[index]?.()
      })
      await clock.advance(20)
      const expected = timers
        .map((timer, index) => ({ ...timer, index }))
        .filter(({ cancelled }) => !cancelled)
        .toSorted((a, b) => a.delayMs - b.delayMs || a.index - b.index)
      expect(fired).toEqual(expected.map(({ index }) => index))
    }),
    { numRuns: 30 },
  )
})

it('a background timer makes no automatic clock jump, whatever was cancelled before', async () => {
  const clock = autoClock(0)
  const fired: string[] = []
  clock.after(1_000_000, () => fired.push('background'), { background: true })
  const cancel = clock.after(500, () => fired.push('cancelled'))
  cancel()
  cancel()
  await clock.sleep(10)
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done))
  expect(clock.now()).toBe(10)
  expect(fired).toEqual([])
})
