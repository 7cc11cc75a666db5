import { AwsError } from '../../wire/service.ts'
import { statesArn } from '../arns.ts'
import { labelOf } from '../definition.ts'
import type { MapState } from '../definition.ts'
import type { Child } from '../engine.ts'
import { Cancelled, payloadText, StateFailure } from '../failure.ts'
import { OPEN_LIMIT, REDRIVE_LIMIT } from '../map-runs.ts'
import type { MapRun, Tolerance } from '../map-runs.ts'
import { readItems } from './item-reader.ts'
import { itemsOfState, selectItems } from './map-items.ts'
import { entryOf, writeResults } from './result-writer.ts'
import type { Outcome, Visit } from './visit.ts'

/** Children at once when MaxConcurrency leaves it open (AWS facts C.1). */
const CONCURRENCY = 10_000

/** Every item runs as an execution of its own, with its own history and without the variables of this one (AWS facts C.3). */
export async function distributedMap(visit: Visit<MapState>): Promise<Outcome> {
  const { state } = visit
  const { mapRuns } = visit.thread.engine
  const step = visit.step('mapRun')
  const run = step ? mapRuns.find(step.arn) : await begin(visit)
  if (run.status !== 'RUNNING') redrive(visit, run)
  try {
    await runChildren(visit, run)
    const children = childrenOf(visit, run)
    const result = run.destination
      ? await writeResults(visit.thread, run, children, run.destination)
      : children.map(outputOf)
    payloadText(result, visit.name)
    end(visit, run, 'SUCCEEDED')
    visit.record({ type: 'MapRunSucceeded' })
    visit.record({ type: 'MapStateSucceeded' })
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } catch (error) {
    for (const child of childrenOf(visit, run)) child.stop()
    end(visit, run, error instanceof Cancelled ? 'ABORTED' : 'FAILED')
    if (error instanceof StateFailure) await tellFailure(visit, run, error)
    throw error
  }
}

const childrenOf = (visit: Visit<MapState>, run: MapRun): Child[] =>
  run.children.map((arn) => visit.thread.engine.execution(arn))

async function begin(visit: Visit<MapState>): Promise<MapRun> {
  const { state, thread } = visit
  const { engine, execution } = thread
  const originals = state.ItemReader ? await readItems(visit, state.ItemReader) : await itemsOfState(visit)
  const { inputs } = await selectItems(visit, originals)
  const destination = await destinationOf(visit)
  const tolerance = await toleranceOf(visit)
  const maxConcurrency = await visit.evaluateNumber(state.MaxConcurrency ?? 0, 'MaxConcurrency')
  checkMayRun(visit)
  const machine = `${execution.machineName}/${labelOf(visit.name, visit.state)}`
  const run: MapRun = {
    arn: statesArn(engine, 'mapRun', `${machine}:${engine.random.uuid()}`),
    executionArn: execution.arn,
    stateMachineArn: execution.machineArn,
    startedAtMs: engine.clock.now(),
    inputs,
    destination,
    maxConcurrency,
    tolerance,
    children: [],
    pendingRedrive: new Set(),
    status: 'RUNNING',
    resultsWrittenCount: 0,
    endedAtMs: undefined,
    redriveCount: 0,
    redrivenAtMs: undefined,
  }
  visit.record({ type: 'MapStateStarted', mapStateStartedEventDetails: { length: inputs.length } })
  visit.record({ type: 'MapRunStarted', mapRunStartedEventDetails: { mapRunArn: run.arn } })
  engine.mapRuns.all.set(run.arn, run)
  visit.begin({ kind: 'mapRun', arn: run.arn })
  return run
}

/** A machine starts its children as it would start itself, so its role must be allowed to (AWS facts C.3). */
function checkMayRun({ thread: { engine, execution } }: Visit<MapState>): void {
  if (engine.mapRuns.openCount >= OPEN_LIMIT)
    throw new StateFailure('States.Runtime', `There are ${OPEN_LIMIT} open Map Runs in this account already.`)
  try {
    engine.permit(execution, 'states:StartExecution', execution.machineArn)
  } catch (error) {
    throw error instanceof AwsError ? new StateFailure('States.Permissions', error.message) : error
  }
}

/** Its parent was redriven: what did not succeed runs again, and what never ran begins. */
function redrive(visit: Visit<MapState>, run: MapRun): void {
  if (run.redriveCount >= REDRIVE_LIMIT)
    throw new StateFailure('States.Runtime', `The Map Run was redriven ${REDRIVE_LIMIT} times already.`)
  run.status = 'RUNNING'
  run.endedAtMs = undefined
  run.redriveCount += 1
  run.redrivenAtMs = visit.thread.engine.clock.now()
  for (const { arn, status } of childrenOf(visit, run)) if (status !== 'SUCCEEDED') run.pendingRedrive.add(arn)
  const { arn: mapRunArn, redriveCount } = run
  visit.record({ type: 'MapRunRedriven', mapRunRedrivenEventDetails: { mapRunArn, redriveCount } })
}

async function tellFailure(visit: Visit<MapState>, run: MapRun, { error, reason }: StateFailure): Promise<void> {
  // What did succeed is written all the same; the failure of the run is the one to tell, not one of the writing.
  if (run.destination && error !== 'States.ResultWriterFailed')
    await writeResults(visit.thread, run, childrenOf(visit, run), run.destination).catch(unlessCancelled)
  const details = { error, ...(reason === undefined ? {} : { cause: reason }) }
  visit.record({ type: 'MapRunFailed', mapRunFailedEventDetails: details })
  visit.record({ type: 'MapStateFailed' })
}

function end(visit: Visit<MapState>, run: MapRun, status: MapRun['status']): void {
  run.status = status
  run.endedAtMs = visit.thread.engine.clock.now()
  run.pendingRedrive.clear()
}

/** Throws States.ExceedToleratedFailureThreshold as soon as too many have failed. */
async function runChildren(visit: Visit<MapState>, run: MapRun): Promise<void> {
  const { engine, execution, signal } = visit.thread
  const { inputs, children } = run
  const label = labelOf(visit.name, visit.state)
  const { ItemProcessor: block } = visit.state
  let next = 0
  let failedCount = 0
  let exceeded = false
  const start = (index: number): Child => {
    const inputText = JSON.stringify(inputs[index] ?? null)
    const child = engine.startItem({ parent: execution, label, block, inputText, mapRunArn: run.arn })
    children[index] = child.arn
    return child
  }
  const childAt = (index: number): Child => {
    const arn = children[index]
    if (arn === undefined) return start(index)
    const child = engine.execution(arn)
    if (!run.pendingRedrive.delete(arn)) return child
    // One whose history is full cannot be redriven: its item begins anew.
    if (!child.isRedrivable) return start(index)
    child.redrive()
    return child
  }
  const worker = async (): Promise<void> => {
    while (next < inputs.length && !exceeded && !signal.aborted && !engine.isHalted()) {
      next += 1
      const child = childAt(next - 1)
      if (child.status === 'RUNNING') await child.ended
      if (child.status === 'SUCCEEDED' || exceeded) continue
      failedCount += 1
      exceeded = isExceeded(run.tolerance, failedCount, inputs.length)
      if (exceeded) for (const other of children) engine.execution(other).stop()
    }
  }
  const limit = Math.min(run.maxConcurrency || CONCURRENCY, CONCURRENCY, inputs.length)
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

async function destinationOf(visit: Visit<MapState>): Promise<MapRun['destination']> {
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
