import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { progressReport, proxyJob } from '../core/contracts/jobs.ts'
import type { WorkerPost } from '../core/copy-ports.ts'
import { calling, codeOf } from './calling.ts'

/** Who may not list the bucket is told AccessDenied of what is not there. */
const ABSENT = ['NoSuchKey', 'AccessDenied']

/** Jobs and progress as objects of the reports bucket. */
export function s3WorkerPost(s3: S3Client, bucket: string): WorkerPost {
  const put = async (key: string, content: unknown): Promise<void> => {
    await calling({ operation: 'PutObject', subject: `s3://${bucket}/${key}` }, () =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: JSON.stringify(content),
          ContentType: 'application/json',
        }),
      ),
    )
  }
  const get = async (key: string): Promise<unknown> => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    return JSON.parse((await Body?.transformToString()) ?? '')
  }
  return {
    putJob: put,
    putProgress: put,
    job: (key) =>
      calling({ operation: 'GetObject', subject: `s3://${bucket}/${key}` }, async () => proxyJob.parse(await get(key))),
    progress: (key) =>
      calling({ operation: 'GetObject', subject: `s3://${bucket}/${key}` }, async () => {
        try {
          return progressReport.parse(await get(key))
        } catch (error) {
          if (ABSENT.includes(codeOf(error) ?? '')) return undefined
          throw error
        }
      }),
  }
}
