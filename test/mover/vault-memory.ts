import { randomBytes } from 'node:crypto'
import type { VaultStore } from '../../core/vault-store.ts'
import { copyDisk, type CopyResult, type DiskCopy } from '../../mover/copy-disk.ts'
import { vaultKeys } from '../../mover/format/keys.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { restoreBlocks } from '../../mover/read-disk.ts'
import type { BlockSource } from '../../mover/sources/block-source.ts'
import { listCopies, readCopy, type Vault } from '../../mover/vault.ts'
import { verifyCopies } from '../../mover/verify-vault.ts'
import { MemoryStore } from './memory-store.ts'

/** Nobody goes there: with the work in this thread, everything goes through the vault's own store. */
const NOWHERE = { kind: 'folder', folder: '/nowhere' } as const

/** A block of noise closes a pack: small disks fill several. */
const PACK_BYTES = BLOCK_BYTES - 1

/** A vault and disks in memory: cheap enough for hundreds of deaths. */
export interface VaultInMemory {
  readonly store: MemoryStore
  /** The vault through another store, as another process has it. */
  vaultOf(store: VaultStore): Vault
  copy(content: Uint8Array, store: VaultStore, options?: Partial<DiskCopy>): Promise<CopyResult>
  restore(name: string, store?: VaultStore): Promise<Buffer>
  /** What is wrong with any copy that is committed. */
  findings(): Promise<string[]>
}

export const TAKEN_AT_MS = Date.UTC(2026, 10, 23, 10)

export function makeVaultInMemory(store: MemoryStore = new MemoryStore()): VaultInMemory {
  const masterKey = randomBytes(32)
  const keys = vaultKeys(masterKey, randomBytes(16))
  const vaultOf = (over: VaultStore): Vault => ({ store: over, keys, masterKey })
  const local = { location: NOWHERE, threadCount: 1 } as const
  return {
    store,
    vaultOf,
    copy: (content, over, options = {}) =>
      copyDisk({
        ...local,
        vault: vaultOf(over),
        disk: 'vol-1',
        source: sourceOf(content),
        sizeBytes: content.length,
        takenAtMs: TAKEN_AT_MS,
        packBytes: PACK_BYTES,
        ...options,
      }),
    async restore(name, over = store) {
      const vault = vaultOf(over)
      const manifest = await readCopy(vault, name)
      const content = Buffer.alloc(manifest.sizeBytes)
      const write = async (block: number, bytes: Uint8Array): Promise<void> => {
        const start = block * BLOCK_BYTES
        content.set(bytes.subarray(0, content.length - start), start)
      }
      await restoreBlocks({ ...local, vault, manifest }, { write, flush: async () => {}, close: () => {} })
      return content
    },
    async findings() {
      const vault = vaultOf(store)
      const found = await verifyCopies(vault, await listCopies(vault), { ...local, readData: true })
      return found.map(({ message }) => message)
    },
  }
}

/** A disk of these bytes. */
const sourceOf = (content: Uint8Array): BlockSource => ({
  batchBlocks: 8,
  async read(firstBlock, count, into) {
    const bytes = content.subarray(firstBlock * BLOCK_BYTES, (firstBlock + count) * BLOCK_BYTES)
    into.set(bytes)
    into.fill(0, bytes.length)
    return bytes.length
  },
  close: () => {},
})
