import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient, DeleteItemCommand, paginateScan } from '@aws-sdk/client-dynamodb'
import { DeleteSnapshotCommand, paginateDescribeSnapshots } from '@aws-sdk/client-ec2'
import { bytesInWords } from '../cli/bytes.ts'
import { progressReport } from '../core/contracts/jobs.ts'
import type { Workflow } from '../core/ports.ts'
import type { Account } from '../local/account.ts'
import type { Narrator } from './console.ts'
import type { Fleet } from './machines.ts'
import { check, sha256Of, shown, type Check } from './proof.ts'
import { stateMachineArn } from './state-machines.ts'
import { STACK } from './synthesize.ts'
import { tandem } from './tandem.ts'
import type { Witness } from './witness.ts'

/** A deleted snapshot, and what its deletion waits for, is gone by then. */
const DELETION_MS = 5 * 60_000

interface Scene {
  readonly account: Account
  readonly fleet: Fleet
  readonly witness: Witness
  readonly narrator: Narrator
}

/** A point goes into the vault by a proxy; then everything but the vault is lost, and every disk is rebuilt from it. */
export async function tellOfTheVault(
  scene: Scene,
  machine: { readonly id: string; readonly name: string },
): Promise<Check[]> {
  const { account, fleet, witness, narrator } = scene
  const vault = `s3://${STACK}-vaults-${account.accountId}-${account.region}/main`
  narrator.chapter('6  One more point of the machine, and a proxy copies it into the vault')
  await run(scene, 'protect-machine', { machine: machine.id })
  const disks = [...fleet.disksOf(await fleet.describe(machine.id))]
  const held = new Map<string, string>()
  for (const [, volume] of disks) held.set(volume, await sha256Of(witness.captured(volume).path))
  witness.onProgress = (bucket, key) => narrator.line(`the proxy has copied ${progressIn(account, bucket, key)}`)
  await run(scene, 'copy-point', { machine: machine.id, path: 'proxy' })
  witness.onProgress = () => {}
  narrator.plain(await tandem(account, ['links', machine.id]))

  narrator.chapter('7  Snapshots and catalog are lost; the disks are rebuilt from the vault alone')
  narrator.line(
    `${await deleteSnapshots(fleet)} snapshots deleted, ${await emptyCatalog(account)} items of the catalog deleted`,
  )
  await account.clock.sleep(DELETION_MS)
  const folder = mkdtempSync(join(tmpdir(), 'tandem-rebuilt-'))
  const checks: Check[] = []
  try {
    for (const [device, volume] of disks) {
      const path = join(folder, volume)
      const words = ['vault', 'restore', path, '--from', vault, '--name', volume]
      narrator.line(`tandem ${words.slice(0, 2).join(' ')} … --from ${vault} --name ${volume}`)
      await tandem(account, words)
      const hash = await sha256Of(path)
      rmSync(path)
      checks.push(
        check(`${device} comes back from the vault alone, byte for byte`, hash === held.get(volume), shown(hash)),
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return checks
}

function progressIn({ objects }: Account, bucket: string, key: string): string {
  const text = Buffer.from(objects.read(bucket, key) ?? '{}').toString()
  const { doneBytes, totalBytes, bytesPerSecond } = progressReport.parse(JSON.parse(text))
  return `${bytesInWords(doneBytes)} of ${bytesInWords(totalBytes)}, ${bytesInWords(bytesPerSecond)}/s`
}

/** As from the console. */
async function run({ account, narrator }: Scene, workflow: Workflow, input: object): Promise<void> {
  const { states } = account
  narrator.line(`input of the execution: ${JSON.stringify(input)}`)
  const arn = states.start(stateMachineArn(account, workflow), input)
  const { status, error, cause } = await states.waitFor(arn)
  if (status !== 'SUCCEEDED') throw new Error(`${workflow} ended ${status}: ${error}: ${cause}`)
}

/** All that Tandem made. */
async function deleteSnapshots(fleet: Fleet): Promise<number> {
  const ours = { Filters: [{ Name: 'tag:tandem:owner', Values: [STACK] }] }
  let count = 0
  await fleet.call(async () => {
    for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: fleet.ec2 }, ours))
      for (const { SnapshotId } of Snapshots) {
        await fleet.ec2.send(new DeleteSnapshotCommand({ SnapshotId }))
        count += 1
      }
  })
  return count
}

async function emptyCatalog({ endpoint, region, credentials, clock }: Account): Promise<number> {
  const client = new DynamoDBClient({ endpoint, region, credentials })
  const TableName = `${STACK}-catalog`
  let count = 0
  await clock.holding(async () => {
    for await (const { Items = [] } of paginateScan({ client }, { TableName }))
      for (const { pk, sk } of Items)
        if (pk && sk) {
          await client.send(new DeleteItemCommand({ TableName, Key: { pk, sk } }))
          count += 1
        }
  })
  client.destroy()
  return count
}
