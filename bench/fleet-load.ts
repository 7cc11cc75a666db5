/**
 * Script: an account at scale. How soon it is ready and how much memory it takes while nobody calls; then 10,000 machines
 * with 30,000 volumes (what EC2 knows of them, without guests and files): how long they take to load, to be described page by
 * page, by ids and by tag, to be snapshotted, and how much memory they take.
 * `npm run bench:fleet [machines]`
 */
import {
  CreateSnapshotsCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { startAccount } from '../local/account.ts'
import { autoClock } from '../local/clock.ts'
import { cpuSecondsOf, measureRate, signed, type Send } from './calls.ts'

const MACHINES = Number(process.argv[2] ?? 10_000)
const SNAPSHOTTED = Math.min(1_000, MACHINES)
const PAGE = 1000
const SECONDS = 3
const OWNERS = 20
const MEGABYTE = 1_000_000

const residentMB = (pid: number): number =>
  Math.round((Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / MEGABYTE)

/** An account that does nothing, in a process of its own. */
async function measureIdle(name: string, compileCache: string): Promise<void> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [new URL('idle-account.ts', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { NODE_COMPILE_CACHE: compileCache },
  })
  const [words] = (await once(child.stdout, 'data')) as [Buffer]
  const wallSeconds = (performance.now() - startedMs) / 1000
  await pause(3_000)
  const { cpuSeconds } = JSON.parse(words.toString()) as { cpuSeconds: number }
  const seconds = `${wallSeconds.toFixed(2)} s after the spawn (${cpuSeconds.toFixed(2)} s of processor time)`
  console.log(`${name}: ready ${seconds}, ${residentMB(child.pid ?? 0)} MB resident 3 s later`)
  child.stdin.end()
  await once(child, 'exit')
}

console.log(`Node.js ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'} × ${cpus().length}`)
const compileCache = mkdtempSync(join(tmpdir(), 'tandem-bench-'))
await measureIdle('idle account, its first start', compileCache)
await measureIdle('idle account, started again (npm run dev)', compileCache)
rmSync(compileCache, { recursive: true })

const account = await startAccount({ limits: 'none', clock: autoClock(Date.UTC(2026, 0, 1)) })
const { endpoint, region, credentials } = account
const client = new EC2Client({ endpoint, region, credentials })
const imageId = 'ami-0123456789abcdef0'
account.ec2.registerImage({ imageId, rootDeviceName: '/dev/sda1', rootDeviceType: 'ebs', rootSizeGiB: 8 })

let machines: string[] = []
const before = process.memoryUsage().heapUsed
const loadSeconds = await cpuSecondsOf(() => {
  machines = account.ec2.loadFleet({
    count: MACHINES,
    imageId,
    instanceType: 'm5.large',
    dataDisks: ['/dev/sdf', '/dev/sdg'].map((device) => ({ device, sizeGiB: 100 })),
    tags: (index) => ({ Name: `machine-${index}`, owner: `team-${index % OWNERS}`, backup: 'hourly' }),
  })
})
const heapMB = Math.round((process.memoryUsage().heapUsed - before) / MEGABYTE)
const { instances, volumes } = account.ec2.counts()
console.log(
  `${instances} machines with ${volumes} volumes: loaded in ${loadSeconds.toFixed(2)} s of processor time, ${heapMB} MB of heap`,
)

/** All pages of a describe, read but not parsed. */
async function walk(name: string, of: (to: EC2Client, NextToken?: string) => Promise<unknown>): Promise<void> {
  let [pages, bytes] = [0, 0]
  const seconds = await cpuSecondsOf(async () => {
    let token: string | undefined
    do {
      const { method, path, headers, body = '' } = await signed(account, (to) => of(to, token))
      const answer = await (await fetch(endpoint + path, { method, headers, body })).text()
      token = /<nextToken>(.+)<\/nextToken>/.exec(answer)?.[1]
      pages += 1
      bytes += answer.length
    } while (token !== undefined)
  })
  const size = `${pages} pages, ${Math.round(bytes / MEGABYTE)} MB`
  console.log(`${name}: ${size}, ${seconds.toFixed(2)} s of processor time, the reading included`)
}

const MaxResults = PAGE
await walk('all instances', (to, NextToken) => to.send(new DescribeInstancesCommand({ MaxResults, NextToken })))
await walk('all volumes', (to, NextToken) => to.send(new DescribeVolumesCommand({ MaxResults, NextToken })))

const snapshotSeconds = await cpuSecondsOf(async () => {
  for (const InstanceId of machines.slice(0, SNAPSHOTTED))
    await account.clock.holding(() =>
      client.send(new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId } })),
    )
})
const perMachineMs = ((snapshotSeconds * 1000) / SNAPSHOTTED).toFixed(1)
console.log(
  `CreateSnapshots of ${SNAPSHOTTED} machines, one by one: ${perMachineMs} ms of processor time each, the SDK's included`,
)
await walk('all snapshots', (to, NextToken) =>
  to.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], MaxResults, NextToken })),
)

const rate = (name: string, warmUpCalls: number, send: Send): Promise<void> =>
  measureRate(account, name, { seconds: SECONDS, warmUpCalls }, send)
const some = machines.slice(-100)
const one = [machines[MACHINES / 2] ?? '']
const byName = [{ Name: 'tag:Name', Values: [`machine-${MACHINES - 1}`] }]
const byOwner = [{ Name: 'tag:owner', Values: ['team-7'] }]
const onMachine = [{ Name: 'attachment.instance-id', Values: one }]
await rate('one machine by id', 3000, (to) => to.send(new DescribeInstancesCommand({ InstanceIds: one })))
await rate('one machine by its name', 3000, (to) => to.send(new DescribeInstancesCommand({ Filters: byName })))
await rate('volumes of a machine', 3000, (to) => to.send(new DescribeVolumesCommand({ Filters: onMachine })))
await rate('100 machines by ids', 100, (to) => to.send(new DescribeInstancesCommand({ InstanceIds: some })))
await rate(`${MACHINES / OWNERS} machines by tag`, 50, (to) =>
  to.send(new DescribeInstancesCommand({ Filters: byOwner, MaxResults })),
)
console.log(`peak ${Math.round((process.resourceUsage().maxRSS * 1024) / MEGABYTE)} MB resident`)
await account.close()
process.exit()
