import type { MachineRecord } from '../../core/contracts/records.ts'
import type { ObservedMachine } from '../../core/ports.ts'
import { TAGS } from '../../core/tags.ts'
import { all, print, type CommonOptions, type Context } from '../context.ts'
import { age, table } from '../terminal.ts'

interface Row {
  readonly machine: string
  readonly name: string
  readonly policy: string
  readonly power: string
  readonly diskCount: number | undefined
  readonly lastCompletePoint: MachineRecord['lastCompletePoint']
  readonly problem: string
}

/** Every machine that is opted in, and every machine that was: what it carries and when it was last protected. */
export async function listMachines(context: Context, options: CommonOptions): Promise<void> {
  const operator = await context.operator(options.deployment)
  const observed = await all(operator.machines.allOptedIn())
  const records = new Map((await all(operator.catalog.machines())).map((record) => [record.machine, record]))
  const rows = [
    ...observed.map((machine) => present(machine, records.get(machine.machine))),
    ...[...records.values()].filter(({ machine }) => !observed.some((other) => other.machine === machine)).map(absent),
  ]
  const now = operator.clock.now()
  print(context, options, rows, () =>
    rows.length === 0
      ? `No machine carries the tag ${TAGS.policy}. Opt one in with: aws ec2 create-tags --resources <instance> --tags Key=${TAGS.policy},Value=<policy>`
      : table(
          ['MACHINE', 'NAME', 'POLICY', 'STATE', 'DISKS', 'LAST POINT', 'AGE', ''],
          rows.map(({ machine, name, policy, power, diskCount, lastCompletePoint: last, problem }) => [
            machine,
            name,
            policy,
            power,
            diskCount === undefined ? '-' : String(diskCount),
            last?.point ?? '-',
            last ? age(last.capturedAt, now) : '-',
            problem,
          ]),
        ),
  )
}

const present = ({ machine, tags, power }: ObservedMachine, record: MachineRecord | undefined): Row => ({
  machine,
  name: tags['Name'] ?? '',
  policy: tags[TAGS.policy] ?? '',
  power,
  diskCount: record?.disks.length,
  lastCompletePoint: record?.lastCompletePoint,
  problem: record?.lastCompletePoint ? '' : 'never protected',
})

const absent = (record: MachineRecord): Row => ({
  machine: record.machine,
  name: record.configuration.tags['Name'] ?? '',
  policy: record.policy,
  power: 'gone',
  diskCount: record.disks.length,
  lastCompletePoint: record.lastCompletePoint,
  problem: 'no longer opted in, or terminated; its points are kept',
})
