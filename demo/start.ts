/**
 * `npm start`: the whole story of Tandem on an embedded AWS account, from deployment to proof. Exits 0 only if every claim holds.
 */
import { resolve } from 'node:path'
import { styleText } from 'node:util'
import { synthesize } from './synthesize.ts'

const MEGABYTE = 1_000_000
const KIBIBYTE = 1024

console.log(`${styleText('bold', '1  An AWS account on this machine')}
  the Lambdas are bundled; the CDK app is synthesised, with the checks of cdk-nag …`)
const assembly = await synthesize(undefined, {
  bundles: resolve(import.meta.dirname, '../dist/lambdas'),
  policies: resolve(import.meta.dirname, 'policies.json'),
})
// Only now: what bundles (before this script, see package.json), what synthesises and what runs the account are never in
// memory together.
const { prove } = await import('./prove.ts')
process.exitCode = (await prove(assembly)) ? 0 : 1
const peakMB = Math.round((process.resourceUsage().maxRSS * KIBIBYTE) / MEGABYTE)
console.log(styleText('dim', `(${process.uptime().toFixed(0)} s, at most ${peakMB} MB in the account's process)`))
