/** How far a run is, for people and for heartbeats. */
export interface Progress {
  readonly doneBytes: number
  readonly totalBytes: number
  readonly bytesPerSecond: number
  /** undefined while nothing is known. */
  readonly remainingSeconds?: number
}

export type OnProgress = (progress: Progress) => void

const INTERVAL_MS = 500

/** Reports twice a second until the returned function is called, which reports the end. */
export function reportProgress(totalBytes: number, doneBytes: () => number, report?: OnProgress): () => void {
  if (!report) return () => {}
  const startedMs = performance.now()
  const tell = (): void => {
    const done = Math.min(doneBytes(), totalBytes)
    const seconds = (performance.now() - startedMs) / 1000
    const bytesPerSecond = seconds > 0 ? done / seconds : 0
    report({
      doneBytes: done,
      totalBytes,
      bytesPerSecond,
      ...(bytesPerSecond > 0 ? { remainingSeconds: (totalBytes - done) / bytesPerSecond } : {}),
    })
  }
  const timer = setInterval(tell, INTERVAL_MS)
  return () => {
    clearInterval(timer)
    tell()
  }
}

/** What some work resolved to, and how long it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const startedMs = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - startedMs) / 1000 }
}
