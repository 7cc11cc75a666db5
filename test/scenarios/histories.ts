/** Whether the histories of all executions of a world could be those of AWS. */
import {
  paginateGetExecutionHistory,
  paginateListExecutions,
  paginateListMapRuns,
  paginateListStateMachines,
  SFNClient,
  type HistoryEvent,
} from '@aws-sdk/client-sfn'
import type { World } from './world.ts'

const ENDS = ['ExecutionSucceeded', 'ExecutionFailed', 'ExecutionTimedOut', 'ExecutionAborted']
const TASK_ENDS = ['TaskSucceeded', 'TaskFailed', 'TaskTimedOut']

/** What must not be, in words; nothing for a plausible history of an execution that has ended. */
export function implausible(events: readonly HistoryEvent[]): string[] {
  const found: string[] = []
  const types = events.map(({ type = '' }) => type)
  const count = (wanted: (type: string) => boolean): number => types.filter(wanted).length
  if (types[0] !== 'ExecutionStarted') found.push('does not begin with its start')
  if (!ENDS.includes(types.at(-1) ?? '')) found.push('does not end with its end')
  if (count((type) => ENDS.includes(type)) !== 1 + count((type) => type === 'ExecutionRedriven'))
    found.push('ends more or less often than it runs')
  for (const [index, { id, previousEventId = -1, timestamp, type }] of events.entries()) {
    const at = `${String(type)} at ${index + 1}`
    if (id !== index + 1) found.push(`${at} has the id ${id}`)
    if (previousEventId < 0 || previousEventId > index) found.push(`${at} follows ${previousEventId}`)
    if ((events[index - 1]?.timestamp ?? 0) > (timestamp ?? 0)) found.push(`${at} is earlier than the event before it`)
    const before = previousEventId === 0 ? undefined : events[previousEventId - 1]?.type
    if (type === 'TaskStarted' && before !== 'TaskScheduled') found.push(`${at} follows ${before}`)
    if (TASK_ENDS.includes(type ?? '') && !['TaskStarted', 'TaskSubmitted'].includes(before ?? ''))
      found.push(`${at} follows ${before}`)
  }
  return [...found, ...unbalanced(events, types)]
}

/** A state that is left was entered before; of an execution that succeeded, all are left unless a branch was cut short. */
function unbalanced(events: readonly HistoryEvent[], types: readonly string[]): string[] {
  const open = new Map<string, number>()
  const found: string[] = []
  for (const { stateEnteredEventDetails: entered, stateExitedEventDetails: exited } of events) {
    if (entered) open.set(entered.name ?? '', (open.get(entered.name ?? '') ?? 0) + 1)
    if (!exited) continue
    const left = (open.get(exited.name ?? '') ?? 0) - 1
    if (left < 0) found.push(`${exited.name} is left before it is entered`)
    open.set(exited.name ?? '', left)
  }
  const isWhole = types.at(-1) === 'ExecutionSucceeded' && !types.some((type) => type.endsWith('Aborted'))
  for (const [name, left] of isWhole ? open : []) if (left !== 0) found.push(`${name} is entered and not left`)
  return found
}

async function all<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const found: Item[] = []
  for await (const page of pages) found.push(...(itemsOf(page) ?? []))
  return found
}

/** Of every execution, those of Map Runs included: what is implausible, by its ARN. */
export async function implausibleHistories({
  account,
}: World): Promise<{ executionCount: number; problems: string[] }> {
  const { endpoint, region, credentials, clock } = account
  const client = new SFNClient({ endpoint, region, credentials })
  return clock.holding(async () => {
    const machines = await all(paginateListStateMachines({ client }, {}), ({ stateMachines }) => stateMachines)
    const arns: string[] = []
    for (const { stateMachineArn } of machines) {
      const executions = await all(paginateListExecutions({ client }, { stateMachineArn }), (page) => page.executions)
      for (const { executionArn = '' } of executions) {
        arns.push(executionArn)
        for (const { mapRunArn } of await all(
          paginateListMapRuns({ client }, { executionArn }),
          (page) => page.mapRuns,
        ))
          for (const child of await all(paginateListExecutions({ client }, { mapRunArn }), (page) => page.executions))
            arns.push(child.executionArn ?? '')
      }
    }
    const problems: string[] = []
    for (const executionArn of arns) {
      const pages = paginateGetExecutionHistory({ client, pageSize: 1000 }, { executionArn })
      const events = await all(pages, (page) => page.events)
      problems.push(...implausible(events).map((problem) => `${executionArn}: ${problem}`))
    }
    return { executionCount: arns.length, problems }
  })
}
