import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesInWords } from '../cli/bytes.ts'
import { progressReport } from '../core/contracts/jobs.ts'
import type { Workflow } from '../core/ports.ts'
import type { Account } from '../local/account.ts'
import type { Narrator } from './console.ts'
import { loseAllButVaults } from './loss.ts'
import type { Fleet } from './machines.ts'
import { check, sha256Of, shown, type Check } from './proof.ts'
import { revertAndLook } from './revert.ts'
import { stateMachineArn } from './state-machines.ts'
import { STACK } from './synthesize.ts'
import { tandem } from './tandem.ts'
import type { Witness } from './witness.ts'

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
  const disksBefore = new Map(fleet.disksOf(await fleet.describe(machine.id)))
  const disks = [...disksBefore]
  const held = new Map<string, string>()
  for (const [, volume] of disks) held.set(volume, await sha256Of(witness.captured(volume).path))
  witness.onProgress = (bucket, key) => narrator.line(`the proxy has copied ${progressIn(account, bucket, key)}`)
  await run(scene, 'copy-point', { machine: machine.id, path: 'proxy' })
  witness.onProgress = () => {}
  narrator.plain(await tandem(account, ['links', machine.id]))

  narrator.chapter('7  Snapshots and catalog are lost; the disks are rebuilt from the vault alone')
  const { snapshotCount, itemCount } = await loseAllButVaults(account, fleet)
  narrator.line(`${snapshotCount} snapshots deleted, ${itemCount} items of the catalog deleted`)
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

  narrator.chapter('8  The point is recovered from the vault, and the machine goes back to it')
  await run(scene, 'recover-point', { machine: machine.id })
  narrator.plain(await tandem(account, ['links', machine.id]))
  narrator.line(`input of the execution: {"machine":"${machine.id}"}`)
  const { status, error, cause } = await revertAndLook(account, machine.id, async () => {
    for (const [device, volume] of fleet.disksOf(await fleet.describe(machine.id))) {
      const hash = await sha256Of(account.ec2.volumePath(volume))
      const claim = `${machine.name} has ${device} as it was before the loss, byte for byte`
      checks.push(check(claim, hash === held.get(disksBefore.get(device) ?? ''), shown(hash)))
    }
  })
  checks.push(
    check(`${machine.name} was reverted to it`, status === 'SUCCEEDED', error ? `${error}: ${cause}` : status),
  )
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
