import { startAccount } from '../local/account.ts'
import { autoClock, wallClockMs } from '../local/clock.ts'
import { Narrator } from './console.ts'
import { Story } from './story.ts'
import { STACK } from './synthesize.ts'
import { Witness } from './witness.ts'

/** Warm Lambdas at a time: 30 MB each, and more for those that copy disks. */
const SANDBOX_LIMIT = 2

/** Deploys the assembly to an account of its own, tells the story there, and returns whether every claim holds. */
export async function prove(assembly: string): Promise<boolean> {
  const witness = new Witness()
  const clock = autoClock(wallClockMs())
  const narrator = new Narrator(clock)
  const account = await startAccount({ clock, sandboxLimit: SANDBOX_LIMIT, onCall: witness.onCall })
  try {
    witness.watch(account)
    await account.deploy(assembly, STACK)
    const { endpoint, accountId, region } = account
    narrator.line(`the stack ${STACK} is deployed to ${endpoint}, account ${accountId}, ${region}`)
    const checks = await new Story(account, witness, narrator).tell()
    narrator.chapter('9  The proof')
    narrator.checks(checks)
    const failedCount = checks.filter(({ holds }) => !holds).length
    narrator.end(checks.length, failedCount)
    return failedCount === 0
  } finally {
    await account.close()
  }
}
