import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ProxyJob } from '../../core/contracts/jobs.ts'
import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { proxyJob, type ProxyPorts } from '../../mover/jobs/proxy-job.ts'
import { listCopies } from '../../mover/vault.ts'
import { makeVaultInMemory, TAKEN_AT_MS, type VaultInMemory } from './vault-memory.ts'

const VOLUME = 'vol-0123456789abcdef0'
const SNAPSHOT = 'snap-0123456789abcdef0'

let devices: string
let vault: VaultInMemory
/** What the snapshot holds: a block of zeros, and two of noise. */
let content: Buffer
let answers: object[]

beforeEach(() => {
  devices = mkdtempSync(join(tmpdir(), 'tandem-devices-'))
  vault = makeVaultInMemory()
  content = Buffer.concat([Buffer.alloc(BLOCK_BYTES), randomBytes(2 * BLOCK_BYTES)])
  answers = []
})
afterEach(() => rmSync(devices, { recursive: true }))

const job = (more: Partial<ProxyJob['disks'][number]> = {}): ProxyJob => ({
  version: 1,
  kind: 'copy',
  token: 'token',
  vault: { bucket: 'vault', prefix: '' },
  takenAt: new Date(TAKEN_AT_MS).toISOString(),
  progress: 'progress/run/main/proxy-0.json',
  disks: [
    {
      device: '/dev/sdb',
      volume: VOLUME,
      snapshot: SNAPSHOT,
      sizeBytes: content.length,
      diskCopyId: '0'.repeat(32),
      blockCount: 2,
      lineageBroken: false,
      ...more,
    },
  ],
})

/** The snapshot by the EBS direct APIs: written blocks only. */
const blocks: Pick<SnapshotBlocks, 'list' | 'read'> = {
  async *list() {
    yield { blocks: [1, 2].map((block) => ({ block, token: String(block) })), isLast: true }
  },
  read: async (_, { block }) => Buffer.from(content.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)),
}

const note = (answer: object): Promise<'sent'> => {
  answers.push(answer)
  return Promise.resolve('sent')
}

function run(told: ProxyJob, heartbeat: 'sent' | 'gone' = 'sent'): Promise<boolean> {
  const ports: ProxyPorts = {
    executions: {
      succeed: (_, output) => note({ output }),
      fail: (_, error, cause) => note({ error, cause }),
      heartbeat: async () => heartbeat,
    },
    blocks: blocks as SnapshotBlocks,
    post: { putProgress: async () => {} },
    clock: { now: () => new Date(TAKEN_AT_MS).toISOString() },
    open: async () => vault.vaultOf(vault.store),
    devices,
  }
  return proxyJob(told, ports)
}

describe('a proxy', () => {
  test('copies its devices and answers with what it copied', async () => {
    writeFileSync(join(devices, 'sdb'), content)
    expect(await run(job())).toBe(true)
    const [copy] = await listCopies(vault.vaultOf(vault.store), VOLUME)
    expect(answers).toMatchObject([{ output: { disks: [{ volume: VOLUME, manifest: copy?.name, mode: 'full' }] } }])
    expect(await vault.restore(copy?.name ?? '')).toEqual(content)
  })

  test('that runs twice makes one copy', async () => {
    writeFileSync(join(devices, 'sdb'), content)
    await run(job())
    await run(job())
    expect(await listCopies(vault.vaultOf(vault.store), VOLUME)).toHaveLength(1)
    expect(answers[1]).toEqual(answers[0])
  })

  test.each([
    [
      'of another size',
      () => Buffer.concat([content, randomBytes(BLOCK_BYTES)]),
      /has 2097152 bytes, and snap-\w+ of vol-\w+ has 1572864/,
    ],
    ['with another content', () => randomBytes(content.length), /Block 1 of .*sdb is not that of snap-/],
  ] as const)('copies nothing of a device %s, and says so', async (_, found, message) => {
    writeFileSync(join(devices, 'sdb'), found())
    expect(await run(job())).toBe(false)
    expect(answers).toEqual([{ error: 'DiskUnreadable', cause: expect.stringMatching(message) }])
    expect(await listCopies(vault.vaultOf(vault.store))).toEqual([])
  })
})
