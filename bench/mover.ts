/**
 * Script: copies a disk of 4 GiB with the mover, and with restic, borg, casync and `dd | zstd | openssl` where they are
 * installed; then again after 2 % of its blocks have changed. Same disk, same machine, one after the other in each round; what
 * earlier steps wrote is on the disk before the next begins, and the disk is in the page cache. Prints medians.
 * `npm run bench:mover [-- --rounds 3 --only tandem,restic --folder /tmp/tandem-bench-mover]`
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BLOCK_BYTES } from '../mover/format/parameters.ts'
import { meanRate, primitiveRate } from './mover/ceiling.ts'
import { DISK_BYTES, makeImages, type Images } from './mover/image.ts'
import { bytesOf, finish, measure, type Cost } from './mover/measure.ts'
import { OURS, PEER, Results } from './mover/results.ts'
import { TOOLS, type Steps, type Tool } from './mover/tools.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'tandem-bench-mover') },
  },
})
const { folder } = values
// Ours is the command as `npm ci` makes it, of the source as it is now.
execFileSync(process.execPath, [new URL('../bundling/command.ts', import.meta.url).pathname])
const wanted = TOOLS.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name))
const tools = wanted.filter(({ version }) => version !== undefined)

/** Puts a state of the disk where the tools read it. */
function show(state: string): void {
  rmSync(join(folder, 'disk'), { force: true })
  linkSync(state, join(folder, 'disk'))
}

/** Reads a copy back. With the first time, also whether it is what was copied. */
async function restore(steps: Steps, copy: 'first' | 'second', original: string, isChecked: boolean): Promise<Cost> {
  const target = join(folder, 'restored')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target)
  const cost = await measure(steps.restore(copy), steps.restored)
  if (isChecked) await finish({ words: ['cmp', steps.restored, original] })
  rmSync(target, { recursive: true })
  return cost
}

async function round(tool: Tool, results: Results, images: Images, isFirst: boolean): Promise<void> {
  const repository = join(folder, 'repository')
  for (const suffix of ['', '-cache', '-base', '-full']) rmSync(repository + suffix, { recursive: true, force: true })
  const disk = join(folder, 'disk')
  const keyFile = join(folder, 'key')
  const places = { disk, repository, keyFile, restored: join(folder, 'restored'), changedBlocks: images.changedBlocks }
  const steps = tool.steps(places)
  const measured = results.of(tool.name)
  if (steps.init) await finish(steps.init)
  let before = bytesOf(repository)
  const grownBy = (): number => bytesOf(repository) - before

  show(images.before)
  const rates = tool.name === OURS ? [await primitiveRate(images.before, DISK_BYTES)] : []
  measured.note('full', await measure(steps.copy('first')), grownBy())
  // Before and after: the machine is not as fast at every moment.
  if (tool.name === OURS) results.noteRate(meanRate([...rates, await primitiveRate(images.before, DISK_BYTES)]))
  before = bytesOf(repository)
  measured.note('restore', await restore(steps, 'first', images.before, isFirst))
  if (steps.verify) measured.note('verify', await measure(steps.verify))

  show(images.after)
  if (steps.copyListed) {
    // All that is in a vault is written once, so links are a copy of it.
    await finish({ words: ['cp', '--archive', '--link', repository, `${repository}-full`] })
    measured.note('listed', await measure(steps.copyListed), grownBy())
    if (isFirst) await restore(steps, 'second', images.after, true)
    rmSync(repository, { recursive: true })
    renameSync(`${repository}-full`, repository)
  }
  measured.note('incremental', await measure(steps.copy('second')), grownBy())
  if (isFirst) await restore(steps, 'second', images.after, true)
  rmSync(repository, { recursive: true })
}

console.log(
  `${new Date().toISOString()}, ${cpus()[0]?.model ?? 'unknown CPU'} × ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
)
for (const { name, version, remark } of wanted) console.log(`${name}: ${version ?? 'NOT INSTALLED'} (${remark})`)
console.log(`images in ${folder}${existsSync(join(folder, 'made.json')) ? ', from an earlier run' : ''}`)
const images = makeImages(folder)
const results = new Results(images.filledBlockCount * BLOCK_BYTES)
console.log(`${images.filledBlockCount} of ${DISK_BYTES / BLOCK_BYTES} blocks are not zero, SHA-256 ${images.digest}`)
writeFileSync(join(folder, 'key'), randomBytes(32).toString('hex'))
for (let number = 1; number <= Number(values.rounds); number += 1) {
  // The disk is in the page cache for all of them.
  for (const state of [images.before, images.after]) await finish({ words: ['cmp', state, state] })
  for (const tool of tools) {
    await round(tool, results, images, number === 1)
    console.log(`round ${number}, load ${loadavg()[0]?.toFixed(1)}: ${results.of(tool.name).latest()}`)
  }
}
console.log(`\n${results.table()}`)
if (tools.some(({ name }) => name === PEER)) console.log(`\n${results.floors()}`)
