import type {
  GetObjectLegalHoldOutput,
  GetObjectLegalHoldRequest,
  GetObjectLockConfigurationOutput,
  GetObjectLockConfigurationRequest,
  GetObjectRetentionOutput,
  GetObjectRetentionRequest,
  PutObjectLegalHoldRequest,
  PutObjectLockConfigurationRequest,
  PutObjectRetentionRequest,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { invalidArgument, invalidRequest, lockedObject, malformedXml } from './errors.ts'
import type { DefaultRetention, LockMode, ObjectVersion, Retention, Version } from './model.ts'
import { findVersion } from './versions.ts'

const DAY_MS = 86_400_000
/** A retention of 100 years is the longest. */
const MAX_DAYS = 36_500
const MAX_YEARS = 100

const MISSING = 'Bucket is missing Object Lock Configuration'

interface LockRequest {
  readonly ObjectLockMode?: string
  readonly ObjectLockRetainUntilDate?: Date
  readonly ObjectLockLegalHoldStatus?: string
}

/**
 * The lock of a new object: what the request says, else the bucket's default.
 * @throws AwsError `InvalidRequest`, `InvalidArgument`
 */
export function lockOf(request: LockRequest, bucket: Bucket): Pick<ObjectVersion, 'retention' | 'isLegallyHeld'> {
  const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until, ObjectLockLegalHoldStatus: hold } = request
  const isAsked = mode !== undefined || until !== undefined || hold !== undefined
  const { objectLock } = bucket.state
  if (!objectLock) {
    if (isAsked) throw invalidRequest(MISSING)
    return { isLegallyHeld: false }
  }
  if ((mode === undefined) !== (until === undefined)) {
    throw invalidArgument('x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied', {
      ArgumentName: mode === undefined ? 'x-amz-object-lock-mode' : 'x-amz-object-lock-retain-until-date',
    })
  }
  const isLegallyHeld = holdOf(hold ?? 'OFF')
  if (mode !== undefined && until) {
    return { retention: { mode: modeOf(mode), untilMs: futureMs(until, bucket) }, isLegallyHeld }
  }
  const { defaultRetention } = objectLock
  return defaultRetention
    ? { retention: { mode: defaultRetention.mode, untilMs: endOf(defaultRetention, bucket.nowMs()) }, isLegallyHeld }
    : { isLegallyHeld }
}

/** An upload that locks must prove its bytes. */
export function checkLockedDigest(request: LockRequest, hasDigest: boolean): void {
  if (request.ObjectLockMode === undefined && request.ObjectLockLegalHoldStatus === undefined) return
  if (!hasDigest) {
    throw invalidRequest(
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    )
  }
}

/** @throws AwsError `AccessDenied` when a version must not be removed for good */
export function checkRemovable(version: Version, mayBypass: boolean, nowMs: number): void {
  if (version.kind === 'marker') return
  const { retention, isLegallyHeld } = version
  const isRetained = retention !== undefined && retention.untilMs > nowMs
  if (isLegallyHeld || (isRetained && !(retention.mode === 'GOVERNANCE' && mayBypass))) throw lockedObject()
}

/** A lock as replies to reads carry it. */
export function lockMembers({ retention, isLegallyHeld }: ObjectVersion): object {
  return {
    ...(retention ? { ObjectLockMode: retention.mode, ObjectLockRetainUntilDate: new Date(retention.untilMs) } : {}),
    ...(isLegallyHeld ? { ObjectLockLegalHoldStatus: 'ON' } : {}),
  }
}

export function objectLockOperations(buckets: Buckets): Operations {
  return {
    PutObjectLockConfiguration(request: PutObjectLockConfigurationRequest, caller: Caller): object {
      const { state } = buckets.of(request, caller)
      const { ObjectLockEnabled, Rule } = request.ObjectLockConfiguration ?? {}
      if (ObjectLockEnabled !== 'Enabled') throw malformedXml()
      if (state.versioning !== 'Enabled') {
        const message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        throw new AwsError('InvalidBucketState', message, { status: 409 })
      }
      state.objectLock = Rule ? { defaultRetention: defaultRetentionOf(Rule.DefaultRetention) } : {}
      return {}
    },
    GetObjectLockConfiguration(
      request: GetObjectLockConfigurationRequest,
      caller: Caller,
    ): GetObjectLockConfigurationOutput {
      const { objectLock } = buckets.of(request, caller).state
      if (!objectLock) {
        const message = 'Object Lock configuration does not exist for this bucket'
        throw new AwsError('ObjectLockConfigurationNotFoundError', message, { status: 404 })
      }
      const { mode, days, years } = objectLock.defaultRetention ?? {}
      const rule = mode ? { Rule: { DefaultRetention: { Mode: mode, Days: days, Years: years } } } : {}
      return { ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', ...rule } }
    },
    PutObjectRetention(request: PutObjectRetentionRequest, caller: Caller): object {
      const [bucket, version] = lockable(buckets, request, caller)
      const retention = retentionOf(request, bucket)
      checkChange(version, retention, request.BypassGovernanceRetention ?? false, bucket.nowMs())
      bucket.amend(version, { ...version, retention })
      return {}
    },
    GetObjectRetention(request: GetObjectRetentionRequest, caller: Caller): GetObjectRetentionOutput {
      const [, { retention }] = lockable(buckets, request, caller)
      if (!retention) throw noSuchConfiguration()
      return { Retention: { Mode: retention.mode, RetainUntilDate: new Date(retention.untilMs) } }
    },
    PutObjectLegalHold(request: PutObjectLegalHoldRequest, caller: Caller): object {
      const [bucket, version] = lockable(buckets, request, caller)
      const status = request.LegalHold?.Status
      if (status === undefined) throw malformedXml()
      bucket.amend(version, { ...version, isLegallyHeld: holdOf(status) })
      return {}
    },
    GetObjectLegalHold(request: GetObjectLegalHoldRequest, caller: Caller): GetObjectLegalHoldOutput {
      const [, { isLegallyHeld }] = lockable(buckets, request, caller)
      return { LegalHold: { Status: isLegallyHeld ? 'ON' : 'OFF' } }
    },
  }
}

function lockable(
  buckets: Buckets,
  request: { readonly Bucket?: string; readonly Key?: string; readonly VersionId?: string },
  caller: Caller,
): [Bucket, ObjectVersion] {
  const bucket = buckets.of(request, caller)
  if (!bucket.state.objectLock) throw invalidRequest(MISSING)
  return [bucket, findVersion(bucket, request)]
}

function retentionOf({ Retention: given }: PutObjectRetentionRequest, bucket: Bucket): Retention | undefined {
  const { Mode: mode, RetainUntilDate: until } = given ?? {}
  // An empty element takes the retention away.
  if (mode === undefined && until === undefined) return undefined
  if (mode === undefined || until === undefined) throw malformedXml()
  return { mode: modeOf(mode), untilMs: futureMs(until, bucket) }
}

/** COMPLIANCE may only be made longer; GOVERNANCE may only be made longer without the right to bypass it. */
function checkChange(version: ObjectVersion, next: Retention | undefined, mayBypass: boolean, nowMs: number): void {
  const { retention: old } = version
  if (!old || old.untilMs <= nowMs) return
  const isStricter =
    next !== undefined && next.untilMs >= old.untilMs && (next.mode === old.mode || next.mode === 'COMPLIANCE')
  if (!isStricter && !(old.mode === 'GOVERNANCE' && mayBypass)) throw lockedObject()
}

function defaultRetentionOf(
  given: { readonly Mode?: string; readonly Days?: number; readonly Years?: number } | undefined,
): DefaultRetention {
  const { Mode: mode, Days: days, Years: years } = given ?? {}
  if (mode === undefined || (days === undefined) === (years === undefined)) throw malformedXml()
  if ((days ?? 1) < 1 || (years ?? 1) < 1)
    throw invalidArgument('Default retention period must be a positive integer value.')
  if ((days ?? 0) > MAX_DAYS || (years ?? 0) > MAX_YEARS) throw invalidArgument('Default retention period too large')
  return { mode: modeOf(mode), ...(days === undefined ? {} : { days }), ...(years === undefined ? {} : { years }) }
}

/** S3 counts a year as 365 days. */
const endOf = ({ days = 0, years = 0 }: DefaultRetention, fromMs: number): number =>
  fromMs + (days + years * 365) * DAY_MS

function modeOf(mode: string): LockMode {
  if (mode === 'GOVERNANCE' || mode === 'COMPLIANCE') return mode
  throw invalidArgument('Unknown wormMode directive.', { ArgumentName: 'x-amz-object-lock-mode', ArgumentValue: mode })
}

function holdOf(status: string): boolean {
  if (status === 'ON' || status === 'OFF') return status === 'ON'
  throw invalidArgument('Legal Hold must be either of ON or OFF', { ArgumentValue: status })
}

function futureMs(until: Date, bucket: Bucket): number {
  if (until.getTime() > bucket.nowMs()) return until.getTime()
  throw invalidArgument('The retain until date must be in the future!', {
    ArgumentName: 'x-amz-object-lock-retain-until-date',
    ArgumentValue: until.toISOString(),
  })
}

const noSuchConfiguration = (): AwsError =>
  new AwsError('NoSuchObjectLockConfiguration', 'The specified object does not have a ObjectLock configuration', {
    status: 404,
  })
