import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Rules that no linter has. */
const sources = (...folders: string[]): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...folders], { encoding: 'utf8' })
    .split('\n')
    .filter((file) => file.endsWith('.ts'))

function offenders(files: string[], pattern: RegExp, allowed: string[] = []): string[] {
  return files
    .filter((file) => !allowed.includes(file))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
        .filter(({ line }) => pattern.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line))
        .map(({ at }) => at),
    )
}

const PRODUCT = ['core', 'aws', 'lambdas', 'cli', 'cdk']

test('reads the clock in one file of each side', () => {
  const clock = /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(/
  expect(offenders(sources(...PRODUCT), clock, ['aws/clock.ts'])).toEqual([])
})

test('casts through unknown nowhere outside the tests', () => {
  expect(
    offenders(sources(...PRODUCT, 'local', 'demo'), /as unknown as|@ts-ignore|@ts-expect-error|\bas any\b/),
  ).toEqual([])
})

test('the product does not know that the embedded account exists', () => {
  expect(offenders(sources(...PRODUCT), /dynoxide|embedded account|127\.0\.0\.1/i)).toEqual([])
})

test('imports the SDK only in aws/ and, as a source of schemas, in local/', () => {
  expect(offenders(sources('core', 'lambdas', 'cli', 'cdk'), /from '@(aws-sdk|smithy)\//)).toEqual([])
})

/** Statements that import values, not types alone, at the top of a file. */
const VALUE_IMPORT = /^import (?!type )(?:(?!\nimport )[\s\S])*? from '@aws-sdk\/client-/m

test('the embedded account loads an SDK client when its service is first called, not when it starts', () => {
  const eager = sources('local')
    .filter((file) => !file.startsWith('local/cloudformation/'))
    .filter((file) => VALUE_IMPORT.test(readFileSync(file, 'utf8')))
  expect(eager).toEqual([])
})
