import { createHash, randomBytes } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { TandemError } from '../../core/errors.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { proxyJob } from '../../mover/jobs/proxy-job.ts'
import { writeDisk } from '../../mover/jobs/write-disk.ts'
import { makeVaultInMemory, TAKEN_AT_MS, type VaultInMemory } from './vault-memory.ts'

/** A copy comes back into a snapshot that waits for its blocks: in a Lambda, and on a proxy. */
const SNAPSHOT = 'snap-0123456789abcdef0'
const VOLUME = 'vol-0123456789abcdef0'
const PLACE = { bucket: 'vault', prefix: '' }

let vault: VaultInMemory
/** Two blocks of noise around one of zeros. */
let content: Buffer
let copy: string

beforeEach(async () => {
  vault = makeVaultInMemory()
  content = Buffer.concat([randomBytes(BLOCK_BYTES), Buffer.alloc(BLOCK_BYTES), randomBytes(BLOCK_BYTES)])
  copy = (await vault.copy(content, vault.store, { disk: VOLUME })).name
})

/** A snapshot as EBS has it while it is written: blocks may come again, until it is complete. */
class OpenSnapshot implements Pick<SnapshotBlocks, 'write' | 'complete'> {
  readonly written = new Map<number, Buffer>()
  isComplete = false
  /** Called before each block is taken. */
  onWrite: () => void = () => {}

  async write(_: string, block: number, bytes: Uint8Array): Promise<Uint8Array> {
    this.onWrite()
    this.#refuseSealed()
    this.written.set(block, Buffer.from(bytes))
    return sha256(bytes)
  }

  async complete(_: string, { blockCount, sha256: digest }: { blockCount: number; sha256: Uint8Array }): Promise<void> {
    this.#refuseSealed()
    const blocks = [...this.written].toSorted(([one], [other]) => one - other)
    expect(blockCount).toBe(blocks.length)
    expect(Buffer.from(digest)).toEqual(sha256(Buffer.concat(blocks.map(([, bytes]) => sha256(bytes)))))
    this.isComplete = true
  }

  get ports(): SnapshotBlocks {
    return { write: this.write.bind(this), complete: this.complete.bind(this) } as SnapshotBlocks
  }

  #refuseSealed(): void {
    if (this.isComplete) throw new TandemError('SnapshotSealed', 'It takes no more blocks.')
  }
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

const disk = () => ({ volume: VOLUME, copy, snapshot: SNAPSHOT, sizeBytes: content.length, blockCount: 2 })
const write = (to: OpenSnapshot, changes: object = {}) =>
  writeDisk(PLACE, { ...disk(), ...changes }, { vault: vault.vaultOf(vault.store), blocks: to.ports })

test('writes the blocks that are not zeros, and completes the snapshot', async () => {
  const snapshot = new OpenSnapshot()
  expect(await write(snapshot)).toEqual({ volume: VOLUME, snapshot: SNAPSHOT, writtenBytes: 2 * BLOCK_BYTES })
  expect(snapshot.isComplete).toBe(true)
  expect(new Set(snapshot.written.keys())).toEqual(new Set([0, 2]))
  for (const [block, bytes] of snapshot.written)
    expect(bytes.equals(content.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))).toBe(true)
})

test('goes on after a try that died half way, and leaves alone what an earlier one has completed', async () => {
  const snapshot = new OpenSnapshot()
  snapshot.onWrite = () => {
    if (snapshot.written.size === 1) throw new TandemError('AwsUnavailable', 'no answer')
  }
  await expect(write(snapshot)).rejects.toMatchObject({ name: 'AwsUnavailable' })
  expect(snapshot.isComplete).toBe(false)
  snapshot.onWrite = () => {}
  await write(snapshot)
  expect(snapshot.isComplete).toBe(true)
  expect(await write(snapshot)).toMatchObject({ snapshot: SNAPSHOT })
})

test('completes nothing of a disk that is damaged in the vault, and names the pack', async () => {
  for (const [name, { bytes }] of vault.store.objects)
    if (name.startsWith('packs/')) bytes.writeUInt8(bytes.readUInt8(300) ^ 1, 300)
  const snapshot = new OpenSnapshot()
  await expect(write(snapshot)).rejects.toMatchObject({
    name: 'VaultDamaged',
    message: expect.stringMatching(/packs\/[0-9a-f]{32}/),
  })
  expect(snapshot.isComplete).toBe(false)
})

test.each([
  ['of another disk', { volume: 'vol-0fedcba9876543210' }],
  ['of another size', { sizeBytes: BLOCK_BYTES }],
])('writes nothing of a copy %s', async (_, changes) => {
  const snapshot = new OpenSnapshot()
  await expect(write(snapshot, changes)).rejects.toMatchObject({ name: 'VaultDamaged' })
  expect(snapshot.written.size).toBe(0)
})

test('a proxy writes each of its disks, tells how far it is over all, and answers with what it wrote', async () => {
  const snapshot = new OpenSnapshot()
  const told: { doneBytes: number; totalBytes: number }[] = []
  const answers: unknown[] = []
  const done = await proxyJob(
    {
      version: 1,
      kind: 'recovery',
      token: 'token',
      vault: PLACE,
      progress: 'progress/run/main/p.json',
      disks: [disk()],
    },
    {
      executions: {
        succeed: async (_, output) => (answers.push(output), 'sent'),
        fail: async (_, error, cause) => (answers.push({ error, cause }), 'sent'),
        heartbeat: async () => 'sent',
      },
      blocks: snapshot.ports,
      post: { putProgress: async (_, report) => void told.push(report) },
      clock: { now: () => new Date(TAKEN_AT_MS).toISOString() },
      open: async () => vault.vaultOf(vault.store),
      devices: '/nowhere',
    },
  )
  expect(done).toBe(true)
  expect(answers).toEqual([{ disks: [{ volume: VOLUME, snapshot: SNAPSHOT, writtenBytes: 2 * BLOCK_BYTES }] }])
  expect(told.at(-1)).toMatchObject({ doneBytes: 2 * BLOCK_BYTES, totalBytes: 2 * BLOCK_BYTES })
})
