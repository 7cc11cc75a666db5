import type { MachineRecord } from '../../core/contracts/records.ts'
import type { ObservedMachine } from '../../core/ports.ts'
import { TAGS } from '../../core/tags.ts'
import { age } from '../ages.ts'
import { all, print, tableFor, type CommonOptions, type Context } from '../context.ts'

interface Row {
  readonly machine: string
  readonly name: string
  readonly policy: string
  readonly power: string
  /** In scope when the machine was last inspected. */
  readonly diskCount: number | null
  readonly lastCompletePoint: MachineRecord['lastCompletePoint'] | null
  readonly problem: string
}

/** Every machine that is opted in, and every machine that was: what it carries and when it was last protected. */
export async function listMachines(context: Context, options: CommonOptions): Promise<void> {
  const operator = await context.operator(options.deployment)
  const observed = await all(operator.machines.allOptedIn())
  const records = new Map((await all(operator.catalog.machines())).map((record) => [record.machine, record]))
  const seen = new Set(observed.map(({ machine }) => machine))
  const rows = [
    ...observed.map((machine) => present(machine, records.get(machine.machine))),
    ...[...records.values()].filter(({ machine }) => !seen.has(machine)).map(absent),
  ]
  const now = operator.clock.now()
  const cells = ({ machine, name, policy, power, diskCount, lastCompletePoint: last, problem }: Row): string[] => [
    machine,
    name || '-',
    policy,
    power,
    diskCount === null ? '-' : String(diskCount),
    last?.point ?? '-',
    last ? age(last.capturedAt, now) : '-',
    problem,
  ]
  print(context, options, rows, () =>
    rows.length === 0
      ? `No machine carries the tag ${TAGS.policy}. Opt one in with: aws ec2 create-tags --resources <instance> --tags Key=${TAGS.policy},Value=<policy>`
      : tableFor(
          context,
          ['MACHINE', 'NAME', 'POLICY', 'STATE', 'DISKS', 'LAST COMPLETE POINT', 'AGE', 'PROBLEM'],
          rows.map(cells),
        ),
  )
}

const present = ({ machine, tags, power }: ObservedMachine, record: MachineRecord | undefined): Row => ({
  machine,
  name: tags['Name'] ?? '',
  policy: tags[TAGS.policy] ?? '',
  power,
  diskCount: record?.disks.length ?? null,
  lastCompletePoint: record?.lastCompletePoint ?? null,
  problem: record?.lastCompletePoint ? '' : 'no complete point yet',
})

const absent = (record: MachineRecord): Row => ({
  machine: record.machine,
  name: record.configuration.tags['Name'] ?? '',
  policy: record.policy,
  power: '-',
  diskCount: record.disks.length,
  lastCompletePoint: record.lastCompletePoint ?? null,
  problem: 'not opted in any more, or terminated; its points are kept',
})
