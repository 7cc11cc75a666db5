/** A place in a bucket: `prefix` is empty or ends with `/`. */
export interface BucketPlace {
  readonly bucket: string
  readonly prefix: string
}

/** @param url `s3://bucket/prefix`; undefined for anything else */
export function parseBucketPlace(url: string): BucketPlace | undefined {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? []
  return bucket === undefined ? undefined : { bucket, prefix: prefix === '' ? '' : `${prefix.replace(/\/+$/, '')}/` }
}
