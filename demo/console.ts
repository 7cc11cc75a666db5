import { styleText } from 'node:util'
import type { Clock } from '../local/clock.ts'
import type { Step } from '../local/states/engine.ts'
import type { Check } from './proof.ts'

/** States that only lead to others: nobody waits for them, so nobody needs to see them. */
const SILENT = new Set([
  'AnyMachines',
  'AllProtected',
  'WhichWay',
  'WhichPath',
  'HasCopies',
  'TurnBack',
  'AlreadyProtected',
])

/** What a person at a terminal sees of the story. Virtual time is in the left column. */
export class Narrator {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  chapter(title: string): void {
    console.log(`\n${styleText('bold', title)}`)
  }

  line(text: string): void {
    console.log(`  ${styleText('dim', new Date(this.#clock.now()).toISOString().slice(11, 19))}  ${text}`)
  }

  plain(text: string): void {
    console.log(text.replaceAll(/^/gm, '  '))
  }

  /** One line per state that a run enters, with the machine's name where there is one. */
  step({ state, event, error }: Step, subject: string): void {
    if (SILENT.has(state)) return
    if (event === 'entered') this.line(`${subject.padEnd(16)} ${state}`)
    if (event === 'caught') this.line(`${subject.padEnd(16)} ${state} ${styleText('red', `failed: ${error}`)}`)
  }

  end(claimCount: number, failedCount: number): void {
    console.log(
      failedCount === 0
        ? `\nAll ${claimCount} claims hold. Try it yourself: npm run dev`
        : `\n${failedCount} of ${claimCount} claims do not hold.`,
    )
  }

  checks(checks: readonly Check[]): void {
    const width = Math.max(...checks.map(({ claim }) => claim.length))
    for (const { claim, holds, seen } of checks) {
      const mark = holds ? styleText('green', '✓') : styleText('red', '✗')
      console.log(`  ${mark} ${claim.padEnd(width)}  ${styleText('dim', seen)}`)
    }
  }
}
