import { isTandemError, TandemError, type ErrorName } from '../core/errors.ts'

/** AWS's error codes in our words (AWS facts A.21). What is not here, and not named by the caller, is UnexpectedAwsError. */
const NAMES: Readonly<Record<string, ErrorName>> = {
  RequestLimitExceeded: 'AwsThrottled',
  EC2ThrottledException: 'AwsThrottled',
  Throttling: 'AwsThrottled',
  ThrottlingException: 'AwsThrottled',
  ThrottledException: 'AwsThrottled',
  RequestThrottled: 'AwsThrottled',
  RequestThrottledException: 'AwsThrottled',
  TooManyRequestsException: 'AwsThrottled',
  ProvisionedThroughputExceededException: 'AwsThrottled',
  RequestLimitExceededException: 'AwsThrottled',
  SlowDown: 'AwsThrottled',
  ConcurrentTagAccess: 'AwsThrottled',
  TransactionConflictException: 'AwsThrottled',
  TransactionInProgressException: 'AwsThrottled',
  // A volume may be snapshotted once in 15 s and have five snapshots pending: time solves both.
  SnapshotCreationPerVolumeRateExceeded: 'AwsThrottled',
  ConcurrentSnapshotLimitExceeded: 'AwsThrottled',
  UnauthorizedOperation: 'AccessDenied',
  AccessDenied: 'AccessDenied',
  AccessDeniedException: 'AccessDenied',
  AuthFailure: 'AccessDenied',
  UnrecognizedClientException: 'AccessDenied',
  InvalidClientTokenId: 'AccessDenied',
  ExpiredToken: 'AccessDenied',
  ExpiredTokenException: 'AccessDenied',
  CredentialsProviderError: 'AccessDenied',
  'InvalidInstanceID.NotFound': 'MachineNotFound',
  'InvalidInstanceID.Malformed': 'InvalidInput',
  'InvalidVolume.NotFound': 'VolumeMissing',
  'InvalidSnapshot.NotFound': 'SnapshotMissing',
  InsufficientInstanceCapacity: 'NoCapacity',
  InsufficientVolumeCapacity: 'NoCapacity',
  SnapshotLimitExceeded: 'QuotaExceeded',
  PendingSnapshotLimitExceeded: 'QuotaExceeded',
  VolumeLimitExceeded: 'QuotaExceeded',
  MaxIOPSLimitExceeded: 'QuotaExceeded',
  AttachmentLimitExceeded: 'QuotaExceeded',
  InstanceLimitExceeded: 'QuotaExceeded',
  VcpuLimitExceeded: 'QuotaExceeded',
  ResourceLimitExceeded: 'QuotaExceeded',
  TagLimitExceeded: 'QuotaExceeded',
}

/** Some of AWS's messages end without a full stop. */
const sentence = (message: string): string => (/[.!?]$/.test(message.trim()) ? message.trim() : `${message.trim()}.`)

const ADVICE: Partial<Record<ErrorName, string>> = {
  AccessDenied: 'Check the permissions and the credentials of who called.',
  MachineNotFound: 'Check the id, the account and the Region.',
  QuotaExceeded: 'Ask AWS for a higher quota or make room, then run it again.',
}

/** The service's own code of an error that the SDK threw; undefined when no answer came at all. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && error.name !== 'Error' ? error.name : undefined
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  const metadata = error.$metadata
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

export interface Call {
  /** The API operation, e.g. `AttachVolume`. */
  readonly operation: string
  /** What it is about, for the message. */
  readonly subject: string
  /** What a code means for this call, where that differs from what it means in general; of an error that says more than its code, by the error. */
  readonly meaning?: Meaning | ((error: unknown) => Meaning)
}

export type Meaning = Readonly<Record<string, ErrorName>>

/** The only place where AWS's errors become ours: runs the call and throws errors of the closed list, `cause` kept. */
export async function calling<T>({ operation, subject, meaning }: Call, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof TandemError) throw error
    const code = codeOf(error)
    const special = typeof meaning === 'function' ? meaning(error) : meaning
    const name = special?.[code ?? ''] ?? NAMES[code ?? ''] ?? nameByStatus(error)
    const message = error instanceof Error ? error.message : String(error)
    const advice = ADVICE[name] ? ` ${ADVICE[name]}` : ''
    throw new TandemError(
      name,
      `${operation} of ${subject} failed: ${code ?? 'no answer'}: ${advice ? sentence(message) : message}${advice}`,
      {
        cause: error,
      },
    )
  }
}

const TOO_MANY_REQUESTS = 429
/** The one 5xx that no repetition changes. */
const NOT_IMPLEMENTED = 501

/** Only a 4xx says that nothing was done: 5xx, no answer, and a good answer that broke off may each have done their work. */
function nameByStatus(error: unknown): ErrorName {
  const status = statusOf(error)
  if (status === TOO_MANY_REQUESTS) return 'AwsThrottled'
  if (status === NOT_IMPLEMENTED) return 'UnexpectedAwsError'
  return status !== undefined && status >= 300 && status < 500 ? 'UnexpectedAwsError' : 'AwsUnavailable'
}

/** True when an error says that the deployment's table is not there: a wrong name, account or Region. */
export const isDeploymentMissing = (error: unknown): boolean =>
  isTandemError(error) && codeOf(error.cause) === 'ResourceNotFoundException'
