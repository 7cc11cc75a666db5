/** `tandem vault …`: copies of disks in a bucket or folder, with bucket and key alone; no account and no catalog. */
import { readFileSync, statSync } from 'node:fs'
import { checkBlockList, diskSizeOf } from '../../mover/disk-file.ts'
import { copyDisk, type DiskCopy } from '../../mover/copy-disk.ts'
import { isName } from '../../mover/format/names.ts'
import { keyFile, kmsKey, type KeyHolder } from '../../mover/key-holders.ts'
import { peakMiB } from '../../mover/peak-memory.ts'
import { timed, type OnProgress } from '../../mover/progress.ts'
import { listPoints, readPoint } from '../../mover/points.ts'
import { restoreDisk } from '../../mover/read-disk.ts'
import { openStore, parseLocation, type VaultLocation } from '../../mover/stores/location.ts'
import { createVault, findCopy, listCopies, openVault, readCopy, type Vault } from '../../mover/vault.ts'
import { vaultStats } from '../../mover/vault-stats.ts'
import { verifyCopies, verifyIndex, verifyPoints } from '../../mover/verify-vault.ts'
import { bytesInWords } from '../bytes.ts'
import { print, tableFor, type CommonOptions, type Context } from '../context.ts'
import { EXIT, invalidInput, type ExitCode } from '../failure.ts'

export interface KeyOptions {
  /** File with 64 hexadecimal digits; without it the vault's KMS key. */
  readonly keyFile?: string
  readonly kmsKey?: string
}

export type VaultOptions = CommonOptions & KeyOptions

const holderOf = (options: KeyOptions): KeyHolder => {
  if (options.keyFile !== undefined && options.kmsKey !== undefined)
    throw invalidInput('Give either --key-file or --kms-key, not both.')
  return options.keyFile === undefined ? kmsKey(options.kmsKey) : keyFile(options.keyFile)
}

interface Opened {
  readonly vault: Vault
  readonly location: VaultLocation
}

export async function openPlace(url: string, options: KeyOptions): Promise<Opened> {
  const location = parseLocation(url)
  return { location, vault: await openVault(await openStore(location), holderOf(options)) }
}

function checkedName(name: string): string {
  if (isName(name)) return name
  throw invalidInput(`"${name}" cannot be the name of a disk: 1 to 128 of A-Z a-z 0-9 . _ -`)
}

function progressOn({ terminal }: Context, { json }: CommonOptions): { readonly onProgress?: OnProgress } {
  const { passing } = terminal
  if (!passing || json) return {}
  return {
    onProgress: ({ doneBytes, totalBytes, bytesPerSecond, remainingSeconds }) => {
      const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes / totalBytes) * 100)
      const left = remainingSeconds === undefined ? '' : `, ${Math.ceil(remainingSeconds)} s left`
      passing(
        `${percent} %  ${bytesInWords(doneBytes)} of ${bytesInWords(totalBytes)}, ${bytesInWords(bytesPerSecond)}/s${left}`,
      )
    },
  }
}

export async function initVault(context: Context, url: string, options: VaultOptions): Promise<void> {
  const location = parseLocation(url)
  const { store, keys } = await createVault(await openStore(location), holderOf(options), Date.parse(context.now()))
  const made = { url: store.url, vaultId: keys.vaultId.toString('hex') }
  print(context, options, made, () => `There is a vault at ${made.url} now. Whoever loses its key loses the vault.`)
}

export interface CopyOptions extends VaultOptions {
  readonly to: string
  readonly name: string
  /** File with one block number, or an inclusive range `first-last`, per line. */
  readonly changedBlocks?: string
  readonly threads?: string
  readonly limit?: string
}

const count = (name: string, text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw invalidInput(`${name} ${text}: expected a whole number above 0.`)
}

export async function copyToVault(context: Context, path: string, options: CopyOptions): Promise<void> {
  const disk = checkedName(options.name)
  const sizeBytes = await diskSizeOf(path)
  const { vault, location } = await openPlace(options.to, options)
  const copying: DiskCopy = {
    vault,
    location,
    source: path,
    disk,
    sizeBytes,
    takenAtMs: Date.parse(context.now()),
    ...(options.changedBlocks === undefined ? {} : { changedBlocks: readBlockList(options.changedBlocks, sizeBytes) }),
    ...(options.threads === undefined ? {} : { threadCount: count('--threads', options.threads) }),
    ...(options.limit === undefined ? {} : { bytesPerSecond: count('--limit', options.limit) * 1024 * 1024 }),
    ...progressOn(context, options),
  }
  const { result, seconds } = await timed(() => copyDisk(copying))
  const { name, manifest } = result
  const { stats, mode, copyId } = manifest
  print(context, options, { copy: name, copyId, mode, ...stats, seconds, peakMiB: peakMiB() }, () =>
    [
      name,
      `${mode} copy of ${path} (${bytesInWords(sizeBytes)}) in ${seconds.toFixed(1)} s: read ${bytesInWords(stats.readBytes)}, ` +
        `of which zeros ${bytesInWords(stats.zeroBytes)}, known ${bytesInWords(stats.knownBytes)}, new ${bytesInWords(stats.newBytes)} (stored as ${bytesInWords(stats.storedBytes)})`,
    ].join('\n'),
  )
}

const readBlockList = (path: string, sizeBytes: number): number[] => {
  if (!statSync(path, { throwIfNoEntry: false })) throw invalidInput(`There is no file ${path}.`)
  return checkBlockList(readFileSync(path, 'utf8'), path, sizeBytes)
}

export async function listVault(
  context: Context,
  url: string,
  options: VaultOptions & { readonly name?: string },
): Promise<void> {
  const { vault } = await openPlace(url, options)
  const copies = await listCopies(vault, options.name === undefined ? undefined : checkedName(options.name))
  const manifests = await Promise.all(
    copies.map(async (copy) => ({ ...copy, manifest: await readCopy(vault, copy.name) })),
  )
  const points = options.name === undefined ? await listPoints(vault) : []
  const rows = manifests.map(({ disk, time, copyId, manifest: { sizeBytes, mode, blockCount, stats } }) => ({
    disk,
    time,
    copyId,
    sizeBytes,
    mode,
    blockCount,
    storedBytes: stats.storedBytes,
  }))
  const pointRows = await Promise.all(
    points.map(async ({ name, machine, time, pointId }) => ({
      machine,
      time,
      pointId,
      disks: (await readPoint(vault, name)).disks.map(({ disk }) => disk),
    })),
  )
  print(context, options, { copies: rows, points: pointRows }, () =>
    [
      rows.length === 0
        ? 'There are no copies yet.'
        : tableFor(
            context,
            ['DISK', 'TAKEN AT', 'COPY', 'SIZE', 'MODE', 'NEW BYTES STORED'],
            rows.map(({ disk, time, copyId, sizeBytes, mode, storedBytes }) => [
              disk,
              time,
              copyId,
              bytesInWords(sizeBytes),
              mode,
              bytesInWords(storedBytes),
            ]),
          ),
      ...(pointRows.length === 0
        ? []
        : [
            '',
            tableFor(
              context,
              ['MACHINE', 'CAPTURED AT', 'POINT', 'DISKS'],
              pointRows.map(({ machine, time, pointId, disks }) => [machine, time, pointId, disks.join(' ')]),
            ),
          ]),
    ].join('\n'),
  )
}

export interface RestoreOptions extends VaultOptions {
  readonly from: string
  readonly name: string
  /** Time or id of a copy; the newest without it. */
  readonly at?: string
  readonly assumeEmpty: boolean
}

export async function restoreFromVault(context: Context, path: string, options: RestoreOptions): Promise<void> {
  const { vault, location } = await openPlace(options.from, options)
  const { name } = await findCopy(vault, checkedName(options.name), options.at)
  const manifest = await readCopy(vault, name)
  const { assumeEmpty } = options
  const { result: read, seconds } = await timed(() =>
    restoreDisk({ vault, location, manifest, path, assumeEmpty, ...progressOn(context, options) }),
  )
  print(
    context,
    options,
    { copy: name, ...read, sizeBytes: manifest.sizeBytes, seconds, peakMiB: peakMiB() },
    () =>
      `${path} is ${name} now: ${bytesInWords(manifest.sizeBytes)}, ${bytesInWords(read.readBytes)} of them not zero, every block checked, in ${seconds.toFixed(1)} s`,
  )
}

/** @returns 3 when something is damaged */
export async function verifyVault(
  context: Context,
  url: string,
  options: VaultOptions & { readonly name?: string; readonly readData: boolean },
): Promise<ExitCode> {
  const { vault, location } = await openPlace(url, options)
  const copies = await listCopies(vault, options.name === undefined ? undefined : checkedName(options.name))
  const reading = { readData: options.readData, location, ...progressOn(context, options) }
  const { result: damaged, seconds } = await timed(() => verifyCopies(vault, copies, reading))
  const findings = [...damaged, ...(await verifyPoints(vault)), ...(await verifyIndex(vault))]
  print(context, options, { copyCount: copies.length, findings, seconds, peakMiB: peakMiB() }, () =>
    findings.length === 0
      ? `${copies.length} copies, nothing missing${options.readData ? ', every block read and right' : ' (their blocks were not read: --read-data)'}`
      : findings.map(({ copy, message }) => (copy === undefined ? message : `${copy}: ${message}`)).join('\n'),
  )
  return findings.length === 0 ? EXIT.done : EXIT.attention
}

export async function showVaultStats(context: Context, url: string, options: VaultOptions): Promise<void> {
  const { vault } = await openPlace(url, options)
  const stats = await vaultStats(vault)
  print(context, options, stats, () =>
    tableFor(
      context,
      ['OBJECTS', 'COUNT', 'BYTES'],
      Object.entries(stats).map(([kind, { objectCount, bytes }]) => [kind, String(objectCount), bytesInWords(bytes)]),
    ),
  )
}
