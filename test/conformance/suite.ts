import { AssertionError } from 'node:assert'
import assert from 'node:assert/strict'
import type { CommandLine, Spoken } from './command-line.ts'

/** What a command answered, read from JSON: looked at by `check`, by path. */
export interface Answer {
  /** The value at a path such as `Reservations.0.Instances.0.InstanceId`; undefined when something on the way is missing. */
  readonly at: (path: string) => unknown
  /** The same as text, for the next command. @throws AssertionError when it is no text */
  readonly text: (path: string) => string
  /** @throws AssertionError unless the value equals the expected one */
  readonly is: (path: string, expected: unknown) => void
}

export interface Step {
  readonly suite: string
  readonly title: string
  /** Absent when all was as it should be. */
  readonly fault?: string
}

/** A folder and an account of its own would be slow: suites share the account, and touch only what they made. */
/** What follows `aws`: a text is split where it has spaces. */
export type Words = string | readonly string[]

const wordsOf = (words: Words): readonly string[] => (typeof words === 'string' ? words.split(/\s+/) : words)

export interface Operator {
  readonly folder: string
  /** Runs `aws …`, which must succeed and print JSON, or nothing; `check` says what must be in it. */
  readonly run: (title: string, args: Words, check?: (answer: Answer) => void) => Promise<Answer>
  /** Runs `aws …`, which must be refused by the service with this code. */
  readonly refused: (title: string, args: Words, code: string) => Promise<void>
  /** Runs `aws …` and leaves all judgement to `check`. */
  readonly spoken: (title: string, args: Words, check: (spoken: Spoken) => void, as?: Credentials) => Promise<Spoken>
}

export interface Credentials extends Record<string, string> {
  readonly AWS_ACCESS_KEY_ID: string
  readonly AWS_SECRET_ACCESS_KEY: string
  readonly AWS_SESSION_TOKEN: string
}

export interface Suite {
  readonly name: string
  run(operator: Operator): Promise<void>
}

/** Exit status when the service answered with an error: of the command's second generation, and of its first. */
const REFUSED_BY_SERVICE: readonly number[] = [254, 255]

/** @throws AssertionError unless the service refused with this code, in words that match */
export function expectRefusal({ exitCode, stderr }: Spoken, code: string, words = /(?:)/): void {
  assert.equal(/An error occurred \((.+?)\)/.exec(stderr)?.[1], code)
  assert.match(stderr, words)
  assert.ok(REFUSED_BY_SERVICE.includes(exitCode), `the exit status is ${exitCode}`)
}

const within = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (part, key) => (part === null || part === undefined ? undefined : Reflect.get(Object(part), key)),
      value,
    )

const answerOf = (value: unknown): Answer => ({
  at: (path) => within(value, path),
  text(path) {
    const found = within(value, path)
    assert.equal(typeof found, 'string', `${path} is ${JSON.stringify(found)}, not text`)
    return String(found)
  },
  is: (path, expected) => assert.deepEqual(within(value, path), expected, undefined),
})

const shown = ({ exitCode, stdout, stderr }: Spoken): string =>
  `exit status ${exitCode}\n${stderr.trim()}\n${stdout.trim().slice(0, 2000)}`.trim()

/** Runs one suite to its end, or to its first fault: what comes after it depends on what came before. */
export async function runSuite(
  suite: Suite,
  { aws, folder, report }: { aws: CommandLine; folder: string; report: (step: Step) => void },
): Promise<void> {
  const { name } = suite
  const spoken: Operator['spoken'] = async (title, words, check, as) => {
    const args = wordsOf(words)
    const answer = await aws(args, as)
    try {
      check(answer)
      report({ suite: name, title })
      return answer
    } catch (error) {
      if (!(error instanceof AssertionError) && !(error instanceof SyntaxError)) throw error
      report({ suite: name, title, fault: `aws ${args.join(' ')}\n${error.message}\n${shown(answer)}` })
      throw new Given(name)
    }
  }
  const operator: Operator = {
    folder,
    spoken,
    async run(title, args, check) {
      let answer = answerOf(undefined)
      await spoken(title, [...wordsOf(args), '--output', 'json'], ({ exitCode, stdout }) => {
        assert.equal(exitCode, 0, 'the command failed')
        answer = answerOf(stdout.trim() === '' ? undefined : JSON.parse(stdout))
        check?.(answer)
      })
      return answer
    },
    async refused(title, args, code) {
      await spoken(title, args, (answer) => expectRefusal(answer, code))
    },
  }
  try {
    await suite.run(operator)
  } catch (error) {
    if (error instanceof Given) return
    report({
      suite: name,
      title: 'runs to its end',
      fault: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }
}

/** Ends a suite whose fault has been reported. */
class Given extends Error {
  constructor(suite: string) {
    super(`The rest of ${suite} was not run.`)
    this.name = 'Given'
  }
}
