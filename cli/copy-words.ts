import { inDollars, type Estimate } from '../core/copy-plan.ts'
import type { DiskToCopy } from '../core/contracts/jobs.ts'
import { BLOCK_BYTES } from '../core/block-size.ts'
import type { CopyPreview } from '../core/use-cases/preview-copy.ts'
import { age, counted, shown } from './ages.ts'
import { bytesInWords } from './bytes.ts'
import { table } from './table.ts'
import type { Colors } from './terminal.ts'

/** What would be copied, disk by disk, by which path and why, what it takes, and what is in the way. */
export function copyPreviewInWords(preview: CopyPreview, now: string, { bold, yellow }: Colors): string {
  const { machine, point, capturedAt, vault, url, path, reason, disks } = preview
  const subject = `Point ${point} of ${machine}, captured at ${shown(capturedAt)} (${age(capturedAt, now)} ago),`
  if (path === 'none') return `${subject} is in vault ${vault} (${url}): ${reason}. Nothing would be copied.`
  const notes = notesOf(preview)
  return [
    `${subject} would be copied to vault ${vault} (${url}).`,
    '',
    table(['DISK', 'SNAPSHOT', 'SIZE', 'BLOCKS', 'TO READ', 'COMPARED WITH'], disks.map(rowOf), bold),
    '',
    `${path === 'direct' ? 'By the EBS direct APIs' : `By ${proxiesOf(preview)}`}: ${reason}.`,
    ...costs(preview),
    ...(notes.length > 0 ? ['', ...notes.map((note) => yellow(note))] : []),
  ].join('\n')
}

function rowOf({ volume, snapshot, sizeBytes, blockCount, since, lineageBroken }: DiskToCopy): string[] {
  const nothing = lineageBroken ? '- (no copy can be compared with)' : '- (no earlier copy)'
  return [
    volume,
    snapshot,
    bytesInWords(sizeBytes),
    blockCount.toLocaleString('en'),
    bytesInWords(blockCount * BLOCK_BYTES),
    since?.snapshot ?? nothing,
  ]
}

const proxiesOf = ({ proxies }: CopyPreview): string =>
  `${proxies.length === 1 ? 'a proxy' : `${proxies.length} proxies`} (${proxies.map(({ instanceType, disks }) => `${instanceType} with ${counted(disks.length, 'disk')}`).join(', ')}; spot first)`

const estimateInWords = ({ seconds, usd }: Estimate): string =>
  `about ${counted(Math.max(1, Math.ceil(seconds / 60)), 'minute')} and ${inDollars(usd)}`

function costs({ estimates, readBytes }: CopyPreview): string[] {
  if (!estimates) return []
  return [
    `${bytesInWords(readBytes)} to read: ${estimateInWords(estimates.direct)} by the EBS direct APIs, ${estimateInWords(estimates.proxy)} by a proxy.`,
    'At list prices of us-east-1, spot ones aside; what the bucket stores comes on top.',
  ]
}

function notesOf({ isVaultNew, busyWith, leftBy, failure, isTooMuchForLambda, vault, disks }: CopyPreview): string[] {
  const broken = disks.filter(({ lineageBroken }) => lineageBroken).map(({ volume }) => volume)
  return [
    ...(busyWith
      ? [`In the way now: ${busyWith} makes this copy. Another run waits up to 30 minutes for it to end.`]
      : []),
    ...(leftBy ? [`${leftBy} left this copy unfinished. It is taken over, with what is in the vault already.`] : []),
    ...(failure ? [`The last try failed: ${failure.error}: ${failure.cause}`] : []),
    ...(isVaultNew ? [`Vault ${vault} is not there yet: the run makes it.`] : []),
    ...(broken.length > 0
      ? [
          `All that was written of ${broken.join(', ')} is read: the snapshot of its newest copy is gone, or of another lineage.`,
        ]
      : []),
    ...(isTooMuchForLambda
      ? [
          'More than a Lambda reads of one disk in its time: a try is ended, and the next goes on behind it. A proxy would do.',
        ]
      : []),
  ]
}
