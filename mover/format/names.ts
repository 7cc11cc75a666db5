/** Names of a vault's objects (docs/vault-format.md, section 1). */

export const CONFIGURATION = 'vault.json'

export const PREFIX = {
  packs: 'packs/',
  index: 'index/',
  maps: 'maps/',
  disks: 'disks/',
  points: 'points/',
  moved: 'moved/',
  tombstones: 'tombstones/',
  expiry: 'expiry/',
} as const

const hex = (id: Uint8Array): string => Buffer.from(id).toString('hex')

export const packName = (packId: Uint8Array): string => `${PREFIX.packs}${hex(packId)}`
export const indexName = (partId: Uint8Array): string => `${PREFIX.index}${hex(partId)}`
export const mapName = (segmentId: Uint8Array): string => `${PREFIX.maps}${hex(segmentId)}`

/** Disk and machine names: 1 to 128 of these, and no path. */
export const isName = (name: string): boolean => /^[\w.-]{1,128}$/.test(name) && name !== '.' && name !== '..'

/** `20261123T101112Z`: in listings, copies are in the order of their times. */
export const compactTime = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')

export const diskPrefix = (disk: string): string => `${PREFIX.disks}${disk}/`

export const manifestName = (disk: string, takenAtMs: number, copyId: Uint8Array): string =>
  `${diskPrefix(disk)}${compactTime(takenAtMs)}-${hex(copyId)}`

/** Time and id of a copy by the name of its manifest; undefined for another object. */
export function readManifestName(
  name: string,
): { readonly disk: string; readonly time: string; readonly copyId: string } | undefined {
  const [, disk, time, copyId] = /^disks\/([\w.-]+)\/(\d{8}T\d{6}Z)-([0-9a-f]{32})$/.exec(name) ?? []
  return disk && time && copyId ? { disk, time, copyId } : undefined
}

/** Id of a pack by its name; undefined for another object. */
export function readPackName(name: string): Buffer | undefined {
  const [, id] = /^packs\/([0-9a-f]{32})$/.exec(name) ?? []
  return id === undefined ? undefined : Buffer.from(id, 'hex')
}

/** @param id of a pack or segment, in hexadecimal */
export const tombstoneName = (id: string): string => `${PREFIX.tombstones}${id}`
export const expiryName = (runId: Uint8Array): string => `${PREFIX.expiry}${hex(runId)}`

/** Below it is what says where the records of a pack are now. */
export const movedPrefix = (packId: Uint8Array): string => `${PREFIX.moved}${hex(packId)}/`
export const movedName = (packId: Uint8Array, partId: Uint8Array): string => `${movedPrefix(packId)}${hex(partId)}`

export const pointPrefix = (machine: string): string => `${PREFIX.points}${machine}/`

export const pointName = (machine: string, capturedAtMs: number, pointId: string): string =>
  `${pointPrefix(machine)}${compactTime(capturedAtMs)}-${pointId}`

/** Machine, time and id of a point by the name of its manifest; undefined for another object. */
export function readPointName(
  name: string,
): { readonly machine: string; readonly time: string; readonly pointId: string } | undefined {
  const [, machine, time, pointId] = /^points\/([\w.-]+)\/(\d{8}T\d{6}Z)-([\w.-]{1,128})$/.exec(name) ?? []
  return machine && time && pointId ? { machine, time, pointId } : undefined
}

/** Of a time as names have it. */
export const millisOf = (time: string): number =>
  Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
