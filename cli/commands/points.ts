import type { CopyRecord } from '../../core/contracts/copy-records.ts'
import type { PointRecord } from '../../core/contracts/records.ts'
import { copiesInWords, linksOf, sizeGiBOf } from '../../core/links.ts'
import type { Catalog } from '../../core/ports.ts'
import { chosenPoint } from '../../core/use-cases/chosen-point.ts'
import { shown } from '../ages.ts'
import { checkedMachine, checkedPoint } from '../arguments.ts'
import { print, tableFor, type CommonOptions, type Context } from '../context.ts'
import { invalidInput } from '../failure.ts'

interface PointsOptions extends CommonOptions {
  readonly limit: string
  readonly all: boolean
}

/** A machine's points, newest first. */
export async function listPoints(context: Context, machine: string, options: PointsOptions): Promise<void> {
  const limit = options.all ? Infinity : limitOf(options.limit)
  const checked = checkedMachine(machine)
  const operator = await context.operator(options.deployment)
  const { points, areThereMore } = await newestPoints(operator.catalog, checked, limit)
  const copies = await operator.copies.copies(checked)
  const view = points.map((point) => ({ ...viewOf(point), copies: copiesOf(point, copies) }))
  print(context, options, view, () =>
    points.length === 0
      ? `${machine} has no points. Make one with: tandem protect ${machine} --wait`
      : tableFor(
          context,
          ['POINT', 'CAPTURED AT', 'STATE', 'DISKS', 'GiB', 'COPIES', 'FAILURE'],
          points.map((point) => rowOf(point, copiesInWords(point, copies))),
        ) + (areThereMore ? '\nThere are older ones: --limit <count>, or --all' : ''),
  )
}

function limitOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw invalidInput(`--limit ${text}: expected a whole number of at least 1`)
}

/** Without the machine's configuration, whose user data may hold secrets, and without the members, which `links` shows. */
function viewOf(point: PointRecord) {
  const { version: _, configuration: __, members, unprotected: ___, recovery, ...view } = point
  const recovered = recovery && {
    vault: recovery.vault,
    point: recovery.point,
    path: recovery.path,
    reason: recovery.reason,
  }
  return { ...view, ...(recovered ? { recovered } : {}), diskCount: members.length, sizeGiB: sizeGiBOf(point) }
}

/** A page of the catalog may be shorter than asked for. */
async function newestPoints(
  catalog: Pick<Catalog, 'points'>,
  machine: string,
  limit: number,
): Promise<{ points: PointRecord[]; areThereMore: boolean }> {
  const points: PointRecord[] = []
  let after: string | undefined
  do {
    const page = await catalog.points(machine, {
      ...(limit === Infinity ? {} : { limit: limit - points.length }),
      ...(after === undefined ? {} : { after }),
    })
    points.push(...page.points)
    after = page.next
  } while (after !== undefined && points.length < limit)
  return { points, areThereMore: after !== undefined }
}

const capturedAt = (point: PointRecord): string => ('capturedAt' in point ? shown(point.capturedAt) : '-')

/** For programs. */
const copiesOf = ({ point }: PointRecord, copies: readonly CopyRecord[]) =>
  copies
    .filter((copy) => copy.point === point)
    .map(({ vault, url, path, reason, ...copy }) => ({
      vault,
      url,
      state: copy.state,
      path,
      reason,
      ...(copy.state === 'expired' ? { expiredAt: copy.expiredAt, expiryReason: copy.expiryReason } : {}),
    }))

const rowOf = (point: PointRecord, copies: string): string[] => [
  point.point,
  capturedAt(point),
  point.recovery ? `${point.state}, from ${point.recovery.vault}` : point.state,
  String(point.members.length),
  String(sizeGiBOf(point)),
  copies || '-',
  point.state === 'failed' ? `${point.failure.error}: ${point.failure.cause}` : '',
]

/** FIG. 7 of the patent: which snapshot holds which disk, mounted where. */
export async function showLinks(
  context: Context,
  machine: string,
  options: CommonOptions & { readonly point?: string },
): Promise<void> {
  const checked = checkedMachine(machine)
  const wanted = options.point === undefined ? undefined : checkedPoint(options.point)
  const operator = await context.operator(options.deployment)
  const point = await linkedPoint(operator.catalog, checked, wanted)
  const links = linksOf(point, await operator.copies.copies(checked))
  const instant = 'capturedAt' in point ? `captured at ${capturedAt(point)}` : 'not captured'
  print(context, options, { point: point.point, state: point.state, capturedAt: capturedAtOf(point), links }, () =>
    [
      `${point.point}  ${instant}, ${point.state}, ${point.consistency}-consistent${recoveredFrom(point)}`,
      tableFor(
        context,
        ['MACHINE', 'MOUNT POINT', 'DISK', 'SNAPSHOT', 'OTHER COPIES'],
        links.map((link) => [link.machine, link.mountPoint, link.disk, link.snapshot, link.otherCopies]),
      ),
    ].join('\n'),
  )
}

const recoveredFrom = ({ recovery }: PointRecord): string =>
  recovery ? `, recovered from ${recovery.point} in vault ${recovery.vault}` : ''

const capturedAtOf = (point: PointRecord): string | null => ('capturedAt' in point ? point.capturedAt : null)

/** A point that is named is shown whatever its state. */
async function linkedPoint(
  catalog: Pick<Catalog, 'point' | 'pointById' | 'latestCompletePoint'>,
  machine: string,
  wanted: string | undefined,
): Promise<PointRecord> {
  const named = wanted === undefined ? undefined : await catalog.point(machine, wanted)
  return named ?? chosenPoint(catalog, machine, wanted)
}
