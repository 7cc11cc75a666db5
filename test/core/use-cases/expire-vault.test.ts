import { beforeEach, describe, expect, test } from 'vitest'
import { copyInAnyState, type CopyIn, type CopyRecord } from '../../../core/contracts/copy-records.ts'
import type { DeployedVaults } from '../../../core/contracts/policies.ts'
import { TandemError } from '../../../core/errors.ts'
import type { Expired, ExpiringVault, JudgedPoint } from '../../../core/expiry-ports.ts'
import { expireVault } from '../../../core/use-cases/expire-vault.ts'
import { planExpiry } from '../../../core/use-cases/plan-expiry.ts'
import { MACHINE, runOf, snapshotOf, volumeOf } from '../samples.ts'

const PLACE = { bucket: 'acme', prefix: 'main/', key: 'arn:aws:kms:eu-west-1:111122223333:key/1', isOwn: true }
const PLACES: DeployedVaults = { main: PLACE }
const RULES = { hourly: [{ vault: 'main', every: '1 day', keep: '3 days' }] }
const NOW = '2026-11-23T10:00:00.000Z'

const copyOf = (number: number, changes: Partial<CopyIn<'committed'>> = {}): CopyIn<'committed'> => ({
  version: 1,
  state: 'committed',
  machine: MACHINE,
  point: `pt-${String(number).padStart(20, '0')}`,
  capturedAt: `2026-11-0${number}T10:00:00Z`,
  vault: 'main',
  url: 's3://acme/main/',
  run: runOf('copy'),
  startedAt: NOW,
  path: 'direct',
  reason: 'small',
  disks: [
    {
      volume: volumeOf(1),
      snapshot: snapshotOf(1),
      sizeBytes: 1024 ** 3,
      diskCopyId: '0'.repeat(32),
      blockCount: 1,
      lineageBroken: false,
    },
  ],
  proxies: [],
  committedAt: NOW,
  manifest: `points/${number}`,
  readBytes: 0,
  newBytes: 0,
  storedBytes: 0,
  ...changes,
})

const copyingOf = (number: number): CopyIn<'copying'> => ({
  ...copyInAnyState.parse(copyOf(number)),
  state: 'copying',
})

let records: CopyRecord[]
/** Points that are in the vault when they are looked for. */
let inVault: Set<string>
let judged: JudgedPoint[]
let damages: string[]
/** What happens between vault and catalog, and when a point has been looked for. */
let between: () => void
let looked: (manifest: string) => void
beforeEach(() => {
  records = [copyOf(1), copyOf(2), copyOf(3)]
  inVault = new Set(['points/3'])
  judged = [
    { manifest: 'points/1', isGone: true, reason: 'policy hourly keeps 3 days' },
    { manifest: 'points/3', isGone: false, reason: 'the newest' },
  ]
  damages = []
  between = () => {}
  looked = () => {}
})

const FIGURES = { removedObjectCount: 5, removedBytes: 100, announcedCount: 2, lockedCount: 0 }

const vault: ExpiringVault = {
  async expire(keeps, onRemoved): Promise<Expired> {
    expect(keeps).toEqual({ hourly: '3 days' })
    between()
    await onRemoved(judged)
    return { pointCount: 1, copyCount: 1, ...FIGURES, damages }
  },
  async holds(manifest) {
    looked(manifest)
    return inVault.has(manifest)
  },
}

const run = (open: () => Promise<ExpiringVault | undefined> = async () => vault) =>
  expireVault({
    places: PLACES,
    copyRules: RULES,
    clock: { now: () => NOW },
    vaults: { open },
    catalog: {
      async *machines() {
        yield [{ machine: MACHINE }] as never
      },
    },
    copies: {
      copies: async () => [...records],
      async advanceCopy(from, to) {
        const index = records.findIndex(({ point, vault: into }) => point === to.point && into === to.vault)
        const found = records[index]
        if (!found || !from.includes(found.state)) throw new TandemError('LostRace', 'it moved on')
        records[index] = to
        return 'moved'
      },
    },
  })({ run: runOf('expiry'), vault: 'main' })

const told = (): string[] => records.map(({ state }) => state)

describe('ExpireVault', () => {
  test('tells the catalog what it let go, why, and what an earlier try or a stranger deleted', async () => {
    expect(await run()).toEqual({
      vault: 'main',
      expiredPointCount: 1,
      expiredCopyCount: 1,
      recordedCount: 2,
      ...FIGURES,
    })
    expect(records).toMatchObject([
      { state: 'expired', expiredAt: NOW, manifest: 'points/1', expiryReason: 'policy hourly keeps 3 days' },
      { state: 'expired', expiryReason: 'it was in the vault no more' },
      { state: 'committed' },
    ])
  })

  test('that runs twice tells the same once', async () => {
    await run()
    const after = structuredClone(records)
    judged = judged.filter(({ isGone }) => !isGone)
    expect(await run()).toMatchObject({ recordedCount: 0 })
    expect(records).toEqual(after)
  })

  test('tells nothing of a copy that was committed after the points were listed', async () => {
    between = () => {
      records.push(copyOf(4))
      inVault.add('points/4')
    }
    await run()
    expect(told()).toEqual(['expired', 'expired', 'committed', 'committed'])
  })

  test('tells nothing of another vault, nor of one that had its name before, nor of copies that are not there yet', async () => {
    records = [copyOf(4, { vault: 'offsite' }), copyOf(5, { url: 's3://acme/before/' }), copyingOf(6)]
    expect(await run()).toMatchObject({ recordedCount: 0 })
    expect(told()).toEqual(['committed', 'committed', 'copying'])
  })

  test('leaves a record to whoever copies the point again', async () => {
    looked = (manifest) => {
      if (manifest === 'points/1') records[0] = copyingOf(1)
    }
    expect(await run()).toMatchObject({ recordedCount: 1 })
    expect(told()).toEqual(['copying', 'expired', 'committed'])
  })

  test('has told the catalog when it ends with what is damaged', async () => {
    damages = ['packs/1 is not what was written', 'packs/2 is missing']
    await expect(run()).rejects.toMatchObject({
      name: 'VaultDamaged',
      message: 'packs/1 is not what was written And 1 more.',
    })
    expect(told()).toEqual(['expired', 'expired', 'committed'])
  })

  test('has nothing to do in a vault of the deployment that nobody has copied into', async () => {
    expect(await run(async () => undefined)).toMatchObject({ expiredPointCount: 0, recordedCount: 0 })
    expect(told()).toEqual(['committed', 'committed', 'committed'])
  })
})

const plan = (request: unknown) => planExpiry({ copyRules: RULES })({ request, run: runOf('expiry') })

describe('PlanExpiry', () => {
  test('names the vaults of which a policy lets copies go, or the one that is asked for', async () => {
    expect(await plan({})).toEqual({ vaults: ['main'] })
    expect(await plan({ vault: 'main' })).toEqual({ vaults: ['main'] })
  })

  test.each([{ vault: 'offsite' }, { vaults: 'main' }, 'main', null])('refuses %j by name', async (request) => {
    await expect(plan(request)).rejects.toMatchObject({ name: 'InvalidInput' })
  })
})
