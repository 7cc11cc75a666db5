/** A vault that is open: its store, its keys, and the small objects in it. */
import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { TandemError } from '../core/errors.ts'
import type { VaultStore } from '../core/vault-store.ts'
import { openObject, sealObject } from './format/envelope.ts'
import { vaultKeys, type VaultKeys } from './format/keys.ts'
import { readManifest, type DiskManifest } from './format/manifest.ts'
import { CONFIGURATION, diskPrefix, PREFIX, readManifestName } from './format/names.ts'
import { BLOCK_BYTES, SEGMENT_BLOCKS } from './format/parameters.ts'
import type { KeyHolder } from './key-holders.ts'

const configuration = z.looseObject({
  format: z.literal('tandem-vault'),
  version: z.number().int(),
  vaultId: z.string().regex(/^[0-9a-f]{32}$/),
  createdAt: z.string(),
  blockBytes: z.literal(BLOCK_BYTES),
  segmentBlocks: z.literal(SEGMENT_BLOCKS),
  key: z.looseObject({ kind: z.enum(['kms', 'file']), keyId: z.string().optional(), wrapped: z.string() }),
})

type Configuration = z.infer<typeof configuration>

/** What opens objects. */
export interface OpenedStore {
  readonly store: VaultStore
  readonly keys: VaultKeys
}

export interface Vault extends OpenedStore {
  readonly masterKey: Buffer
}

/** Makes a vault. @throws TandemError VaultExists, and what the store and the key's holder throw */
export async function createVault(store: VaultStore, holder: KeyHolder, nowMs: number): Promise<Vault> {
  if (await store.get(CONFIGURATION)) throw alreadyThere(store)
  const vaultId = randomBytes(16)
  const { masterKey, wrapped, keyId } = await holder.create(vaultId)
  const content: Configuration = {
    format: 'tandem-vault',
    version: 1,
    vaultId: vaultId.toString('hex'),
    createdAt: new Date(nowMs).toISOString(),
    blockBytes: BLOCK_BYTES,
    segmentBlocks: SEGMENT_BLOCKS,
    key: { kind: holder.kind, ...(keyId === undefined ? {} : { keyId }), wrapped: wrapped.toString('base64') },
  }
  const written = await store.put(CONFIGURATION, Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`))
  if (written === 'taken') throw alreadyThere(store)
  return { store, masterKey, keys: vaultKeys(masterKey, vaultId) }
}

const alreadyThere = ({ url }: VaultStore): TandemError =>
  new TandemError('VaultExists', `There is a vault at ${url} already. Use it, or choose another place.`)

/** @throws TandemError VaultNotFound, VaultDamaged, VaultKeyWrong, and what the store and the key's holder throw */
export async function openVault(store: VaultStore, holder: KeyHolder): Promise<Vault> {
  const bytes = await store.get(CONFIGURATION)
  if (!bytes)
    throw new TandemError('VaultNotFound', `There is no vault at ${store.url}. Make one with: tandem vault init`)
  const { vaultId: id, key } = readConfiguration(store, bytes)
  if (key.kind !== holder.kind)
    throw new TandemError(
      'VaultKeyWrong',
      `The vault at ${store.url} is opened with a ${key.kind === 'kms' ? 'KMS key' : 'key file'}, not with a ${holder.kind === 'kms' ? 'KMS key' : 'key file'}.`,
    )
  const vaultId = Buffer.from(id, 'hex')
  const masterKey = await holder.open(vaultId, Buffer.from(key.wrapped, 'base64'), key.keyId)
  return { store, masterKey, keys: vaultKeys(masterKey, vaultId) }
}

function readConfiguration(store: VaultStore, bytes: Uint8Array): Configuration {
  let content: Configuration
  try {
    content = configuration.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    throw new TandemError('VaultDamaged', `${CONFIGURATION} of the vault at ${store.url} is damaged.`, { cause })
  }
  if (content.version !== 1)
    throw new TandemError(
      'VaultDamaged',
      `The vault at ${store.url} has format version ${content.version}; this program reads version 1. Use a newer one.`,
    )
  return content
}

/** @throws TandemError VaultDamaged when it is missing, or is not what was written under that name */
export async function readObject({ store, keys }: OpenedStore, name: string, of: string): Promise<Buffer> {
  const object = await store.get(name)
  if (!object) throw new TandemError('VaultDamaged', `${name} is missing in the vault at ${store.url} (${of}).`)
  const plaintext = openObject(keys, name, object)
  if (!plaintext)
    throw new TandemError('VaultDamaged', `${name} in the vault at ${store.url} is not what was written (${of}).`)
  return plaintext
}

/** @param salt for an object that is named by its content */
export const writeObject = (
  { store, keys }: Vault,
  name: string,
  plaintext: Uint8Array,
  salt?: Buffer,
): Promise<'written' | 'taken'> => store.put(name, sealObject(keys, name, plaintext, salt))

export interface CopyName {
  /** Key of the manifest. */
  readonly name: string
  readonly disk: string
  /** `20261123T101112Z`. */
  readonly time: string
  readonly copyId: string
  /** When its manifest was written, by the store's clock. */
  readonly writtenMs: number
}

/** Copies of a disk, oldest first; of all disks without a name. */
export async function listCopies({ store }: Vault, disk?: string): Promise<CopyName[]> {
  const copies: CopyName[] = []
  for await (const { name, writtenMs } of store.list(disk === undefined ? PREFIX.disks : diskPrefix(disk))) {
    const parts = readManifestName(name)
    if (parts) copies.push({ name, ...parts, writtenMs })
  }
  return copies
}

/** @throws TandemError VaultDamaged */
export async function readCopy(vault: Vault, name: string): Promise<DiskManifest> {
  const bytes = await readObject(vault, name, 'the manifest of a copy')
  try {
    return readManifest(bytes)
  } catch (cause) {
    const message = `${name} in the vault at ${vault.store.url} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new TandemError('VaultDamaged', message, { cause })
  }
}

/** The newest copy of a disk, or the one of this id or time. @throws TandemError CopyNotFound */
export async function findCopy(vault: Vault, disk: string, at?: string): Promise<CopyName> {
  const copies = await listCopies(vault, disk)
  const found = at === undefined ? copies.at(-1) : copies.find(({ copyId, time }) => copyId === at || time === at)
  if (found) return found
  const what = at === undefined ? `no copy of ${disk}` : `no copy ${at} of ${disk}`
  const known = copies.length === 0 ? 'It has none.' : `It has: ${copies.map(({ time }) => time).join(', ')}.`
  throw new TandemError('CopyNotFound', `There is ${what} in the vault at ${vault.store.url}. ${known}`)
}
