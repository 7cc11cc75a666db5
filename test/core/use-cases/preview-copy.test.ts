import { beforeEach, describe, expect, test } from 'vitest'
import { createColors } from 'picocolors'
import { copyPreviewInWords } from '../../../cli/copy-words.ts'
import type { CopyInput } from '../../../core/contracts/copy-tasks.ts'
import type { DeployedVault } from '../../../core/contracts/policies.ts'
import type { CopyVault, SnapshotBlocks } from '../../../core/copy-ports.ts'
import { DIRECT_BLOCKS_MAX } from '../../../core/copy-plan.ts'
import { plusMs } from '../../../core/instants.ts'
import { planCopy } from '../../../core/use-cases/plan-copy.ts'
import { previewCopy } from '../../../core/use-cases/preview-copy.ts'
import {
  committed,
  copying,
  emptyVault,
  failed,
  memoryBlocks,
  memoryCopies,
  memorySnapshot,
  newestOf,
  places,
} from '../copying.ts'
import { memoryCatalog } from '../memory.ts'
import { complete, disksOf, MACHINE, NOW, POINT, RUN, runOf, snapshotOf, specification, volumeOf } from '../samples.ts'

/** `tandem copy --plan`: what a run would do, told by somebody who may only read. */
const OLDER = snapshotOf(9)
let copies: ReturnType<typeof memoryCopies>
let vault: CopyVault | undefined
let living: Set<string>
let looked: DeployedVault[]

beforeEach(() => {
  copies = memoryCopies()
  const older = { volume: volumeOf(1), takenAt: plusMs(NOW, -86_400_000), snapshot: OLDER }
  vault = emptyVault({ newest: newestOf([older]) })
  living = new Set()
  looked = []
})

const ports = () => ({
  catalog: memoryCatalog({ points: new Map([[POINT, complete()]]), reverts: new Map() }),
  copies,
  executions: { isRunning: async (run: string) => living.has(run) },
  blocks: memoryBlocks(
    new Map([
      [snapshotOf(1), memorySnapshot('root', { 0: 'a', 1: 'b', 7: 'c' })],
      [OLDER, memorySnapshot('root', { 0: 'a' })],
      [snapshotOf(2), memorySnapshot('data', { 3: 'd' })],
    ]),
  ),
  look: async (place: DeployedVault) => {
    looked.push(place)
    return vault
  },
  places,
  copyRules: { nightly: [{ vault: 'main', every: '1 day' }] },
})
const preview = (request: Partial<CopyInput> = {}) => previewCopy(ports(), { machine: MACHINE, ...request })
const words = async (request: Partial<CopyInput> = {}) =>
  copyPreviewInWords(await preview(request), plusMs(NOW, 3_600_000), createColors(false))

describe('a plan that is only shown', () => {
  test('is the one that a run would make, with what it takes', async () => {
    const shown = await preview()
    expect(shown).toMatchObject({ blockCount: 3, readBytes: 3 * 524_288, path: 'direct', isVaultNew: false })
    expect(shown.estimates).toMatchObject({ direct: { usd: 3 * 3e-6 }, proxy: { seconds: expect.any(Number) } })
    expect(copies.one()).toBeUndefined()
    await planCopy({ ...ports(), vaults: { openOrMake: async () => vault ?? emptyVault() } })({
      request: { machine: MACHINE },
      run: RUN,
      startedAt: NOW,
    })
    const { path, reason, disks, proxies } = shown
    expect(copies.one()).toMatchObject({ path, reason, disks, proxies })
  })

  test('takes a vault that is not made yet for an empty one', async () => {
    vault = undefined
    expect(await preview()).toMatchObject({ isVaultNew: true, blockCount: 4 })
    expect(looked).toEqual([places['main']])
    expect(await words()).toContain('Vault main is not there yet: the run makes it.')
  })

  test('of a copy that is there looks no further, and says that nothing would be copied', async () => {
    copies.put(committed())
    expect(await preview()).toMatchObject({ path: 'none', disks: [], blockCount: 0 })
    expect(await words()).toMatch(/is in vault main \(s3:\/\/vaults\/main\/\): .*Nothing would be copied\.$/)
    expect(looked).toEqual([])
  })

  test('of a copy that is being made is the plan of its run, which is in the way', async () => {
    living.add(runOf('other'))
    const proxies = [{ instanceType: 'c7g.large', disks: [0, 1] }]
    copies.put(copying({ run: runOf('other'), path: 'proxy', reason: 'x', proxies }))
    expect(await preview()).toMatchObject({ path: 'proxy', reason: 'x', blockCount: 200, busyWith: runOf('other') })
    expect(await words()).toContain(`In the way now: ${runOf('other')} makes this copy.`)
    expect(await words()).toContain('By a proxy (c7g.large with 2 disks; spot first): x.')
    expect(looked).toEqual([])
  })

  test('says what a run that is over left, and why the last try failed', async () => {
    copies.put(copying({ run: runOf('dead') }))
    expect(await words()).toContain(`${runOf('dead')} left this copy unfinished.`)
    copies.put(failed())
    expect(await words()).toContain('The last try failed: AccessDenied: no')
  })

  test('is refused as a run would be', async () => {
    await expect(preview({ vault: 'elsewhere' })).rejects.toMatchObject({ name: 'VaultNotFound' })
    await expect(preview({ point: `pt-${'f'.repeat(20)}` })).rejects.toMatchObject({ name: 'PointNotFound' })
  })
})

describe('in words', () => {
  test('it tells disk by disk how much is read and what it is compared with', async () => {
    const lines = (await words()).split('\n')
    expect(lines[0]).toBe(
      `Point ${POINT} of ${MACHINE}, captured at 2026-03-01T02:00:00Z (1 h ago), would be copied to vault main (s3://vaults/main/).`,
    )
    const rows = lines.slice(2, 5).map((line) => line.split(/ {2,}/))
    expect(rows).toEqual([
      ['DISK', 'SNAPSHOT', 'SIZE', 'BLOCKS', 'TO READ', 'COMPARED WITH'],
      [volumeOf(1), snapshotOf(1), '8.0 GiB', '2', '1.0 MiB', OLDER],
      [volumeOf(2), snapshotOf(2), '8.0 GiB', '1', '512 KiB', '- (no earlier copy)'],
    ])
    expect(lines[6]).toMatch(/^By the EBS direct APIs: 3 blocks to read: .*not worth an instance\.$/)
    expect(lines[7]).toMatch(
      /^1\.5 MiB to read: about 1 minute and less than a cent by the EBS direct APIs, about 2 minutes/,
    )
  })

  test('it names disks that are read whole because their copies cannot be compared with', async () => {
    const gone = { volume: volumeOf(2), takenAt: plusMs(NOW, -1), snapshot: snapshotOf(77) }
    vault = emptyVault({ newest: newestOf([gone]) })
    expect(await words()).toContain(`All that was written of ${volumeOf(2)} is read:`)
  })

  test('it warns of a direct path that a Lambda does not get through', async () => {
    const page = { blocks: Array.from({ length: DIRECT_BLOCKS_MAX + 1 }, (_, block) => ({ block })), isLast: true }
    const blocks: Pick<SnapshotBlocks, 'list'> = {
      async *list() {
        yield page
      },
    }
    const large = disksOf(1).map((disk) => ({ ...disk, specification: specification({ sizeGiB: 100 }) }))
    const catalog = memoryCatalog({ points: new Map([[POINT, complete(large)]]), reverts: new Map() })
    const shown = await previewCopy({ ...ports(), catalog, blocks }, { machine: MACHINE, path: 'direct' })
    expect(copyPreviewInWords(shown, NOW, createColors(false))).toContain('A proxy would do.')
    expect((await preview({ path: 'direct' })).isTooMuchForLambda).toBe(false)
  })
})
