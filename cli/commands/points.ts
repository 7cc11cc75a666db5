import type { PointRecord } from '../../core/contracts/records.ts'
import { TandemError } from '../../core/errors.ts'
import { linksOf, sizeGiBOf } from '../../core/links.ts'
import { chosenPoint } from '../../core/use-cases/chosen-point.ts'
import { checkedMachine, checkedPoint, print, type CommonOptions, type Context } from '../context.ts'
import { shown, table } from '../terminal.ts'

/** A machine's points, newest first. */
export async function listPoints(
  context: Context,
  machine: string,
  options: CommonOptions & { readonly limit: string },
): Promise<void> {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1)
    throw new TandemError('InvalidInput', `--limit ${options.limit}: expected a whole number of at least 1`)
  const operator = await context.operator(options.deployment)
  const { points, next } = await operator.catalog.points(checkedMachine(machine), { limit })
  print(context, options, points, () =>
    points.length === 0
      ? `${machine} has no points. Make one with: tandem protect ${machine} --wait`
      : table(['POINT', 'CAPTURED AT', 'STATE', 'DISKS', 'GiB', ''], points.map(rowOf)) +
        (next ? '\n… older ones are not shown: use --limit' : ''),
  )
}

const capturedAt = (point: PointRecord): string => ('capturedAt' in point ? shown(point.capturedAt) : '-')

const rowOf = (point: PointRecord): string[] => [
  point.point,
  capturedAt(point),
  point.state,
  String(point.members.length),
  String(sizeGiBOf(point)),
  point.state === 'failed' ? `${point.failure.error}: ${point.failure.cause}` : '',
]

/** FIG. 7 of the patent: which snapshot holds which disk, mounted where. */
export async function showLinks(
  context: Context,
  machine: string,
  options: CommonOptions & { readonly point?: string },
): Promise<void> {
  const operator = await context.operator(options.deployment)
  const point = await linkedPoint(operator.catalog, checkedMachine(machine), options.point)
  const links = linksOf(point)
  print(context, options, { point: point.point, state: point.state, links }, () =>
    [
      `${point.point}  ${point.state}, captured at ${capturedAt(point)}, ${point.consistency}-consistent`,
      table(
        ['MACHINE', 'MOUNT POINT', 'DISK', 'SNAPSHOT', 'OTHER COPIES'],
        links.map((link) => [link.machine, link.mountPoint, link.disk, link.snapshot, link.otherCopies]),
      ),
    ].join('\n'),
  )
}

/** A point that is named is shown whatever its state. */
async function linkedPoint(
  catalog: Parameters<typeof chosenPoint>[0],
  machine: string,
  wanted: string | undefined,
): Promise<PointRecord> {
  const named = wanted === undefined ? undefined : await catalog.point(machine, checkedPoint(wanted))
  return named ?? chosenPoint(catalog, machine, wanted)
}
