/** Manifests: the commit of a copy (docs/vault-format.md, section 5). */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { segmentCountOf } from './parameters.ts'

const id = z.string().regex(/^[0-9a-f]{32}$/)
const segment = z.string().regex(/^[0-9a-f]{64}$/)

export const copyStats = z.object({
  /** Of the disk that were read. */
  readBytes: z.number(),
  zeroBytes: z.number(),
  /** Read, and in the vault already. */
  knownBytes: z.number(),
  /** Of the disk that were new. */
  newBytes: z.number(),
  /** That the new ones took in packs. */
  storedBytes: z.number(),
})

export type CopyStats = z.infer<typeof copyStats>

/** Members that a later writer of version 1 may add are let through (section 10). */
export const diskManifest = z.looseObject({
  version: z.literal(1),
  disk: z.string(),
  copyId: id,
  takenAt: z.iso.datetime(),
  sizeBytes: z.number().int().positive(),
  /** Number of the segment and its id, ascending; a segment of zeros is not there. */
  segments: z.array(z.tuple([z.number().int().nonnegative(), segment])),
  blockCount: z.number().int().nonnegative(),
  mode: z.enum(['full', 'incremental', 'full-after-broken-lineage']),
  parent: id.optional(),
  previous: id.optional(),
  source: z.looseObject({ snapshotId: z.string().optional(), parentSnapshotId: z.string().optional() }).optional(),
  rootDigest: segment,
  stats: copyStats,
})

export type DiskManifest = z.infer<typeof diskManifest>

/** Over all segment ids in order. */
export function rootDigest(segments: DiskManifest['segments']): string {
  const hash = createHash('sha256')
  for (const [number, segmentId] of segments) hash.update(`${number}:${segmentId}\n`)
  return hash.digest('hex')
}

export const writeManifest = (manifest: DiskManifest): Buffer => Buffer.from(JSON.stringify(manifest))

/** Why a manifest cannot be used; undefined when it can. */
function fault(manifest: DiskManifest): string | undefined {
  if (manifest.rootDigest !== rootDigest(manifest.segments)) return 'its root digest is wrong'
  const numbers = manifest.segments.map(([number]) => number)
  if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? -1)))
    return 'its segments are out of order'
  if ((numbers.at(-1) ?? -1) >= segmentCountOf(manifest.sizeBytes)) return 'it has segments beyond the end of the disk'
  return undefined
}

/** @throws Error that says what is wrong with it */
export function readManifest(bytes: Uint8Array): DiskManifest {
  const manifest = diskManifest.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  const wrong = fault(manifest)
  if (wrong) throw new Error(wrong)
  return manifest
}
