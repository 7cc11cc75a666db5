import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Checkpoints, readCheckpoint, restore } from '../../local/checkpoints.ts'
import type { Durable } from '../../local/durability.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoints-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface Disk {
  readonly id: string
  readonly attachments: Set<{ readonly disk: Disk }>
}

/** A service whose records refer to each other. */
class Disks implements Durable {
  readonly name = 'disks'
  disks = new Map<string, Disk>()

  add(id: string): void {
    const disk: Disk = { id, attachments: new Set() }
    disk.attachments.add({ disk })
    this.disks.set(id, disk)
  }
  save(): unknown {
    return this.disks
  }
  restore(saved: unknown): void {
    this.disks = saved as Map<string, Disk>
  }
}

const keeping = (disks: Disks, nowMs = 7): Checkpoints =>
  new Checkpoints({ directory, now: () => nowMs, groups: () => [{ name: 'here', durables: [disks] }] })

/** What a process that starts now finds. */
function found(): Disks {
  const disks = new Disks()
  const saved = readCheckpoint(directory)
  if (saved) restore({ name: 'here', durables: [disks] }, saved)
  return disks
}

describe('checkpoints', () => {
  it('are there once kept() has resolved, without any farewell', async () => {
    const disks = new Disks()
    const checkpoints = keeping(disks)
    disks.add('vol-1')
    await checkpoints.kept()
    expect([...found().disks.keys()]).toEqual(['vol-1'])
    checkpoints.close()
  })

  it('keep records that refer to each other as they are', async () => {
    const disks = new Disks()
    const checkpoints = keeping(disks)
    disks.add('vol-1')
    checkpoints.close()
    const disk = found().disks.get('vol-1')
    expect([...(disk?.attachments ?? [])][0]?.disk).toBe(disk)
  })

  it('say at which virtual time the account stood still', () => {
    keeping(new Disks(), 42).close()
    expect(readCheckpoint(directory)?.nowMs).toBe(42)
  })

  it('do not write what has not changed', async () => {
    const disks = new Disks()
    const checkpoints = keeping(disks)
    await checkpoints.kept()
    const { ino } = statSync(join(directory, 'checkpoint'))
    await checkpoints.kept()
    expect(statSync(join(directory, 'checkpoint')).ino).toBe(ino)
    disks.add('vol-2')
    await checkpoints.kept()
    expect(statSync(join(directory, 'checkpoint')).ino).not.toBe(ino)
    checkpoints.close()
  })

  it('of another version are refused, with what to do', () => {
    writeFileSync(join(directory, 'checkpoint'), serialize({ version: 999, nowMs: 0, groups: new Map() }))
    expect(() => readCheckpoint(directory)).toThrow(
      `${join(directory, 'checkpoint')} has version 999, and this account reads version 1: start with an empty folder.`,
    )
  })
})
