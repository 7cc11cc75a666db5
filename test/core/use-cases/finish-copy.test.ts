import { beforeEach, describe, expect, test } from 'vitest'
import type { CommittedDisk } from '../../../core/copy-ports.ts'
import { discardCopy } from '../../../core/use-cases/discard-copy.ts'
import { commitCopy, verifyCopy } from '../../../core/use-cases/finish-copy.ts'
import { committed, copying, diskToCopy, emptyVault, failed, memoryCopies, places } from '../copying.ts'
import { memoryCatalog, memoryClock, memoryLedger } from '../memory.ts'
import { complete, MACHINE, NOW, OWNER, POINT, RUN, runOf, volumeOf } from '../samples.ts'

/** The end of a copy: committed once, when all of it is there, or failed, with nothing left of it but its record. */
let copies: ReturnType<typeof memoryCopies>
let disks: Map<string, CommittedDisk>
let faults: string[]
let commits: { readonly point: string; readonly copies: readonly string[] }[]
let ended: string[]

const figures = (manifest: string): CommittedDisk => ({ manifest, readBytes: 30, newBytes: 20, storedBytes: 10 })

beforeEach(() => {
  copies = memoryCopies()
  copies.put(copying())
  disks = new Map([1, 2].map((number) => [volumeOf(number), figures(`disks/${number}`)]))
  faults = []
  commits = []
  ended = []
})

const vault = () =>
  emptyVault({
    committed: async (disk, takenAt, id) => {
      const isOfPlan = takenAt === NOW && [1, 2].some((number) => diskToCopy(number).diskCopyId === id)
      return isOfPlan ? disks.get(disk) : undefined
    },
    faults: async (names) => faults.filter((fault) => names.some((name) => fault.includes(name))),
    commit: async ({ point }, names) => {
      commits.push({ point, copies: names })
      return `points/${point}`
    },
  })

const ports = () => ({
  copies,
  catalog: memoryCatalog({ points: new Map([[POINT, complete()]]), reverts: new Map() }),
  vaults: { open: async () => vault() },
  places,
  clock: memoryClock(),
  proxies: {
    tagged: async () => [{ instance: 'i-1', state: 'running' as const }],
    ensureTerminated: async (instance: string) => void ended.push(instance),
  },
  ledger: memoryLedger(new Map()),
  owner: OWNER,
})

const subject = { machine: MACHINE, run: RUN, point: POINT, vault: 'main' }
const verify = () => verifyCopy(ports())(subject)
const commit = () => commitCopy(ports())(subject)
const discard = (changes: object = {}) =>
  discardCopy(ports())({ ...subject, error: 'AccessDenied', cause: 'no', ...changes })

describe('a copy is verified', () => {
  test('when every disk of the plan is in the vault without a fault', async () => {
    expect(await verify()).toEqual({ diskCount: 2 })
  })

  test('and is not, when a disk is missing: the message names it and the vault', async () => {
    disks.delete(volumeOf(2))
    await expect(verify()).rejects.toMatchObject({
      name: 'CopyNotFound',
      message: expect.stringMatching(new RegExp(`${volumeOf(2)} is not in the vault at s3://vaults/main/`)),
    })
  })

  test('and is not, when something is damaged: the first fault is told, and how many more there are', async () => {
    faults = ['A pack of disks/1 is gone.', 'A pack of disks/2 is gone.', 'A pack of disks/3 is gone.']
    await expect(verify()).rejects.toMatchObject({
      name: 'VaultDamaged',
      message: 'A pack of disks/1 is gone. And 1 more.',
    })
  })

  test('and is not, when the vault is no longer deployed', async () => {
    await expect(verifyCopy({ ...ports(), places: {} })(subject)).rejects.toMatchObject({ name: 'VaultNotFound' })
  })
})

describe('a copy is committed', () => {
  test('in the vault, with the copies of all disks, and then in the catalog, with their figures together', async () => {
    expect(await commit()).toEqual({ point: POINT, vault: 'main', manifest: `points/${POINT}`, newBytes: 40 })
    expect(commits).toEqual([{ point: POINT, copies: ['disks/1', 'disks/2'] }])
    const state = { state: 'committed', manifest: `points/${POINT}`, readBytes: 60, newBytes: 40, storedBytes: 20 }
    expect(copies.one()).toMatchObject(state)
  })

  test('once: a repetition answers the same', async () => {
    const first = await commit()
    expect(await commit()).toEqual(first)
    expect(commits).toHaveLength(1)
  })

  test('not when a disk is missing: nothing is committed', async () => {
    disks.delete(volumeOf(1))
    await expect(commit()).rejects.toMatchObject({ name: 'CopyNotFound' })
    expect(commits).toEqual([])
    expect(copies.one()).toMatchObject({ state: 'copying' })
  })

  test('not after another try gave it up', async () => {
    copies.put(failed())
    await expect(commit()).rejects.toMatchObject({ name: 'LostRace' })
    expect(commits).toEqual([])
  })

  test('by the run that it is of, and by no other', async () => {
    const advanceCopy: typeof copies.advanceCopy = (from, to) =>
      copies.advanceCopy(from, { ...to, run: runOf('other') })
    const over = { ...ports(), copies: { ...copies, advanceCopy } }
    await expect(commitCopy(over)(subject)).rejects.toMatchObject({ name: 'LostRace' })
  })
})

describe('a copy that failed', () => {
  test('is noted with the error, and its proxies are ended', async () => {
    expect(await discard()).toEqual({ endedProxyCount: 1 })
    expect(ended).toEqual(['i-1'])
    expect(copies.one()).toEqual(failed())
  })

  test('before it was known which ends its proxies all the same', async () => {
    await discard({ machine: null, point: null, vault: null })
    expect(ended).toEqual(['i-1'])
    expect(copies.one()).toEqual(copying())
  })

  test.each([
    ['committed meanwhile stays committed', committed()],
    ['taken over by another run stays with it', copying({ run: runOf('other') })],
    ['failed already keeps its first error', failed({ failure: { error: 'VaultDamaged', cause: 'x' } })],
  ])('and was %s', async (_, record) => {
    copies.put(record)
    await discard()
    expect(copies.one()).toEqual(record)
  })
})
