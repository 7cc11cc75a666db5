import { describe, expect, test } from 'vitest'
import { estimateCopy, planCopyPath } from '../../core/copy-plan.ts'
import { deadlineMinutes, proxyDevice } from '../../core/proxy-plan.ts'
import { proxyUserData, type ProxyBoot } from '../../core/proxy-user-data.ts'

/** What proxies are: how many, how large, for how long, and what they boot with. */
const GIB = 1024 ** 3
const disk = (blockCount: number) => ({ blockCount, sizeBytes: 100 * GIB })

describe('several proxies', () => {
  test('share the disks so that each has about as much to do', () => {
    const blockCounts = [...Array.from({ length: 24 }, () => 375), 9_000]
    const { proxies } = planCopyPath(blockCounts.map(disk), 'proxy')
    const loads = proxies.map(({ disks }) => disks.reduce((sum, place) => sum + (blockCounts[place] ?? 0), 0))
    expect(new Set(proxies.map(({ disks }) => disks.length))).toEqual(new Set([20, 5]))
    expect(new Set(loads)).toEqual(new Set([10_500, 7_500]))
  })

  test('are each as large as what they move', () => {
    const blockCounts = [400_000, ...Array.from({ length: 20 }, () => 1)]
    const { proxies } = planCopyPath(blockCounts.map(disk), 'proxy')
    expect(proxies.map(({ instanceType }) => instanceType).toSorted()).toEqual(['c7g.large', 'c7g.xlarge'])
  })

  test('cost together, and take as long as the one with most to do', () => {
    const one = estimateCopy([disk(100_000)])
    const many = estimateCopy([disk(100_000), ...Array.from({ length: 20 }, () => disk(0))])
    expect(many.proxy.seconds).toBe(one.proxy.seconds)
    expect(many.proxy.usd).toBeGreaterThan(one.proxy.usd)
    expect(many.direct).toEqual(one.direct)
  })
})

describe('a proxy in detail', () => {
  test('has a device of its own for each of as many disks as one can have, above the root’s', () => {
    const devices = Array.from({ length: 20 }, (_, place) => proxyDevice(place))
    expect(devices.slice(0, 3)).toEqual(['/dev/sdb', '/dev/sdc', '/dev/sdd'])
    expect(new Set(devices).size).toBe(20)
    for (const device of devices) expect(device).toMatch(/^\/dev\/sd[b-z]$/)
  })

  test.each([
    [0, 30],
    [6e9, 31],
    [6e9 + 1, 32],
    [100e12, 23 * 60],
  ])('that moves %i bytes has gone wrong after %i minutes', (bytes, minutes) => {
    expect(deadlineMinutes(bytes)).toBe(minutes)
  })
})

describe('user data', () => {
  const boot: ProxyBoot = {
    moverUrl: 'https://bucket.s3.eu-central-1.amazonaws.com/mover.mjs?X-Amz-Signature=ab%2Fc&X-Amz-Expires=60',
    region: 'eu-central-1',
    bucket: 'tandem-reports-111122223333-eu-central-1',
    job: 'jobs/run-1/main/0-0.json',
    deadlineMinutes: 30.5,
  }

  test('sets its own end before anything else, whatever happens after', () => {
    const lines = proxyUserData(boot)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines.slice(0, 3)).toEqual(['devices="$PWD/dev"', 'shutdown -h +31', "trap 'shutdown -h now' EXIT"])
  })

  test('starts the mover with its job', () => {
    const text = proxyUserData(boot)
    expect(text).toMatch(/^#!\/bin\/bash\n/)
    expect(text).toContain(`export AWS_REGION=${boot.region}\n`)
    expect(text).toContain(`' '${boot.moverUrl}'\n`)
    expect(text).toMatch(
      /\nnode mover\.mjs --bucket tandem-reports-\S+ --job jobs\/run-1\/main\/0-0\.json --devices "\$devices"\n$/,
    )
  })

  test.each([
    ['moverUrl', "https://x/'; reboot; '"],
    ['region', 'eu central'],
    ['bucket', '$(reboot)'],
    ['job', 'jobs/`reboot`.json'],
    ['job', 'jobs/a\nb'],
    ['region', ''],
  ] as const)('has no room for a %s that a shell would read otherwise: %j', (name, value) => {
    expect(() => proxyUserData({ ...boot, [name]: value })).toThrow('cannot be put into its user data')
  })
})
