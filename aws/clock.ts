import type { Clock } from '../core/ports.ts'

/** The one place of the product that reads the time. */
export const systemClock: Clock = { now: () => new Date().toISOString() }

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
