import type { CopyRecord } from './contracts/copy-records.ts'
import type { LedgerEntry, MachineRecord, PointRecord, RevertRecord } from './contracts/records.ts'
import type { OwedCopy } from './due-copies.ts'
import { msBetween } from './instants.ts'
import type { ObservedMachine } from './ports.ts'

/** What `tandem status` is made of: what the account and the catalog show at one moment. */
export interface Observations {
  readonly now: string
  /** Machines that carry the policy tag. */
  readonly observed: readonly Pick<ObservedMachine, 'machine'>[]
  /** Machines that were ever seen. */
  readonly records: readonly MachineRecord[]
  readonly points: readonly PointRecord[]
  readonly reverts: readonly RevertRecord[]
  /** The newest of each machine in each vault, and all that are under way. */
  readonly copies: readonly CopyRecord[]
  /** Of machines that carry the policy tag. */
  readonly owed: readonly OwedCopy[]
  readonly ledger: readonly LedgerEntry[]
  /** Held by runs that live. */
  readonly locks: readonly { readonly machine: string; readonly run: string }[]
  /** Of the runs above, those that live. */
  readonly livingRuns: ReadonlySet<string>
}

/** Something that a person should look at. */
export interface Finding {
  /** An id. */
  readonly about: string
  readonly finding: string
  /** What to do. */
  readonly advice: string
}

/** Work that a living run does on a machine. */
export interface Work {
  readonly machine: string
  readonly run: string
  /** `point pt-… (capturing)`; empty while it has written nothing yet. */
  readonly what: string
}

export interface Status {
  readonly machineCount: number
  readonly protectedCount: number
  /** Known machines that carry the tag no more, or are gone; their points are kept. */
  readonly formerCount: number
  /** The machine whose latest complete point is the oldest. */
  readonly oldest?: { readonly machine: string; readonly point: string; readonly capturedAt: string }
  readonly work: readonly Work[]
  readonly openLedgerCount: number
  readonly findings: readonly Finding[]
}

/** What is protected, what is under way, and what nobody is working on although it is not finished. */
export function statusOf(observations: Observations): Status {
  const { observed, records, ledger } = observations
  const recordOf = new Map(records.map((record) => [record.machine, record]))
  const latest = observed.flatMap(({ machine }) => {
    const last = recordOf.get(machine)?.lastCompletePoint
    return last ? [{ machine, ...last }] : []
  })
  const [oldest] = latest.toSorted((one, other) => msBetween(other.capturedAt, one.capturedAt))
  const optedIn = new Set(observed.map(({ machine }) => machine))
  return {
    machineCount: observed.length,
    protectedCount: latest.length,
    formerCount: records.filter(({ machine }) => !optedIn.has(machine)).length,
    ...(oldest ? { oldest } : {}),
    work: workOf(observations),
    openLedgerCount: ledger.length,
    findings: [
      ...observed
        .filter(({ machine }) => !recordOf.get(machine)?.lastCompletePoint)
        .map(({ machine }) => ({
          about: machine,
          finding: 'is opted in and has no complete point',
          advice: `tandem protect ${machine} --wait`,
        })),
      ...abandoned(observations),
      ...uncopied(observations),
      ...overdue(observations),
      ...leftOver(observations),
    ],
  }
}

const isOver = ({ livingRuns }: Observations, { run }: { readonly run: string }): boolean => !livingRuns.has(run)

/** Locks, and what their holders have open. A run that has let go of its lock, or not yet taken it, shows by its open item. */
function workOf(observations: Observations): Work[] {
  const open = [
    ...observations.points.map(({ point, ...rest }) => ({ ...rest, what: `point ${point} (${rest.state})` })),
    ...observations.reverts.map(({ revert, ...rest }) => ({ ...rest, what: `revert ${revert} (${rest.state})` })),
    ...observations.copies
      .filter(({ state }) => state === 'copying')
      .map(({ machine, run, point, vault }) => ({ machine, run, what: `copy of ${point} to ${vault}` })),
  ].filter((item) => !isOver(observations, item))
  return [
    ...open.map(({ machine, run, what }) => ({ machine, run, what })),
    ...observations.locks
      .filter((lock) => !open.some(({ run, machine }) => run === lock.run && machine === lock.machine))
      .map(({ machine, run }) => ({ machine, run, what: '' })),
  ]
}

/** Points and reverts that are open although their run is over. */
function abandoned(observations: Observations): Finding[] {
  return [
    ...observations.points
      .filter((point) => isOver(observations, point))
      .map(({ point, machine, state, recovery }) => ({
        about: point,
        finding: `of ${machine} is ${state}, but its run is over`,
        advice: recovery
          ? `recover it anew, which settles it: tandem recover ${machine} --wait`
          : `the next protection of the machine settles it: tandem protect ${machine} --wait`,
      })),
    ...observations.reverts
      .filter((revert) => isOver(observations, revert))
      .map(({ revert, machine, state }) => ({
        about: revert,
        finding: `of ${machine} is ${state}, but its run is over`,
        advice: `the next revert of the machine settles it; look at it first: tandem revert ${machine} --plan`,
      })),
  ]
}

/** Copies that nobody is making any more, and that are not there. */
function uncopied(observations: Observations): Finding[] {
  return observations.copies.flatMap((copy) => {
    const { machine, point, vault } = copy
    const advice = `tandem copy ${machine} --vault ${vault} --wait`
    const about = `${point} of ${machine}`
    if (copy.state === 'failed')
      return [
        { about, finding: `was not copied to vault ${vault}: ${copy.failure.error}: ${copy.failure.cause}`, advice },
      ]
    if (copy.state === 'copying' && isOver(observations, copy))
      return [{ about, finding: `is being copied to vault ${vault}, but the run is over`, advice }]
    return []
  })
}

/** Copies that were never begun. One that failed is a finding already. */
function overdue({ owed, copies }: Observations): Finding[] {
  const hasFailed = ({ machine, vault }: OwedCopy): boolean =>
    copies.some((copy) => copy.machine === machine && copy.vault === vault && copy.state === 'failed')
  return owed
    .filter((copy) => !hasFailed(copy))
    .map(({ machine, vault, every, point, run, latest }) => ({
      about: machine,
      finding:
        `should be copied to vault ${vault} every ${every.replace(/^1 /, '')}, ` +
        `and ${latest === undefined ? 'was never' : `is not since its point of ${latest}`}; no copy of ${point} was begun`,
      advice: `tandem copy ${machine} --vault ${vault} --wait; why not is in the output of ${run}`,
    }))
}

/** Resources that were made, or may have been, and that nobody is working on any more. */
function leftOver(observations: Observations): Finding[] {
  return observations.ledger
    .filter((entry) => isOver(observations, entry) || msBetween(entry.deadline, observations.now) > 0)
    .map((entry) => ({
      about: entry.resource ?? entry.item,
      finding:
        `(${entry.purpose}) ${entry.resource ? 'was made' : 'may have been made'} by a run that ` +
        (isOver(observations, entry) ? 'is over' : `should have been done with it by ${entry.deadline}`),
      advice: entry.item.startsWith('proxy:')
        ? 'it ends by itself at its deadline; at once with: aws ec2 terminate-instances --instance-ids <id>'
        : `the next revert of the machine tidies up; look at it first: tandem revert ${entry.machine} --plan`,
    }))
}
