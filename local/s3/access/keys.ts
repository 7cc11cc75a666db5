/** What S3 asks of KMS in the caller's name, and the ARNs that requests are about. */
import { request } from '../../wire/access.ts'
import type { AccessRequest, Caller } from '../../wire/service.ts'
import type { ObjectVersion, Upload } from '../model.ts'

export interface S3AccessOptions {
  readonly version: (bucket: string, key: string, versionId?: string) => ObjectVersion | undefined
  readonly upload: (bucket: string, uploadId: string) => Upload | undefined
  /** ARN of the customer's key that a bucket is encrypted with; undefined: S3's own key, which nobody is asked about. */
  readonly keyOf: (bucketArn: string) => string | undefined
}

/** S3's own key is used without asking anybody. */
export const customerKey = (keyArn: string | undefined): string | undefined =>
  keyArn?.endsWith(':alias/aws/s3') ? undefined : keyArn

export interface Named {
  readonly Bucket?: string
  readonly Key?: string
}

export const bucketArn = ({ Bucket = '*' }: Named): string => `arn:aws:s3:::${Bucket}`
export const objectArn = (input: Named): string => `${bucketArn(input)}/${input.Key ?? ''}`

/** Bytes under a customer's key need it: S3 uses it in the caller's name. A bucket key has the bucket as its context. */
export function keyAsks(
  keyArn: string | undefined,
  action: string,
  input: Named,
  { region, accountId }: Pick<Caller, 'region' | 'accountId'>,
): AccessRequest[] {
  if (keyArn === undefined) return []
  return [
    request(`kms:${action}`, keyArn, {
      'kms:ViaService': `s3.${region}.amazonaws.com`,
      'kms:CallerAccount': accountId,
      'kms:EncryptionContext:aws:s3:arn': bucketArn(input),
      'aws:ViaAWSService': true,
      'aws:CalledVia': ['s3.amazonaws.com'],
      'aws:CalledViaFirst': 's3.amazonaws.com',
      'aws:CalledViaLast': 's3.amazonaws.com',
    }),
  ]
}

const OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  's3:GetObject': 'Decrypt',
  's3:PutObject': 'GenerateDataKey',
}

/** What a service asks that reads or writes objects by itself in a role's name: the bucket's key too. */
export function withDataKeys(
  requests: readonly AccessRequest[],
  {
    keyOf,
    caller,
  }: { readonly keyOf: S3AccessOptions['keyOf']; readonly caller: Pick<Caller, 'region' | 'accountId'> },
): AccessRequest[] {
  return requests.flatMap((asked) => {
    const [, Bucket] = /^arn:aws:s3:::([^/]+)/.exec(asked.resource) ?? []
    const action = OBJECT_ACTIONS[asked.action]
    if (Bucket === undefined || action === undefined) return [asked]
    return [asked, ...keyAsks(keyOf(bucketArn({ Bucket })), action, { Bucket }, caller)]
  })
}
