import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TandemError } from '../../core/errors.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import type { Progress } from '../../mover/progress.ts'
import { listCopies } from '../../mover/vault.ts'
import { InterposedStore } from './interposed-store.ts'
import { tandem } from './vault-command.ts'
import { image, makeVaultFolder } from './vault-folder.ts'
import { makeVaultInMemory } from './vault-memory.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'disk-trouble-'))
  writeFileSync(join(folder, 'key'), 'ab'.repeat(32))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a disk that fails while it is copied', () => {
  it('by shrinking is refused, and nothing is committed', async () => {
    const vault = makeVaultInMemory()
    const path = join(folder, 'shrinks')
    writeFileSync(path, image('AB#'.repeat(8)))
    // The first pack is on its way when the disk loses its end.
    const shrink = new InterposedStore(vault.store, {
      before({ operation }) {
        if (operation === 'put') truncateSync(path, 524_288)
      },
    })
    const copying = vault.copy(image('AB#'.repeat(8)), shrink, { source: path })
    await expect(copying).rejects.toMatchObject({
      name: 'DiskUnreadable',
      message: expect.stringMatching(/ends at byte \d+, before its \d+ bytes: it has shrunk/),
    })
    expect(await listCopies(vault.vaultOf(vault.store))).toEqual([])
  })

  it('by an error of the device is refused with the place and the reason', async () => {
    const vault = makeVaultInMemory()
    // The kernel answers EIO for the first bytes of a process's memory, as a broken disk does.
    await expect(vault.copy(image('A'), vault.store, { source: '/proc/self/mem' })).rejects.toMatchObject({
      name: 'DiskUnreadable',
      message: '/proc/self/mem cannot be read at byte 0: EIO, the device reports an error.',
    })
  })

  it('by not being there any more is refused', async () => {
    const vault = makeVaultInMemory()
    await expect(vault.copy(image('A'), vault.store, { source: join(folder, 'gone') })).rejects.toMatchObject({
      name: 'DiskUnreadable',
      message: expect.stringContaining('ENOENT, it is not there'),
    })
  })

  it.each([1, 2])('leaves nothing unfinished in a folder, with %i threads', async (threadCount) => {
    using folder = await makeVaultFolder()
    // Noise for a pack that is not full when the disk ends too early.
    const content = Buffer.concat([image('####'), Buffer.alloc(200 * BLOCK_BYTES)])
    const copying = folder.copy(content, { threadCount, sizeBytes: content.length + BLOCK_BYTES })
    await expect(copying).rejects.toMatchObject({ name: 'DiskUnreadable' })
    expect(readdirSync(join(folder.folder, 'packs'))).toEqual([])
  })
})

const tandemCommand = (words: string): string =>
  `"${process.execPath}" ${resolve(import.meta.dirname, '../../cli/tandem.js')} ${words}`

function inShell(script: string): Promise<{ readonly code: unknown; readonly err: string }> {
  return new Promise((done) =>
    execFile('bash', ['-c', script], (error, _out, stderr) => done({ code: error?.code ?? 0, err: stderr })),
  )
}

/** Whether this process may mount in a namespace of its own; in some containers it may not. */
const mayMount = spawnSync('unshare', ['-rm', 'true']).status === 0

/** Runs `script` where `place` has room for 1 MiB. Where nothing can be mounted, for files of 1 MiB, which is another error. */
const withLittleRoom = (place: string, script: string): ReturnType<typeof inShell> =>
  inShell(
    mayMount
      ? `unshare -rm bash -c 'mount -t tmpfs -o size=1m none ${place} && ${script}'`
      : `ulimit -f 1024; ${script}`,
  )
const key = (): string => `--key-file ${folder}/key`
const noRoom = mayMount ? 'ENOSPC, no space left: make room' : 'EFBIG, the file would be larger'

describe('a file system that is full', () => {
  it('ends a copy with exit code 2, the object and the reason', async () => {
    const place = join(folder, 'small')
    mkdirSync(place)
    writeFileSync(join(folder, 'disk'), image('###'))
    const { code, err } = await withLittleRoom(
      place,
      `${tandemCommand(`vault init file://${place}/vault ${key()}`)} && ` +
        tandemCommand(`vault copy ${folder}/disk --to file://${place}/vault --name vol-1 ${key()}`),
    )
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^DiskUnwritable: Cannot write .*packs/),
    })
    expect(err).toContain(noRoom)
  })

  it('ends a restore with exit code 2, the block and the reason', async () => {
    const place = join(folder, 'small-target')
    mkdirSync(place)
    writeFileSync(join(folder, 'disk'), image('A###'))
    const vault = `file://${folder}/whole`
    await tandem(`vault init ${vault} ${key()}`)
    await tandem(`vault copy ${folder}/disk --to ${vault} --name vol-1 ${key()}`)
    const restoring = tandemCommand(`vault restore ${place}/disk --from ${vault} --name vol-1 ${key()}`)
    const { code, err } = await withLittleRoom(place, restoring)
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^DiskUnwritable: .*small-target.disk cannot be (written at byte \d+ \(block [23]\)|made 2097152 bytes long)/,
      ),
    })
    expect(err).toContain(noRoom)
  })
})

describe('a vault that has no room left', () => {
  it('ends the copy with the reason, and once there is room it goes on', async () => {
    const vault = makeVaultInMemory()
    let puts = 0
    const full = new InterposedStore(vault.store, {
      before({ operation, name }) {
        if (operation === 'put' && name.startsWith('packs/') && (puts += 1) > 2)
          throw new TandemError('DiskUnwritable', `Cannot write ${name}: ENOSPC, no space left.`)
      },
    })
    const content = image('######')
    await expect(vault.copy(content, full)).rejects.toMatchObject({ name: 'DiskUnwritable' })
    const { name, manifest } = await vault.copy(content, vault.store)
    expect(manifest.stats.knownBytes).toBe(2 * 524_288)
    expect((await vault.restore(name)).equals(content)).toBe(true)
  })

  it('is told with exit code 2 and the file, and nothing half written stays', async () => {
    const place = `file://${folder}/vault`
    const key = `--key-file ${folder}/key`
    await tandem(`vault init ${place} ${key}`)
    writeFileSync(join(folder, 'disk'), image('###'))
    // 64 KiB a file: small objects fit, a pack does not. Node ignores SIGXFSZ and gets EFBIG.
    const words = `vault copy ${folder}/disk --to ${place} --name vol-1 ${key} --threads 1`
    const { code, err } = await inShell(`ulimit -f 64; ${tandemCommand(words)}`)
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(
        /^DiskUnwritable: Cannot write .*\/packs\/[0-9a-f]{32}: EFBIG, the file would be larger/,
      ),
    })
    expect(readdirSync(join(folder, 'vault/packs'))).toEqual([])
    expect(await tandem(words)).toMatchObject({ exitCode: 0 })
  })
})

it('tells how far a copy is: bytes done and of how many, the rate, and how long it will take; the end at last', async () => {
  const vault = makeVaultInMemory()
  const told: Progress[] = []
  await vault.copy(image('ABC.'), vault.store, { onProgress: (progress) => told.push(progress) })
  expect(told.at(-1)).toMatchObject({ doneBytes: 4 * 524_288, totalBytes: 4 * 524_288, remainingSeconds: 0 })
})

it('reads no faster than the limit allows', async () => {
  const vault = makeVaultInMemory()
  const startedMs = performance.now()
  // 8 MiB at 32 MiB/s take a quarter of a second; the last batch may end early by what it took itself.
  await vault.copy(Buffer.alloc(8 * 1024 * 1024), vault.store, { bytesPerSecond: 32 * 1024 * 1024 })
  expect(performance.now() - startedMs).toBeGreaterThan(240)
})
