/**
 * `npm run conformance`: drives the embedded account with the `aws` command, as an operator would, and compares what it says and how it
 * ends. Where no `aws` command is installed it says so and ends well. Ends with 1 when anything differed.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fleet } from '../../demo/machines.ts'
import { startAccount } from '../../local/account.ts'
import { scaledClock, wallClockMs } from '../../local/clock.ts'
import { commandLine, findCommand } from './command-line.ts'
import { runSuite, type Step, type Suite } from './suite.ts'
import { directBlocks } from './suites/direct-blocks.ts'
import { functions } from './suites/functions.ts'
import { identity } from './suites/identity.ts'
import { images } from './suites/images.ts'
import { instances } from './suites/instances.ts'
import { keys } from './suites/keys.ts'
import { messages } from './suites/messages.ts'
import { objects } from './suites/objects.ts'
import { snapshots } from './suites/snapshots.ts'
import { stateMachines } from './suites/state-machines.ts'
import { systemsManager } from './suites/systems-manager.ts'
import { tables } from './suites/tables.ts'
import { volumes } from './suites/volumes.ts'

/** The longest first. */
const SUITES: readonly Suite[] = [
  instances,
  snapshots,
  objects,
  systemsManager,
  images,
  stateMachines,
  messages,
  volumes,
  directBlocks,
  identity,
  keys,
  tables,
  functions,
]
/** Two minutes of checks are over when the next command has started; a session of twelve hours outlives the whole. */
const SPEED = 120
/** Each command is a process of its own that takes most of a second of a core. */
const SIDE_BY_SIDE = 4

const command = await findCommand()
if (!command) {
  console.log('SKIPPED: no `aws` command is installed (Debian: apt-get install awscli). Nothing was driven with it.')
  process.exit(0)
}

const directory = mkdtempSync(join(tmpdir(), 'conformance-'))
const account = await startAccount({ clock: scaledClock(wallClockMs(), SPEED) })
// Its image is the one that machines are launched from here.
const fleet = new Fleet(account)
const aws = commandLine(command.path, account, join(directory, 'home'))
const steps: Step[] = []

function report(step: Step): void {
  steps.push(step)
  console.log(`${step.fault === undefined ? 'ok    ' : 'FAILED'} ${step.suite.padEnd(16)} ${step.title}`)
  if (step.fault !== undefined) console.log(step.fault.replaceAll(/^/gm, '         '))
}

console.log(`${command.path}: ${command.version}\n${account.endpoint}\n`)
const waiting = SUITES.filter(({ name }) => process.argv.length < 3 || process.argv.includes(name))
async function work(): Promise<void> {
  for (let suite = waiting.shift(); suite; suite = waiting.shift()) {
    const folder = join(directory, suite.name.replaceAll(' ', '-'))
    mkdirSync(folder)
    await runSuite(suite, { aws, folder, report })
  }
}
await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
fleet.ec2.destroy()
await account.close()
rmSync(directory, { recursive: true, force: true })

const failed = steps.filter(({ fault }) => fault !== undefined).length
console.log(`\n${steps.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
