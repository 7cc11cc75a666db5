/**
 * `npm run dev [-- --port 4566] [--scale 60] [--data folder]`: leaves an account with Tandem deployed and three machines running,
 * for the `tandem` command, the `aws` command, or anything that speaks to AWS. Virtual time runs faster than real time, so that
 * nobody waits long. With a data folder the account goes on, disks, table and executions included, where the last one ended.
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { savedTimeMs, startAccount, type Account } from '../local/account.ts'
import { scaledClock, wallClockMs } from '../local/clock.ts'
import { Fleet } from './machines.ts'
import { STACK, synthesize } from './synthesize.ts'
import { settingsOf } from './tandem.ts'

const PORT_LIMIT = 65_535
/** A minute a second: a snapshot takes a second, and a revert a few. */
const DEFAULT_SCALE = 60

function number(name: string, text: string, limit: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > limit) {
    console.error(`--${name} ${text}: expected a whole number from 0 to ${limit}`)
    process.exit(2)
  }
  return value
}

/** Deploys Tandem and launches three machines: two that are protected, one of them with an excluded disk, and one that is not. */
async function furnish(account: Account): Promise<void> {
  await account.deploy(await synthesize(), STACK)
  const fleet = new Fleet(account)
  const disks = [{ device: '/dev/sdf' }, { device: '/dev/sdg' }]
  await fleet.launch({ name: 'web', policy: 'hourly', dataDisks: disks })
  await fleet.launch({
    name: 'store',
    policy: 'nightly',
    dataDisks: [{ device: '/dev/sdf' }, { device: '/dev/sdg', excluded: true }],
  })
  await fleet.launch({ name: 'bystander', dataDisks: [{ device: '/dev/sdf' }] })
}

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    scale: { type: 'string', default: String(DEFAULT_SCALE) },
    data: { type: 'string' },
  },
})
const port = number('port', values.port, PORT_LIMIT)
const scale = Math.max(1, number('scale', values.scale, 3600))

const data = values.data === undefined ? undefined : resolve(values.data)

const startedMs = (data === undefined ? undefined : savedTimeMs(data)) ?? wallClockMs()
const account = await startAccount({
  clock: scaledClock(startedMs, scale),
  port,
  ...(data === undefined ? {} : { data }),
}).catch((error: unknown) => {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
  console.error(`--port ${port}: something else listens there. Leave the option out to get a free port.`)
  process.exit(2)
})
if (!account.isRestored) await furnish(account)

console.log(`endpoint: ${account.endpoint}`)
console.log(`
Three machines boot; virtual time runs ${scale} times as fast as yours. In another terminal:

${Object.entries(settingsOf(account))
  .map(([name, value]) => `  export ${name}=${value}`)
  .join('\n')}

  npm run -s tandem -- machines
  npm run -s tandem -- protect <machine> --wait
  npm run -s tandem -- links <machine>
  npm run -s tandem -- revert <machine> --plan
  aws ec2 describe-instances
  curl $AWS_ENDPOINT_URL/_account    # faults, troubles and the clock: local/README.md

Ctrl-C ends the account and everything in it.`)
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
await account.close()
