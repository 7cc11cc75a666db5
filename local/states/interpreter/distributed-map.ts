import { statesArn } from '../arns.ts'
import { labelOf } from '../definition.ts'
import type { MapState } from '../definition.ts'
import type { Child } from '../engine.ts'
import { Cancelled, payloadText, StateFailure } from '../failure.ts'
import type { MapRun } from '../map-runs.ts'
import { readItems } from './item-reader.ts'
import { itemsOfState, selectItems } from './map-items.ts'
import { entryOf, writeResults } from './result-writer.ts'
import type { Destination } from './result-writer.ts'
import type { Outcome, Visit } from './visit.ts'

/** Children at once when MaxConcurrency leaves it open (AWS facts C.1). */
const CONCURRENCY = 10_000

interface Tolerance {
  readonly count: number | undefined
  readonly percentage: number | undefined
}

/** Every item runs as an execution of its own, with its own history and without the variables of this one (AWS facts C.3). */
export async function distributedMap(visit: Visit<MapState>): Promise<Outcome> {
  const { state } = visit
  const originals = state.ItemReader ? await readItems(visit, state.ItemReader) : await itemsOfState(visit)
  const { inputs } = await selectItems(visit, originals)
  const destination = await destinationOf(visit)
  const tolerance = await toleranceOf(visit)
  const run = await newRun(visit, inputs.length, tolerance)
  visit.record({ type: 'MapStateStarted', mapStateStartedEventDetails: { length: inputs.length } })
  visit.record({ type: 'MapRunStarted', mapRunStartedEventDetails: { mapRunArn: run.arn } })
  try {
    await runChildren(visit, run, inputs, tolerance)
    const result = destination ? await writeResults(visit.thread, run, inputs, destination) : run.children.map(outputOf)
    payloadText(result, visit.name)
    end(visit, run, 'SUCCEEDED')
    visit.record({ type: 'MapRunSucceeded' })
    visit.record({ type: 'MapStateSucceeded' })
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } catch (error) {
    for (const child of run.children) child.stop()
    end(visit, run, error instanceof Cancelled ? 'ABORTED' : 'FAILED')
    if (!(error instanceof StateFailure)) throw error
    const details = { error: error.error, ...(error.reason === undefined ? {} : { cause: error.reason }) }
    // What did succeed is written all the same; the failure of the run is the one to tell, not one of the writing.
    if (destination && error.error !== 'States.ResultWriterFailed')
      await writeResults(visit.thread, run, inputs, destination).catch(unlessCancelled)
    visit.record({ type: 'MapRunFailed', mapRunFailedEventDetails: details })
    visit.record({ type: 'MapStateFailed' })
    throw error
  }
}

async function newRun(visit: Visit<MapState>, itemCount: number, tolerance: Tolerance): Promise<MapRun> {
  const { engine, execution } = visit.thread
  const machine = `${execution.machineName}/${labelOf(visit.name, visit.state)}`
  const run: MapRun = {
    arn: statesArn(engine, 'mapRun', `${machine}:${engine.random.uuid()}`),
    executionArn: execution.arn,
    stateMachineArn: execution.machineArn,
    startedAtMs: engine.clock.now(),
    itemCount,
    maxConcurrency: await visit.evaluateNumber(visit.state.MaxConcurrency ?? 0, 'MaxConcurrency'),
    toleratedFailureCount: tolerance.count ?? 0,
    toleratedFailurePercentage: tolerance.percentage ?? 0,
    children: [],
    status: 'RUNNING',
    resultsWrittenCount: 0,
    endedAtMs: undefined,
  }
  engine.mapRuns.add(run)
  return run
}

function end(visit: Visit<MapState>, run: MapRun, status: MapRun['status']): void {
  run.status = status
  run.endedAtMs = visit.thread.engine.clock.now()
}

/** Throws States.ExceedToleratedFailureThreshold as soon as too many have failed. */
async function runChildren(visit: Visit<MapState>, run: MapRun, inputs: readonly unknown[], tolerance: Tolerance) {
  const { engine, execution, signal } = visit.thread
  const label = labelOf(visit.name, visit.state)
  const { ItemProcessor: block } = visit.state
  let next = 0
  let failedCount = 0
  let exceeded = false
  const worker = async (): Promise<void> => {
    while (next < inputs.length && !exceeded && !signal.aborted) {
      const inputText = JSON.stringify(inputs[next] ?? null)
      next += 1
      const child = engine.startItem({ parent: execution, label, block, inputText, mapRunArn: run.arn })
      run.children.push(child)
      await child.ended
      if (child.status === 'SUCCEEDED' || exceeded) continue
      failedCount += 1
      exceeded = isExceeded(tolerance, failedCount, inputs.length)
      if (exceeded) for (const other of run.children) other.stop()
    }
  }
  const limit = Math.min(run.maxConcurrency || CONCURRENCY, inputs.length)
  await visit.thread.waiting(Promise.all(Array.from({ length: limit }, worker)))
  if (exceeded)
    throw new StateFailure(
      'States.ExceedToleratedFailureThreshold',
      'The specified tolerated failure threshold was exceeded',
    )
}

/** Only what is specified counts, so that 100 % alone tolerates everything; nothing specified tolerates nothing. */
function isExceeded({ count, percentage }: Tolerance, failedCount: number, itemCount: number): boolean {
  if (count === undefined && percentage === undefined) return failedCount > 0
  return failedCount > (count ?? itemCount) || (failedCount / itemCount) * 100 > (percentage ?? 100)
}

async function toleranceOf(visit: Visit<MapState>): Promise<Tolerance> {
  const { ToleratedFailureCount: count, ToleratedFailurePercentage: percentage } = visit.state
  return {
    count: count === undefined ? undefined : await visit.evaluateNumber(count, 'ToleratedFailureCount'),
    percentage:
      percentage === undefined ? undefined : await visit.evaluateNumber(percentage, 'ToleratedFailurePercentage'),
  }
}

async function destinationOf(visit: Visit<MapState>): Promise<Destination | undefined> {
  const { ResultWriter: writer } = visit.state
  if (!writer) return undefined
  const args: Record<string, unknown> = Object(await visit.evaluate(writer.Arguments, 'ResultWriter/Arguments'))
  const { Bucket: bucket, Prefix: prefix = '' } = args
  if (typeof bucket !== 'string' || typeof prefix !== 'string')
    throw new StateFailure('States.ResultWriterFailed', 'ResultWriter needs a Bucket and a Prefix.')
  return { bucket, prefix }
}

/** Without a ResultWriter the outputs are the Map's output; a tolerated failure stands there as its description. */
function outputOf(child: Child): unknown {
  return child.outputText === undefined ? entryOf(child) : (JSON.parse(child.outputText) as unknown)
}

function unlessCancelled(error: unknown): void {
  if (error instanceof Cancelled) throw error
}
