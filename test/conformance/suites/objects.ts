import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Operator, Suite, Words } from '../suite.ts'

/** Above the 8 MiB from which on the command uploads in parts. */
const LARGE_BYTES = 20 * 1024 * 1024 + 3

export const objects: Suite = {
  name: 'objects',
  async run(operator) {
    const { spoken, run, folder } = operator
    const works = (title: string, args: Words, holds: RegExp = /(?:)/): Promise<unknown> =>
      spoken(title, args, ({ exitCode, stdout }) => {
        assert.equal(exitCode, 0, 'the command failed')
        assert.match(stdout, holds)
      })
    await works('makes a bucket', 's3 mb s3://conformance', /make_bucket: conformance/)
    const large = join(folder, 'large')
    writeFileSync(large, randomBytes(LARGE_BYTES))
    await works('uploads a large file in parts', [
      's3',
      'cp',
      large,
      's3://conformance/some folder/large',
      '--no-progress',
    ])
    await run(
      'shows that it has parts',
      ['s3api', 'head-object', '--bucket', 'conformance', '--key', 'some folder/large'],
      (answer) => {
        answer.is('ContentLength', LARGE_BYTES)
        assert.match(answer.text('ETag'), /^"[0-9a-f]{32}-3"$/)
      },
    )
    const back = join(folder, 'back')
    await works('downloads it in parts', ['s3', 'cp', 's3://conformance/some folder/large', back, '--no-progress'])
    await spoken('shows that not a byte differs', ['s3', 'ls', 's3://conformance/some folder/'], ({ stdout }) => {
      assert.match(stdout, new RegExp(`${LARGE_BYTES} large`))
      assert.ok(readFileSync(large).equals(readFileSync(back)))
    })
    const part = join(folder, 'part')
    await run(
      'reads a range',
      ['s3api', 'get-object', '--bucket', 'conformance', '--key', 'some folder/large', '--range', 'bytes=10-19', part],
      (answer) => {
        answer.is('ContentRange', `bytes 10-19/${LARGE_BYTES}`)
        assert.ok(readFileSync(part).equals(readFileSync(large).subarray(10, 20)))
      },
    )
    await works('copies it within S3', [
      's3',
      'cp',
      's3://conformance/some folder/large',
      's3://conformance/copy',
      '--no-progress',
    ])
    mkdirSync(join(folder, 'tree', 'deep'), { recursive: true })
    for (const name of ['a', 'b & c', 'ü', 'deep/d']) writeFileSync(join(folder, 'tree', name), `content of ${name}`)
    await works(
      'uploads a tree',
      ['s3', 'sync', join(folder, 'tree'), 's3://conformance/tree', '--no-progress'],
      /upload: /,
    )
    await works(
      'finds nothing more to upload',
      ['s3', 'sync', join(folder, 'tree'), 's3://conformance/tree', '--no-progress'],
      /^$/,
    )
    await versions(operator)
    await works('removes all objects', 's3 rm --recursive s3://conformance --quiet')
    await works('removes the bucket', 's3 rb s3://conformance', /remove_bucket: conformance/)
  },
}

async function versions({ run, refused, folder }: Operator): Promise<void> {
  const bucket = ['--bucket', 'conformance-locked']
  await run('makes a bucket with Object Lock', [
    's3api',
    'create-bucket',
    ...bucket,
    '--object-lock-enabled-for-bucket',
    '--create-bucket-configuration',
    'LocationConstraint=eu-central-1',
  ])
  const body = join(folder, 'tree', 'a')
  const put = ['s3api', 'put-object', ...bucket, '--key', 'kept', '--body', body]
  const first = await run('keeps a first version', put)
  const second = await run('keeps a second version', put)
  await run('lists both', ['s3api', 'list-object-versions', ...bucket, '--prefix', 'kept'], (answer) => {
    answer.is('Versions.0.VersionId', second.text('VersionId'))
    answer.is('Versions.1.VersionId', first.text('VersionId'))
  })
  const version = ['--key', 'kept', '--version-id', first.text('VersionId')]
  await run('locks the first', ['s3api', 'put-object-legal-hold', ...bucket, ...version, '--legal-hold', 'Status=ON'])
  await refused('does not delete what is locked', ['s3api', 'delete-object', ...bucket, ...version], 'AccessDenied')
  await run('lifts the lock', ['s3api', 'put-object-legal-hold', ...bucket, ...version, '--legal-hold', 'Status=OFF'])
  for (const VersionId of [first, second].map((answer) => answer.text('VersionId')))
    await run('deletes a version', ['s3api', 'delete-object', ...bucket, '--key', 'kept', '--version-id', VersionId])
  await refused(
    'knows keys that are not there',
    ['s3api', 'get-object', ...bucket, '--key', 'kept', join(folder, 'none')],
    'NoSuchKey',
  )
  await refused('knows buckets that are not there', 's3api list-objects-v2 --bucket conformance-none', 'NoSuchBucket')
  await run('deletes the bucket', ['s3api', 'delete-bucket', ...bucket])
}
