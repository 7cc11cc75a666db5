import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isTandemError } from '../../core/errors.ts'
import { parsePolicyFile } from '../../core/policy-file.ts'
import { STACK } from '../../demo/synthesize.ts'

const withPolicy = (policy: object, name = 'nightly'): string => JSON.stringify({ policies: { [name]: policy } })

describe('a policy file that is not as it should be', () => {
  const schedule = 'rate(1 hour)'

  test.each<[string, string, string]>([
    ['is not JSON', '{', 'policies.json is not JSON'],
    ['has no policy', '{"policies":{}}', 'policies: no policy; name at least one'],
    ['names a policy as none can be named', withPolicy({ schedule }, 'Nightly Run'), 'policies.Nightly Run: '],
    ['has a policy without a schedule', withPolicy({}), 'policies.nightly.schedule: '],
    [
      'has a schedule that is none',
      withPolicy({ schedule: 'hourly' }),
      'policies.nightly.schedule: not a schedule; expected e.g.',
    ],
    [
      'has a time zone that is none',
      withPolicy({ schedule, timeZone: 'Utopia' }),
      'policies.nightly.timeZone: not a time zone',
    ],
    ['keeps for no day', withPolicy({ schedule, keepReplacedDays: 0 }), 'policies.nightly.keepReplacedDays: '],
    [
      'has a field that nobody knows',
      withPolicy({ schedule, keepDays: 7 }),
      'policies.nightly: Unrecognized key: "keepDays"',
    ],
  ])('is refused when it %s', (_, text, says) => {
    const refuse = (): unknown => parsePolicyFile(text, 'policies.json')
    expect(refuse).toThrow(says)
    expect(refuse).toThrow(expect.toSatisfy((error: unknown) => isTandemError(error, 'PolicyFileInvalid')))
  })

  test('is not deployed: the CDK app names the file and the field, and writes no template', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tandem-policies-'))
    try {
      const path = join(directory, 'policies.json')
      writeFileSync(path, withPolicy({ schedule: 'hourly' }))
      const outdir = join(directory, 'cdk.out')
      const { code, words } = await synthesizeWith(path, outdir)
      expect(code).toBe(1)
      expect(words).toContain('PolicyFileInvalid')
      expect(words).toContain(path)
      expect(words).toContain('policies.nightly.schedule: not a schedule')
      expect(existsSync(join(outdir, `${STACK}.template.json`))).toBe(false)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

function synthesizeWith(policies: string, outdir: string): Promise<{ code: unknown; words: string }> {
  const env = { ...process.env, CDK_CONTEXT_JSON: JSON.stringify({ policies }), CDK_OUTDIR: outdir }
  const cwd = resolve(import.meta.dirname, '../..')
  return new Promise((done) => {
    execFile(process.execPath, ['cdk/app.ts'], { cwd, env }, (error, out, words) =>
      done({ code: error?.code, words: out + words }),
    )
  })
}
