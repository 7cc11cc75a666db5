import { AwsError } from '../wire/service.ts'

type Fields = Record<string, unknown>

const refusal =
  (code: string, status: number, message: string) =>
  (fields: Fields = {}): AwsError =>
    new AwsError(code, message, { status, fields })

export const accessDenied = refusal('AccessDenied', 403, 'Access Denied')
export const noSuchBucket = refusal('NoSuchBucket', 404, 'The specified bucket does not exist')
export const noSuchUpload = refusal(
  'NoSuchUpload',
  404,
  'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
)
export const noSuchVersion = refusal('NoSuchVersion', 404, 'The specified version does not exist.')
export const bucketNotEmpty = refusal('BucketNotEmpty', 409, 'The bucket you tried to delete is not empty')
export const malformedXml = refusal(
  'MalformedXML',
  400,
  'The XML you provided was not well-formed or did not validate against our published schema',
)
export const keyTooLong = refusal('KeyTooLongError', 400, 'Your key is too long')
export const entityTooLarge = refusal(
  'EntityTooLarge',
  400,
  'Your proposed upload exceeds the maximum allowed object size.',
)
export const lockedObject = refusal('AccessDenied', 403, 'Access Denied because object protected by object lock.')

/** A HEAD has no body that could carry more than the status. */
export const notFound = refusal('NotFound', 404, 'Not Found')

export const noSuchKey = (key: string | undefined): AwsError =>
  new AwsError('NoSuchKey', 'The specified key does not exist.', { status: 404, fields: { Key: key ?? '' } })

export const preconditionFailed = (condition: string): AwsError =>
  new AwsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    status: 412,
    fields: { Condition: condition },
  })

export const invalidArgument = (message: string, fields: Fields = {}): AwsError =>
  new AwsError('InvalidArgument', message, { fields })

export const invalidRequest = (message: string): AwsError => new AwsError('InvalidRequest', message)

export const notImplemented = (message: string): AwsError => new AwsError('NotImplemented', message, { status: 501 })
