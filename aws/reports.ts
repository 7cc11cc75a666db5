import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Reports } from '../core/ports.ts'
import { calling } from './calling.ts'

export const s3Reports = (s3: S3Client, bucket: string): Reports => ({
  async writeList(key, items) {
    const lines: string[] = []
    for await (const page of items) lines.push(...page.map((item) => JSON.stringify(item)))
    await calling({ operation: 'PutObject', subject: `s3://${bucket}/${key}` }, () =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: `[${lines.join(',\n')}]`,
          ContentType: 'application/json',
        }),
      ),
    )
    return { bucket, key, count: lines.length }
  },
  readText: (from, key) =>
    calling({ operation: 'GetObject', subject: `s3://${from}/${key}` }, async () => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: from, Key: key }))
      return (await Body?.transformToString()) ?? ''
    }),
})
