/** What the tests of snapshots do with the bytes of disks. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import type { TestAccount } from './ec2-account.ts'

export function write(path: string, text: string, offset = 0): void {
  const file = openSync(path, 'r+')
  writeSync(file, text, offset)
  closeSync(file)
}

export function read(path: string, length: number, offset = 0): string {
  const file = openSync(path, 'r')
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, offset)
  closeSync(file)
  return bytes.toString()
}

/** Ids of the snapshots of a CreateSnapshots, pending. */
export async function createSet(account: TestAccount, instanceId: string, more: object = {}): Promise<string[]> {
  const { Snapshots = [] } = await account.call('CreateSnapshots', {
    InstanceSpecification: { InstanceId: instanceId },
    ...more,
  })
  return Snapshots.map(({ SnapshotId }) => SnapshotId!)
}
