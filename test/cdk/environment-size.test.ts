import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TandemStack } from '../../cdk/tandem-stack.ts'
import { policyFile } from '../../core/contracts/policies.ts'

/** A Lambda has 4 KiB for its environment: who has too many policies learns it before anything is deployed. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-environment-'))
  for (const file of ['index.mjs', 'mover.mjs']) writeFileSync(join(folder, file), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}-${n}`)

/** What stands in the way of a deployment with these policies, each of which copies to each of the vaults. */
function faultsOf(policies: readonly string[], vaults: readonly string[] = []): string {
  const copies = vaults.map((vault) => ({ vault, every: '12 hours' }))
  const file = policyFile.parse({
    vaults: Object.fromEntries(vaults.map((name) => [name, {}])),
    policies: Object.fromEntries(policies.map((name) => [name, { schedule: 'rate(1 hour)', copies }])),
  })
  const stack = new TandemStack(new App(), 'tandem', { deployment: 'tandem', ...file, bundle: () => folder })
  return stack.node
    .findAll()
    .flatMap(({ node }) => node.validate())
    .join('\n')
}

test('policies and copies that fit are deployed', () => {
  expect(faultsOf(names('policy', 20), ['near', 'far'])).toBe('')
  expect(faultsOf(['one'], names('vault', 5))).toBe('')
})

test('each Lambda whose environment is too large is named, with its size and what to do', () => {
  const said = faultsOf(names('policy', 110))
  const lambdas = said.match(/Lambda (tandem-[\w-]+)/g)?.toSorted()
  const named = ['discard-revert', 'discover-machines', 'finish-revert', 'inspect-machine', 'plan-revert']
  expect(lambdas).toEqual(named.map((name) => `Lambda tandem-${name}`))
  expect(said).toMatch(
    /takes \d{4} bytes, and AWS allows 4096 \(POLICIES \d{4}, .*\)\. Give policies and vaults shorter names/,
  )
})

test('copy rules and vaults count too, and what only the deployment knows is estimated', () => {
  const said = faultsOf(names('policy', 40), names('vault', 5))
  expect(said).toMatch(/Lambda tandem-plan-copy takes \d+ bytes.*\(COPY_RULES \d+, VAULTS \d+\)/)
  expect(said).toMatch(/Lambda tandem-plan-copies /)
  expect(said).not.toMatch(/Lambda tandem-(verify-copy|finish-revert) /)
  expect(faultsOf(['one'], names('vault', 5))).toBe('')
})
