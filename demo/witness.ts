import type { Account } from '../local/account.ts'
import type { ObservedCall } from '../local/wire/server.ts'

/** What was captured of one disk, and when. The file is the snapshot's own: it never changes. */
export interface CapturedDisk {
  readonly volumeId: string
  readonly snapshotId: string
  readonly path: string
  readonly atMs: number
}

const READS = /^(Describe|Get|List|Head)/

/**
 * Watches an account from outside the product: what was captured, who changed what, and when machines ran. The proof
 * rests on this and not on what Tandem says of itself.
 */
export class Witness {
  /** Told when a worker of a copy has written how far it is. */
  onProgress: (bucket: string, key: string) => void = () => {}
  readonly #captured = new Map<string, CapturedDisk>()
  readonly #changes: string[] = []
  readonly #power: { readonly instanceId: string; readonly state: string; readonly atMs: number }[] = []

  /** To be given to the account as its `onCall`: notes every call to EC2 that changes something. */
  readonly onCall = ({ service, operation, input }: ObservedCall): void => {
    const { Bucket, Key } = input as { Bucket?: string; Key?: string }
    if (operation === 'PutObject' && Bucket && Key?.startsWith('progress/')) this.onProgress(Bucket, Key)
    if (service === 'ec2' && !READS.test(operation)) this.#changes.push(`${operation} ${JSON.stringify(input)}`)
  }

  watch(account: Account): void {
    account.ec2.observeCapture(({ snapshots, atMs }) => {
      for (const snapshot of snapshots) this.#captured.set(snapshot.volumeId, { ...snapshot, atMs })
    })
    account.events.observe(({ 'detail-type': type, detail }) => {
      if (type !== 'EC2 Instance State-change Notification') return
      this.#power.push({
        instanceId: String(detail['instance-id']),
        state: String(detail['state']),
        atMs: account.clock.now(),
      })
    })
  }

  /** The latest capture of a volume. */
  captured(volumeId: string): CapturedDisk {
    const found = this.#captured.get(volumeId)
    if (!found) throw new Error(`${volumeId} was never captured.`)
    return found
  }

  wasCaptured(volumeId: string): boolean {
    return this.#captured.has(volumeId)
  }

  /** Changing calls since the `from`-th that name one of these ids. */
  changesTo(ids: readonly string[], from = 0): string[] {
    return this.#changes.slice(from).filter((change) => ids.some((id) => change.includes(id)))
  }

  get changeCount(): number {
    return this.#changes.length
  }

  /** Virtual milliseconds between the last time the machine left `running` and the last time it came back. */
  lastDowntimeMs(instanceId: string): number {
    const ofMachine = this.#power.filter((entry) => entry.instanceId === instanceId)
    const down = ofMachine.findLast(({ state }) => state === 'stopping')
    const up = ofMachine.findLast(({ state }) => state === 'running')
    return down && up && up.atMs > down.atMs ? up.atMs - down.atMs : Number.NaN
  }
}
