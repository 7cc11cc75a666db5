/** What S3 asks IAM before an operation runs (Service Authorization Reference, Amazon S3). */
import { expect, it } from 'vitest'
import { s3Access } from '../../local/s3/access/access.ts'

const access = s3Access({ version: () => undefined, upload: () => undefined, keyOf: () => undefined })
const caller = { accountId: '111122223333', arn: 'arn:aws:iam::111122223333:root', region: 'eu-west-1' }

const asked = (operation: string, input: object): string[] =>
  (access[operation]?.(input as never, caller as never) ?? []).map(
    ({ action, resource }) => `${action} ${resource.replace('arn:aws:s3:::', '')}`,
  )

it('asks of a named version by its own action', () => {
  expect(asked('DeleteObject', { Bucket: 'b', Key: 'k' })).toEqual(['s3:DeleteObject b/k'])
  expect(asked('DeleteObject', { Bucket: 'b', Key: 'k', VersionId: 'v' })).toEqual(['s3:DeleteObjectVersion b/k'])
  expect(asked('GetObject', { Bucket: 'b', Key: 'k', VersionId: 'v' })).toContain('s3:GetObjectVersion b/k')
})

it('asks once for each key of a batch, and whether governance may be bypassed', () => {
  const Delete = { Objects: [{ Key: 'k' }, { Key: 'l', VersionId: 'v' }] }
  expect(asked('DeleteObjects', { Bucket: 'b', Delete, BypassGovernanceRetention: true })).toEqual([
    's3:DeleteObject b/k',
    's3:BypassGovernanceRetention b/k',
    's3:DeleteObjectVersion b/l',
    's3:BypassGovernanceRetention b/l',
  ])
})

it('asks of a copy to read the source and to write the target', () => {
  const questions = asked('CopyObject', { Bucket: 'to', Key: 'k', CopySource: 'from/a%20b' })
  expect(questions).toContain('s3:GetObject from/a b')
  expect(questions).toContain('s3:PutObject to/k')
})

it('asks of an object with tags and a lock to set these too', () => {
  const input = { Bucket: 'b', Key: 'k', Tagging: 't=1', ObjectLockMode: 'GOVERNANCE', ObjectLockLegalHoldStatus: 'ON' }
  expect(asked('PutObject', input)).toEqual([
    's3:PutObject b/k',
    's3:PutObjectTagging b/k',
    's3:PutObjectRetention b/k',
    's3:PutObjectLegalHold b/k',
  ])
})
