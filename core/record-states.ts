import type { CopyIn, CopyRecord } from './contracts/copy-records.ts'
import type { PointIn, PointRecord, RevertIn, RevertRecord } from './contracts/records.ts'

/** What a record's state means, told in one place: whoever adds a state has to decide only here. */

/** The instant is fixed and every member has its snapshot. */
export const isCaptured = (point: PointRecord): point is PointIn<'captured' | 'complete'> =>
  point.state === 'captured' || point.state === 'complete'

/** No run has anything left to do about it. */
export const isFinalPoint = (point: PointRecord): point is PointIn<'complete' | 'failed'> =>
  point.state === 'complete' || point.state === 'failed'

/** As `isFinalPoint`. */
export const isFinalRevert = (revert: RevertRecord): revert is RevertIn<'reverted' | 'failed'> =>
  revert.state === 'reverted' || revert.state === 'failed'

/** As `isFinalPoint`. */
export const isFinalCopy = (copy: CopyRecord): copy is CopyIn<'committed' | 'failed' | 'expired'> =>
  copy.state !== 'copying'

/** The vault holds the point, or is about to. */
export const isInVault = (copy: CopyRecord): copy is CopyIn<'copying' | 'committed'> =>
  copy.state === 'copying' || copy.state === 'committed'
