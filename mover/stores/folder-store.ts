/** A vault in a folder. */
import { randomBytes } from 'node:crypto'
import { statSync, writeSync } from 'node:fs'
import { link, mkdir, open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TandemError } from '../../core/errors.ts'
import type { ObjectDraft, StoredObject, VaultStore } from '../../core/vault-store.ts'
import { codeOf, reasonOf } from '../system-errors.ts'

/** Files that are being written: no object has such a name. */
const DRAFT = '.draft-'

function refused(what: string, path: string, cause: unknown): TandemError {
  const code = codeOf(cause)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new TandemError('AccessDenied', `No permission to ${what} ${path}.`, { cause })
  return new TandemError('DiskUnwritable', `Cannot ${what} ${path}: ${reasonOf(cause)}.`, { cause })
}

export class FolderStore implements VaultStore {
  readonly url: string
  readonly #folder: string
  readonly #made = new Set<string>()

  /** @param folder absolute; made when something is written */
  constructor(folder: string) {
    this.#folder = folder
    this.url = pathToFileURL(folder).href
  }

  async put(name: string, bytes: Uint8Array): Promise<'written' | 'taken'> {
    const draft = this.draft(name)
    await draft.append([bytes])
    return draft.finish()
  }

  draft(name: string): ObjectDraft {
    return new FileDraft(this.#path(name), (folder) => this.#makeFolder(folder))
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#read(name, async (file) => file.readFile())
  }

  range(name: string, offset: number, length: number): Promise<Buffer | undefined> {
    return this.#read(name, (file) => readFully(file, offset, length))
  }

  tail(name: string, length: number): Promise<Buffer | undefined> {
    return this.#read(name, async (file) => {
      const { size } = await file.stat()
      return readFully(file, Math.max(0, size - length), Math.min(size, length))
    })
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    for await (const object of this.#walk(folder)) if (object.name.startsWith(prefix)) yield object
  }

  async remove(name: string): Promise<'removed' | 'absent' | 'locked'> {
    const path = this.#path(name)
    try {
      await unlink(path)
      return 'removed'
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return 'absent'
      throw refused('delete', path, cause)
    }
  }

  async removeUnfinished(writtenBeforeMs: number): Promise<number> {
    let count = 0
    const names = await readdir(this.#folder, { recursive: true }).catch(() => [])
    for (const name of names.filter((each) => basename(each).startsWith(DRAFT))) {
      const path = this.#path(name)
      const found = await stat(path).catch(() => undefined)
      if (!found || found.mtimeMs >= writtenBeforeMs) continue
      await unlink(path).catch((cause: unknown) => {
        throw refused('delete', path, cause)
      })
      count += 1
    }
    return count
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#made.has(folder)) return
    await mkdir(folder, { recursive: true })
    this.#made.add(folder)
  }

  async #read(name: string, read: (file: FileHandle) => Promise<Buffer>): Promise<Buffer | undefined> {
    const path = this.#path(name)
    try {
      await using file = await open(path, 'r')
      return await read(file)
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined
      throw refused('read', path, cause)
    }
  }

  /** Objects below a folder, in the order of their whole names. */
  async *#walk(folder: string): AsyncIterable<StoredObject> {
    const entries = await readdir(this.#path(folder), { withFileTypes: true }).catch((cause: unknown) => {
      if (codeOf(cause) === 'ENOENT') return []
      throw refused('list', this.#path(folder), cause)
    })
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted()
    for (const name of names) {
      if (name.startsWith(DRAFT)) continue
      if (name.endsWith('/')) yield* this.#walk(folder + name)
      else yield* this.#found(folder + name)
    }
  }

  /** In this thread: handing over each of perhaps a million files takes four times as long. Nothing when it was deleted just now. */
  *#found(name: string): Iterable<StoredObject> {
    const path = this.#path(name)
    try {
      const found = statSync(path, { throwIfNoEntry: false })
      if (found) yield { name, sizeBytes: found.size, writtenMs: found.mtimeMs }
    } catch (cause) {
      throw refused('list', path, cause)
    }
  }
}

/** A file under another name, until it is complete and on stable storage. */
class FileDraft implements ObjectDraft {
  readonly #path: string
  readonly #draft: string
  readonly #makeFolder: (folder: string) => Promise<void>
  #file: Promise<FileHandle> | undefined
  #length = 0

  constructor(path: string, makeFolder: (folder: string) => Promise<void>) {
    this.#path = path
    this.#draft = join(dirname(path), `${DRAFT}${randomBytes(8).toString('hex')}`)
    this.#makeFolder = makeFolder
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    try {
      const file = await (this.#file ??= this.#open())
      for (const piece of pieces) {
        writeFully(file, piece, this.#length)
        this.#length += piece.length
      }
    } catch (cause) {
      await this.discard()
      throw refused('write', this.#path, cause)
    }
  }

  async finish(): Promise<'written' | 'taken'> {
    try {
      const file = await (this.#file ??= this.#open())
      await file.datasync()
      return await publish(this.#draft, this.#path)
    } catch (cause) {
      throw refused('write', this.#path, cause)
    } finally {
      await this.discard()
    }
  }

  async discard(): Promise<void> {
    const file = await this.#file?.catch(() => undefined)
    // It was never made, or expiry finds it.
    await unlink(this.#draft).catch(() => {})
    await file?.close().catch(() => {})
  }

  async #open(): Promise<FileHandle> {
    await this.#makeFolder(dirname(this.#path))
    return open(this.#draft, 'wx')
  }
}

/** Gives a complete file its name, unless the name is taken. */
async function publish(draft: string, path: string): Promise<'written' | 'taken'> {
  try {
    await link(draft, path)
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return 'taken'
    throw cause
  }
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
  return 'written'
}

/** In this thread: handing over what goes into the page cache takes longer than putting it there. */
function writeFully({ fd }: FileHandle, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}

async function readFully(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
