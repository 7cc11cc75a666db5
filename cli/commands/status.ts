import colors from 'picocolors'
import type { Operator } from '../../aws/operator.ts'
import { msBetween } from '../../core/instants.ts'
import { all, print, type CommonOptions, type Context } from '../context.ts'
import { EXIT } from '../failure.ts'
import { age } from '../terminal.ts'

interface Finding {
  readonly about: string
  readonly finding: string
}

/** What nobody is working on any more and is not finished, and machines that are not protected. Returns the exit code. */
export async function showStatus(context: Context, options: CommonOptions): Promise<number> {
  const operator = await context.operator(options.deployment)
  const observed = await all(operator.machines.allOptedIn())
  const records = new Map((await all(operator.catalog.machines())).map((record) => [record.machine, record]))
  const findings: Finding[] = [
    ...observed.flatMap(({ machine }) =>
      records.get(machine)?.lastCompletePoint ? [] : [{ about: machine, finding: 'has no complete point' }],
    ),
    ...(await unfinishedRuns(operator)),
    ...(await overdueResources(operator)),
  ]
  const protectedCount = observed.filter(({ machine }) => records.get(machine)?.lastCompletePoint).length
  const oldest = observed
    .flatMap(({ machine }) => records.get(machine)?.lastCompletePoint?.capturedAt ?? [])
    .toSorted()[0]
  const { account, region, deployment } = operator
  print(
    context,
    options,
    { account, region, deployment, machineCount: observed.length, protectedCount, oldest, findings },
    () =>
      [
        `deployment ${deployment} in account ${account}, ${region}`,
        `${observed.length} machines opted in, ${protectedCount} with a complete point` +
          (oldest ? `; the oldest of their latest points is ${age(oldest, operator.clock.now())} old` : ''),
        ...(findings.length === 0
          ? [colors.green('nothing needs attention')]
          : findings.map(({ about, finding }) => `${colors.yellow('!')} ${about} ${finding}`)),
      ].join('\n'),
  )
  return findings.length === 0 ? EXIT.done : EXIT.attention
}

/** Points and reverts that are open although their run has ended. */
async function unfinishedRuns(operator: Operator): Promise<Finding[]> {
  const open = [
    ...(await all(operator.catalog.openPoints())).map((point) => ({ ...point, id: point.point, what: 'point' })),
    ...(await all(operator.catalog.openReverts())).map((revert) => ({ ...revert, id: revert.revert, what: 'revert' })),
  ]
  const findings: Finding[] = []
  for (const { id, what, machine, state, run } of open)
    if (!(await operator.executions.isRunning(run)))
      findings.push({
        about: id,
        finding: `(${what} of ${machine}) is ${state}, but its run has ended; the next ${what === 'point' ? 'protection' : 'revert'} of the machine settles it`,
      })
  return findings
}

/** Resources that were made for a run and that nobody has been working on since their deadline. */
async function overdueResources(operator: Operator): Promise<Finding[]> {
  const now = operator.clock.now()
  return (await all(operator.ledger.all()))
    .filter(({ deadline }) => msBetween(deadline, now) > 0)
    .map(({ resource, purpose, machine, deadline }) => ({
      about: resource ?? 'a resource that may exist',
      finding: `(${purpose}) was to be done with by ${deadline}; look at ${machine}`,
    }))
}
