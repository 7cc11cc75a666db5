import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { VaultStore } from '../../core/vault-store.ts'
import { copyDisk, type CopyResult, type DiskCopy } from '../../mover/copy-disk.ts'
import { vaultKeys } from '../../mover/format/keys.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { restoreDisk } from '../../mover/read-disk.ts'
import { listCopies, readCopy, type Vault } from '../../mover/vault.ts'
import { verifyCopies } from '../../mover/verify-vault.ts'
import { MemoryStore } from './memory-store.ts'

/** Nobody goes there: with the work in this thread, everything goes through the vault's own store. */
const NOWHERE = { kind: 'folder', folder: '/nowhere' } as const

/** A block of noise closes a pack: small disks fill several. */
const PACK_BYTES = BLOCK_BYTES - 1

/** A vault in memory, and disks as files: cheap enough for hundreds of deaths. */
export interface VaultInMemory extends Disposable {
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
  // In memory where there is such a place: restores wait for the disk otherwise.
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'vault-memory-'))
  const masterKey = randomBytes(32)
  const keys = vaultKeys(masterKey, randomBytes(16))
  let files = 0
  const newPath = (): string => join(root, String((files += 1)))
  const vaultOf = (over: VaultStore): Vault => ({ store: over, keys, masterKey })
  const local = { location: NOWHERE, threadCount: 0 } as const
  return {
    store,
    vaultOf,
    async copy(content, over, options = {}) {
      const path = newPath()
      writeFileSync(path, content)
      try {
        return await copyDisk({
          ...local,
          vault: vaultOf(over),
          disk: 'vol-1',
          source: path,
          sizeBytes: content.length,
          takenAtMs: TAKEN_AT_MS,
          packBytes: PACK_BYTES,
          ...options,
        })
      } finally {
        rmSync(path)
      }
    },
    async restore(name, over = store) {
      const path = newPath()
      const vault = vaultOf(over)
      await restoreDisk({ ...local, vault, manifest: await readCopy(vault, name), path })
      const content = readFileSync(path)
      rmSync(path)
      return content
    },
    async findings() {
      const vault = vaultOf(store)
      const found = await verifyCopies(vault, await listCopies(vault), { ...local, readData: true })
      return found.map(({ message }) => message)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}
