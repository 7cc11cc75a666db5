import type { LedgerEntry, MachineRecord, PointRecord, RevertRecord } from '../../../core/contracts/records.ts'
import { TandemError } from '../../../core/errors.ts'
import type { Attachment, NewVolume, ObservedMachine, PowerState } from '../../../core/ports.ts'
import type { Tags } from '../../../core/tags.ts'
import { hasTags, memoryCatalog, memoryClock, memoryEbs, memoryLedger, type Faults } from '../memory.ts'
import {
  machineRecordOf,
  MACHINE,
  observedMachine,
  observedSnapshot,
  observedVolume,
  OWNER,
  specification,
  volumeOf,
} from '../samples.ts'

/** One machine in EC2, the catalog and the ledger in memory, and every port that a revert's use cases need. */
export function memoryReverts() {
  const reverts = new Map<string, RevertRecord>()
  const points = new Map<string, PointRecord>()
  const entries = new Map<string, LedgerEntry>()
  const faults: Faults = new Map()
  const ebs = memoryEbs()
  const clock = memoryClock()
  const state = {
    power: 'running' as PowerState,
    alive: new Set<string>(),
    holder: undefined as string | undefined,
    nextVolume: 101,
  }
  const machine: MachineRecord = machineRecordOf()
  const observe = async (): Promise<ObservedMachine> => {
    await faults.get('observe')?.()
    return observedMachine([], { power: state.power, attachments: ebs.attachments })
  }
  const shown = () => [...ebs.volumes.values()].filter(({ volume }) => !ebs.hidden.has(volume))
  const retag = (ids: readonly string[], change: (tags: Tags) => Tags): void => {
    for (const id of ids) {
      const found = ebs.volumes.get(id)
      if (found)
        ebs.volumes.set(id, {
          ...found,
          specification: { ...found.specification, tags: change(found.specification.tags) },
        })
    }
  }
  const byToken = new Map<string, string>()
  const ports = {
    owner: OWNER,
    clock,
    policies: { nightly: { keepReplacedDays: 3 } },
    machines: { observe, isStopProtected: async () => false },
    catalog: memoryCatalog({ machine, points, reverts }, faults),
    ledger: memoryLedger(entries),
    executions: { isRunning: async (run: string) => state.alive.has(run) },
    locks: {
      async acquire({ owner }: { readonly owner: string }) {
        if (state.holder !== undefined && state.holder !== owner && state.alive.has(state.holder))
          throw new TandemError('MachineBusy', state.holder)
        state.holder = owner
      },
      async release(_machine: string, owner: string) {
        if (state.holder === owner) state.holder = undefined
      },
    },
    snapshots: {
      observe: async (ids: readonly string[]) => ids.map((id) => observedSnapshot(id, id.replace('snap-', 'vol-'))),
    },
    volumes: {
      async observe(ids: readonly string[]) {
        await faults.get('observe volumes')?.()
        return shown().filter(({ volume }) => ids.includes(volume))
      },
      tagged: async (tags: Tags) => shown().filter((found) => hasTags(found.specification.tags, tags)),
      async ensureCreated({ clientToken, tags }: NewVolume) {
        await faults.get('ensureCreated')?.()
        const volume = byToken.get(clientToken) ?? volumeOf(state.nextVolume)
        if (!byToken.has(clientToken)) {
          state.nextVolume += 1
          byToken.set(clientToken, volume)
          ebs.volumes.set(
            volume,
            observedVolume(volume, { state: 'available', specification: specification({ tags }) }),
          )
        }
        await faults.get('ensureCreated lost')?.()
        return volume
      },
      async ensureDeleted(volume: string) {
        if (ebs.attachments.some((attachment) => attachment.volume === volume))
          throw new Error(`${volume} is attached, and was to be deleted`)
        // EC2 says "not found" of what it does not show yet, and the port takes that for gone.
        if (!ebs.hidden.has(volume)) ebs.volumes.delete(volume)
      },
      tag: async (ids: readonly string[], tags: Tags) => retag(ids, (own) => ({ ...own, ...tags })),
      untag: async (ids: readonly string[], keys: readonly string[]) =>
        retag(ids, (own) => Object.fromEntries(Object.entries(own).filter(([key]) => !keys.includes(key)))),
    },
  }
  /** The machine has these volumes at these devices; each exists. */
  const attach = (
    disks: readonly { readonly device: string; readonly volume: string; readonly state?: Attachment['state'] }[],
  ): void => {
    ebs.attachments = disks.map(({ device, volume, state: attachmentState = 'attached' }) => ({
      device,
      volume,
      deleteOnTermination: true,
      state: attachmentState,
    }))
    for (const { volume } of disks) if (!ebs.volumes.has(volume)) ebs.volumes.set(volume, observedVolume(volume))
  }
  /** A volume that Tandem made for a revert. */
  const make = (volume: string, revert: string, device: string): void => {
    const tags = { 'tandem:owner': OWNER, 'tandem:revert': revert, 'tandem:role': 'incoming', 'tandem:device': device }
    ebs.volumes.set(volume, observedVolume(volume, { state: 'available', specification: specification({ tags }) }))
  }
  const tagsOf = (volume: string): Tags => ebs.volumes.get(volume)?.specification.tags ?? {}
  return { ports, reverts, points, entries, faults, ebs, clock, state, attach, make, tagsOf, machine: MACHINE }
}
