/**
 * `npm start`: the whole story of Tandem on an embedded AWS account, from deployment to proof. Exits 0 only if every claim holds.
 */
import { startAccount } from '../local/account.ts'
import { autoClock, wallClockMs } from '../local/clock.ts'
import { Narrator } from './console.ts'
import { Story } from './story.ts'
import { STACK, synthesize } from './synthesize.ts'
import { Witness } from './witness.ts'

const MEGABYTE = 1_000_000

const witness = new Witness()
const clock = autoClock(wallClockMs())
const narrator = new Narrator(clock)

narrator.chapter('1  An AWS account on this machine')
const assembly = await synthesize()
narrator.line('the CDK app is synthesised, cdk-nag found nothing that is not acknowledged')
const account = await startAccount({ clock, onCall: witness.onCall })
try {
  witness.watch(account)
  await account.deploy(assembly, STACK)
  narrator.line(
    `the stack ${STACK} is deployed to ${account.endpoint}, account ${account.accountId}, ${account.region}`,
  )

  const checks = await new Story(account, witness, narrator).tell()

  narrator.chapter('6  The proof')
  narrator.checks(checks)
  const failed = checks.filter(({ holds }) => !holds)
  const cost = `${narrator.elapsedSeconds.toFixed(0)} s, ${Math.round((process.resourceUsage().maxRSS * 1024) / MEGABYTE)} MB at most`
  console.log(
    failed.length === 0
      ? `\nAll ${checks.length} claims hold (${cost}). Try it yourself: npm run dev`
      : `\n${failed.length} of ${checks.length} claims do not hold (${cost}).`,
  )
  process.exitCode = failed.length === 0 ? 0 : 1
} finally {
  await account.close()
}
