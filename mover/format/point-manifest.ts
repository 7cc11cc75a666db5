/** Point manifests: the commit of the copies of a machine's disks together (docs/vault-format.md, section 5). */
import * as z from 'zod'

export const pointManifest = z.looseObject({
  version: z.literal(1),
  machine: z.string(),
  pointId: z.string(),
  capturedAt: z.iso.datetime(),
  disks: z.array(
    z.looseObject({
      disk: z.string(),
      /** Key of the disk manifest. */
      copy: z.string(),
      /** SHA-256 of the disk manifest as it is stored, hexadecimal. */
      digest: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  /** What the machine was: of the catalog's shape, which this format does not know. */
  machineConfiguration: z.unknown(),
})

export type PointManifest = z.infer<typeof pointManifest>
