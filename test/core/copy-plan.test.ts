import { array, assert, nat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DIRECT_BLOCKS_MAX, planCopyPath } from '../../core/copy-plan.ts'
import { dueCopies } from '../../core/due-copies.ts'
import type { CopyRecord } from '../../core/contracts/copy-records.ts'
import { plusMs } from '../../core/instants.ts'
import { NOW } from './samples.ts'

const GIB = 1024 ** 3
const disk = (blockCount: number, sizeBytes = 100 * GIB) => ({ blockCount, sizeBytes })

describe('proxy or direct', () => {
  test.each([
    ['a day of changes', [disk(6_144), disk(300)], 'direct'],
    ['nothing at all', [disk(0)], 'direct'],
    ['the first copy of 30 GiB', [disk(61_440)], 'proxy'],
    ['one block more than a Lambda reads in its time', [disk(DIRECT_BLOCKS_MAX + 1)], 'proxy'],
  ] as const)('%s', (_, disks, path) => expect(planCopyPath(disks)).toMatchObject({ path }))

  test('says the number of blocks and both prices', () => {
    expect(planCopyPath([disk(6_144)]).reason).toBe(
      '6,144 blocks to read: by the EBS direct APIs for $0.02, by a proxy for less than a cent, which is not worth an instance',
    )
    expect(planCopyPath([disk(61_440)]).reason).toMatch(
      /^61,440 blocks to read: .* for \$0\.18, by a proxy for less than a cent$/,
    )
  })

  test('an operator decides otherwise', () => {
    expect(planCopyPath([disk(1)], 'proxy')).toMatchObject({ path: 'proxy', proxies: [{ disks: [0] }] })
    expect(planCopyPath([disk(61_440)], 'direct')).toMatchObject({ path: 'direct', proxies: [] })
  })

  test('every disk is on one proxy, and no proxy has more than it can attach', () => {
    const disks = array(
      nat(4_000_000).map((blockCount) => disk(blockCount, 2048 * GIB)),
      { minLength: 1, maxLength: 90 },
    )
    assert(
      property(disks, (some) => {
        const { proxies } = planCopyPath(some, 'proxy')
        const places = proxies.flatMap((proxy) => proxy.disks)
        expect(places.toSorted((left, right) => left - right)).toEqual(some.map((_, index) => index))
        for (const proxy of proxies) expect(proxy.disks.length).toBeLessThanOrEqual(20)
        expect(proxies.length).toBe(Math.ceil(some.length / 20))
      }),
    )
  })

  test('more to move takes a larger instance', () => {
    const types = [disk(1_000), disk(400_000), disk(4_000_000)].map(
      (one) => planCopyPath([one], 'proxy').proxies[0]?.instanceType,
    )
    expect(new Set(types).size).toBe(3)
  })
})

const daily = [{ vault: 'main', every: '1 day' }]
const point = { point: 'pt-new', capturedAt: NOW }
const copy = (hoursAgo: number, more: object = {}): CopyRecord =>
  ({
    vault: 'main',
    point: 'pt-old',
    state: 'committed',
    capturedAt: plusMs(NOW, -hoursAgo * 3_600_000),
    ...more,
  }) as CopyRecord

describe('which vaults a point is copied to', () => {
  test.each([
    ['the first point', [], ['main']],
    ['an hour after the last copy', [copy(1)], []],
    ['a day after it, a little early', [copy(23)], ['main']],
    ['not much too early', [copy(20)], []],
    ['while a copy of an earlier point is under way', [copy(1, { state: 'copying' })], []],
    ['after a copy failed', [copy(1, { state: 'failed' }), copy(30)], ['main']],
    ['after a copy to another vault', [copy(1, { vault: 'offsite' })], ['main']],
    ['when its own copy was begun by an earlier try', [copy(0, { point: 'pt-new', state: 'copying' })], ['main']],
  ] as const)('%s', (_, copies, vaults) => expect(dueCopies(daily, copies, point)).toEqual(vaults))

  test('each vault has its own interval', () => {
    const rules = [...daily, { vault: 'offsite', every: '2 weeks' }, { vault: 'near', every: '6 hours' }]
    const copies = [copy(7), copy(7, { vault: 'near' }), copy(7 * 24, { vault: 'offsite' })]
    expect(dueCopies(rules, copies, point)).toEqual(['near'])
  })
})
