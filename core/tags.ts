/** The tags by which Tandem and the owners of machines speak to each other, and by which Tandem knows what it made. */
export const TAGS = {
  /** On an instance: opts it in under this policy. */
  policy: 'tandem:policy',
  /** On a volume, value `true`: leaves the disk out of every point. */
  exclude: 'tandem:exclude',
  /** On everything that Tandem makes: the deployment that made it. Deletions are allowed on nothing else. */
  owner: 'tandem:owner',
  point: 'tandem:point',
  revert: 'tandem:revert',
  machine: 'tandem:machine',
  /** The run (execution) that made it: how a retry finds what an earlier try made. */
  run: 'tandem:run',
  /** What it is for: see `RESOURCE_ROLES`. */
  role: 'tandem:role',
  /** ISO 8601 instant after which it may be deleted. */
  expires: 'tandem:expires',
  /** On a volume made for a revert: the device it is for. */
  device: 'tandem:device',
  /** On a proxy: which of its copy's it is. */
  proxy: 'tandem:proxy',
} as const

/** Values of `tandem:role`. */
export const RESOURCE_ROLES = {
  /** A snapshot that is a member of a point. */
  member: 'member',
  /** A volume that a revert put in, or is about to put in, place. */
  incoming: 'incoming',
  /** A volume that a revert took out, kept so that the revert can be undone. */
  replaced: 'replaced',
  /** An instance that copies disks, and its volumes. */
  proxy: 'proxy',
} as const

export type Tags = Readonly<Record<string, string>>

/** Tags of AWS itself (`aws:…`) can be neither copied nor written. */
export const isWritableTag = (key: string): boolean => !key.startsWith('aws:')
