import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyDisk, type CopyResult, type DiskCopy } from '../../mover/copy-disk.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { keyFile } from '../../mover/key-holders.ts'
import { restoreDisk } from '../../mover/read-disk.ts'
import { openStore, type VaultLocation } from '../../mover/stores/location.ts'
import { createVault, readCopy, type Vault } from '../../mover/vault.ts'

/** A vault in a temporary folder, and disks as files beside it. */
export interface VaultFolder extends Disposable {
  readonly folder: string
  readonly location: VaultLocation
  readonly vault: Vault
  readonly keyPath: string
  /** Writes a disk of these bytes and returns its path. */
  disk(content: Uint8Array): string
  copy(content: Uint8Array, options?: Partial<DiskCopy>): Promise<CopyResult>
  restore(name: string): Promise<Buffer>
}

export const TAKEN_AT_MS = Date.UTC(2026, 10, 23, 10)

export async function makeVaultFolder(): Promise<VaultFolder> {
  const root = mkdtempSync(join(tmpdir(), 'vault-'))
  const folder = join(root, 'vault')
  const keyPath = join(root, 'key')
  writeFileSync(keyPath, randomBytes(32).toString('hex'))
  const location: VaultLocation = { kind: 'folder', folder }
  const vault = await createVault(await openStore(location), keyFile(keyPath), TAKEN_AT_MS)
  let disks = 0
  const disk = (content: Uint8Array): string => {
    disks += 1
    const path = join(root, `disk-${disks}`)
    writeFileSync(path, content)
    return path
  }
  let copies = 0
  return {
    folder,
    location,
    vault,
    keyPath,
    disk,
    copy(content, options = {}) {
      copies += 1
      return copyDisk({
        vault,
        location,
        disk: 'vol-1',
        source: disk(content),
        sizeBytes: content.length,
        takenAtMs: TAKEN_AT_MS + copies * 1000,
        threadCount: 1,
        ...options,
      })
    },
    async restore(name) {
      const path = join(root, 'restored')
      await restoreDisk({ vault, location, manifest: await readCopy(vault, name), path, threadCount: 1 })
      return readFileSync(path)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** `.`: zeros; a letter: a compressible block of its own; `#`: noise. */
export function image(blocks: string, extraBytes = 0): Buffer {
  return Buffer.concat([
    ...blocks
      .split('')
      .map((kind) =>
        kind === '.'
          ? Buffer.alloc(BLOCK_BYTES)
          : kind === '#'
            ? randomBytes(BLOCK_BYTES)
            : Buffer.alloc(BLOCK_BYTES, `${kind}lock `),
      ),
    Buffer.alloc(extraBytes, 'tail'),
  ])
}
