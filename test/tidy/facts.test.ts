import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/**
 * Sections of the AWS facts whose rules the product or the embedded account relies on. Left out of A.1 to A.24: Recycle Bin
 * (A.9), the archive tier (A.10), fast snapshot restore (A.11) and volume clones (A.13), which the account refuses; A.24, the list of the others.
 */
const SECTIONS: readonly string[] = (
  'A.1 A.2 A.3 A.4 A.5 A.6 A.7 A.8 A.12 A.14 A.15 A.16 A.17 A.18 A.19 A.20 A.21 A.22 A.23 ' +
  'B C.1 C.2 C.3 C.4 C.5 C.6 D.1 D.2 E F G'
).split(' ')

const tests = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'test'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/tidy/'))

/** Titles of tests and of groups of tests. */
const titles = tests.flatMap((file) =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /\b(?:it|test|describe)(?:\.[a-z]+\([^)]*\))?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs,
    ),
  ].map(([, , title]) => title ?? ''),
)

/** Whether a title says `AWS facts A.14, A.17` with this section among them. */
function names(title: string, section: string): boolean {
  const named: readonly string[] = /AWS facts (.*)$/s.exec(title)?.[1]?.match(/\b[A-G](?:\.\d+)?(?![\w.]*\d)/g) ?? []
  return named.includes(section)
}

/** Sections whose tests do not say so yet, or that have none: this list may only get shorter. */
const UNNAMED: readonly string[] = []

test('every other section of the AWS facts is named by a test of its rule', () => {
  expect(SECTIONS.filter((section) => !titles.some((title) => names(title, section)))).toEqual(UNNAMED)
})
