import type { Operator } from '../../aws/operator.ts'
import type { CopyRecord } from '../../core/contracts/copy-records.ts'
import { dueCopies, owedCopies, type OwedCopy } from '../../core/due-copies.ts'
import type { MachineRecord } from '../../core/contracts/records.ts'
import { statusOf, type Observations, type Status } from '../../core/status.ts'
import { age, counted } from '../ages.ts'
import { all, each, print, type CommonOptions, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../failure.ts'

/** What is protected, what is under way, and what needs a person. Returns the exit code. */
export async function showStatus(context: Context, options: CommonOptions): Promise<ExitCode> {
  const operator = await context.operator(options.deployment)
  const observations = await observe(operator)
  const status = statusOf(observations)
  const { account, region, deployment } = operator
  print(context, options, { account, region, deployment, ...status }, () =>
    describe(context, operator, status, observations.now),
  )
  return status.findings.length === 0 ? EXIT.done : EXIT.attention
}

async function observe(operator: Operator): Promise<Observations> {
  const { machines, catalog, copies, ledger, locks, executions, clock } = operator
  const observed = await all(machines.allOptedIn())
  const records = await all(catalog.machines())
  const known = [...new Set([...observed, ...records].map(({ machine }) => machine))]
  const owners = await each(known, async (machine) => ({ machine, run: await locks.owner(machine) }))
  const held = owners.flatMap(({ machine, run }) => (run === undefined ? [] : [{ machine, run }]))
  const points = await all(catalog.openPoints())
  const reverts = await all(catalog.openReverts())
  const copied = new Map(await each(known, async (machine) => [machine, await copies.copies(machine)] as const))
  const made = [...copied.values()].flatMap(latestCopies)
  const entries = await all(ledger.all())
  const runs = [...new Set([...points, ...reverts, ...made, ...entries, ...held].map(({ run }) => run))]
  const alive = await each(runs, async (run) => ((await executions.isRunning(run)) ? [run] : []))
  return {
    now: clock.now(),
    observed,
    records,
    points,
    reverts,
    copies: made,
    owed: await owedBy(operator, observed, records, copied),
    ledger: entries,
    locks: held,
    livingRuns: new Set(alive.flat()),
  }
}

/** Looks at the points of those machines alone whose latest one should have been copied. */
async function owedBy(
  { catalog, copying, clock }: Operator,
  observed: readonly { readonly machine: string }[],
  records: readonly MachineRecord[],
  copied: ReadonlyMap<string, readonly CopyRecord[]>,
): Promise<OwedCopy[]> {
  const { copyRules } = await copying()
  const optedIn = new Set(observed.map(({ machine }) => machine))
  const owed = await each(records, async ({ machine, policy, lastCompletePoint: latest }) => {
    const [rules = [], copies = []] = [copyRules[policy], copied.get(machine)]
    if (!latest || !optedIn.has(machine)) return []
    if (dueCopies(rules, copies, { point: '', capturedAt: latest.capturedAt }).length === 0) return []
    const { points } = await catalog.points(machine)
    return owedCopies(rules, copies, points, clock.now())
  })
  return owed.flat()
}

/** @param copies of one machine, the newest points first */
const latestCopies = (copies: readonly CopyRecord[]): CopyRecord[] =>
  copies.filter(
    ({ vault, state }, index) => state === 'copying' || copies.findIndex((copy) => copy.vault === vault) === index,
  )

function describe({ terminal }: Context, operator: Operator, status: Status, now: string): string {
  const { green, yellow, dim } = terminal.outColors
  const { machineCount, protectedCount, formerCount, oldest, work, openLedgerCount, findings } = status
  return [
    `Deployment ${operator.deployment} in account ${operator.account}, ${operator.region}`,
    `${counted(machineCount, 'machine')} opted in, ${protectedCount} with a complete point`,
    ...(oldest
      ? [
          `The oldest of their latest points is ${age(oldest.capturedAt, now)} old: ${oldest.point} of ${oldest.machine}`,
        ]
      : []),
    ...(formerCount > 0 ? [`${counted(formerCount, 'machine')} opted out or terminated; the points are kept`] : []),
    ...(work.length > 0 ? ['Under way:'] : []),
    ...work.map(({ machine, run, what }) => `  ${machine}  ${what || 'locked'}  ${dim(run)}`),
    ...(openLedgerCount > 0 ? [`${counted(openLedgerCount, 'resource')} made or being made, not yet handed over`] : []),
    ...(findings.length === 0
      ? [green('Nothing needs attention.')]
      : [
          yellow(`${counted(findings.length, 'finding')}:`),
          ...findings.flatMap(({ about, finding, advice }) => [`${yellow('!')} ${about} ${finding}`, `    ${advice}`]),
        ]),
  ].join('\n')
}
