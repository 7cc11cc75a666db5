import { beforeEach, describe, expect, test } from 'vitest'
import type { ProxyJob } from '../../../core/contracts/jobs.ts'
import type { LedgerEntry, WaitRecord } from '../../../core/contracts/records.ts'
import type { NewProxy, ObservedProxy } from '../../../core/copy-ports.ts'
import { TandemError, type ErrorName } from '../../../core/errors.ts'
import { plusMs } from '../../../core/instants.ts'
import { endProxies } from '../../../core/use-cases/end-proxies.ts'
import { runProxy } from '../../../core/use-cases/run-proxy.ts'
import { copying, diskToCopy, memoryCopies, places } from '../copying.ts'
import { hasTags, memoryCatalog, memoryClock, memoryLedger, memoryWaits } from '../memory.ts'
import { complete, MACHINE, NOW, OWNER, POINT, RUN, runOf, snapshotOf } from '../samples.ts'

/** One proxy at a time for a place in a copy, and none that outlives it. */
interface Running extends ObservedProxy {
  readonly order: NewProxy
}

let copies: ReturnType<typeof memoryCopies>
let instances: Map<string, Running>
let ledger: Map<string, LedgerEntry>
let waits: Map<string, WaitRecord>
let jobs: Map<string, ProxyJob>
let orders: NewProxy[]
/** What the next launches are refused with. */
let refusals: ErrorName[]

beforeEach(() => {
  copies = memoryCopies()
  const proxies = [
    { instanceType: 'c7g.large', disks: [0, 2] },
    { instanceType: 'c7g.xlarge', disks: [1] },
  ]
  copies.put(copying({ path: 'proxy', disks: [diskToCopy(1), diskToCopy(2), diskToCopy(3)], proxies }))
  instances = new Map()
  ledger = new Map()
  waits = new Map()
  jobs = new Map()
  orders = []
  refusals = []
})

const living = (): Running[] => [...instances.values()].filter(({ state }) => state !== 'terminated')

const proxies = {
  observe: async (instance: string) => instances.get(instance),
  tagged: async (tags: Readonly<Record<string, string>>) => living().filter(({ order }) => hasTags(order.tags, tags)),
  async ensureTerminated(instance: string) {
    const found = instances.get(instance)
    if (found) instances.set(instance, { ...found, state: 'terminated' })
  },
}

const unused = (): never => {
  throw new Error('no proxy is waited for by this')
}

const ports = () => ({
  catalog: memoryCatalog({ points: new Map([[POINT, complete()]]), reverts: new Map() }),
  copies,
  proxies,
  launcher: {
    async ensureLaunched(order: NewProxy) {
      orders.push(order)
      const refusal = refusals.shift()
      if (refusal) throw new TandemError(refusal, 'not now')
      const instance = `i-${String(orders.length).padStart(17, '0')}`
      instances.set(instance, { instance, state: 'running', order })
      return instance
    },
  },
  ledger: memoryLedger(ledger),
  post: { putJob: async (key: string, job: ProxyJob) => void jobs.set(key, job) },
  waits: memoryWaits(waits),
  executions: { succeed: async () => 'sent' as const, fail: async () => 'sent' as const },
  machines: { observe: unused },
  volumes: { observe: unused },
  snapshots: { observe: unused },
  guests: { result: unused },
  places,
  clock: memoryClock(),
  owner: OWNER,
})

const run = ({ proxy = 0, attempt = 0, token = 'token' } = {}) =>
  runProxy(ports())({ machine: MACHINE, run: RUN, point: POINT, vault: 'main', proxy, attempt, token })
const end = () => endProxies(ports())({ machine: MACHINE, run: RUN, point: POINT, vault: 'main' })

describe('a proxy', () => {
  test('is launched beside the machine with a disk of each snapshot, and tagged so that it is found', async () => {
    await run()
    const deadline = plusMs(NOW, 31 * 60_000)
    expect(orders).toMatchObject([
      {
        instanceType: 'c7g.large',
        spot: true,
        availabilityZone: 'eu-west-1a',
        disks: [
          { device: '/dev/sdb', snapshot: snapshotOf(1) },
          { device: '/dev/sdc', snapshot: snapshotOf(3) },
        ],
        deadlineMinutes: 31,
        tags: {
          'tandem:owner': OWNER,
          'tandem:run': RUN,
          'tandem:role': 'proxy',
          'tandem:proxy': '0',
          'tandem:point': POINT,
          'tandem:machine': MACHINE,
          'tandem:expires': deadline,
        },
      },
    ])
    expect([...ledger.values()]).toMatchObject([{ item: 'proxy:0', resource: living()[0]?.instance, deadline }])
    expect([...waits.values()]).toMatchObject([
      { token: 'token', kind: 'proxy-finished', resource: living()[0]?.instance },
    ])
  })

  test('finds its job, with the token and its own disks alone, where its order says', async () => {
    await run({ proxy: 1, token: 'secret' })
    expect(JSON.stringify(orders)).not.toContain('secret')
    expect(jobs.get(orders[0]?.job ?? '')).toEqual({
      version: 1,
      kind: 'copy',
      token: 'secret',
      vault: { bucket: 'vaults', prefix: 'main/' },
      takenAt: NOW,
      disks: [{ ...diskToCopy(2), device: '/dev/sdb' }],
      progress: 'progress/run-1/main/proxy-1.json',
    })
  })

  test('of an earlier try is ended first; that of another place goes on', async () => {
    await run({ proxy: 1 })
    await run({ proxy: 0 })
    await run({ proxy: 0, attempt: 1, token: 'next' })
    expect(living().map(({ order }) => [order.tags['tandem:proxy'], order.spot])).toEqual([
      ['1', true],
      ['0', false],
    ])
    expect(new Set(orders.map(({ clientToken }) => clientToken)).size).toBe(3)
    expect(new Set(orders.map(({ job }) => job)).size).toBe(3)
  })

  test.each(['NoCapacity', 'QuotaExceeded'] as const)(
    'is paid as usual at once when spot is refused with %s',
    async (error) => {
      refusals = [error]
      await run()
      expect(orders.map(({ spot }) => spot)).toEqual([true, false])
      expect(orders[0]?.clientToken).not.toBe(orders[1]?.clientToken)
      expect(living()).toHaveLength(1)
    },
  )

  test.each([
    ['is not paid as usual for another reason', 0, ['AccessDenied']],
    ['has no third way', 1, ['NoCapacity']],
  ] as const)('%s', async (_, attempt, refused) => {
    refusals = [...refused]
    await expect(run({ attempt })).rejects.toMatchObject({ name: refused[0] })
    expect(orders).toHaveLength(1)
    // Its answer may have been lost.
    expect([...ledger.values()]).toMatchObject([{ item: 'proxy:0' }])
  })

  test('that the plan does not have is our mistake', async () => {
    await expect(run({ proxy: 2 })).rejects.toMatchObject({ name: 'ContractBroken' })
    expect(orders).toEqual([])
  })
})

describe('the end of all proxies', () => {
  test('comes for each that is left of the run, and closes the ledger; of other runs nothing is touched', async () => {
    await run({ proxy: 0 })
    await run({ proxy: 1 })
    const [first] = living()
    const foreign = {
      ...ports().ledger,
      entry: {
        version: 1,
        run: runOf('other'),
        machine: MACHINE,
        item: 'proxy:0',
        purpose: 'x',
        openedAt: NOW,
        deadline: NOW,
      } as const,
    }
    await foreign.open(foreign.entry)
    if (first)
      instances.set('i-other', {
        ...first,
        instance: 'i-other',
        order: { ...first.order, tags: { ...first.order.tags, 'tandem:run': runOf('other') } },
      })
    expect(await end()).toEqual({ endedProxyCount: 2 })
    expect(living().map(({ instance }) => instance)).toEqual(['i-other'])
    expect([...ledger.values()].map((entry) => entry.run)).toEqual([runOf('other')])
    expect(await end()).toEqual({ endedProxyCount: 0 })
  })

  test('finds one whose launch was not noted: its answer was lost', async () => {
    await run()
    ledger.clear()
    expect(await end()).toEqual({ endedProxyCount: 1 })
    expect(living()).toEqual([])
  })
})
