import { readFileSync } from 'node:fs'
import { transformSync } from 'rolldown/utils'

const IMPORT = /from ["']\.\/([\w-]+\.ts)["']/g

const urls = new Map<string, string>()

/**
 * A module of this folder and those it imports, as a `data:` URL. Their types are taken off once for all workers: each would
 * otherwise load Node's own type stripper, which alone takes 350 ms, as long as everything else together.
 */
export function workerModuleUrl(file: string): string {
  const known = urls.get(file)
  if (known) return known
  const source = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8')
  const { code } = transformSync(file, source)
  const linked = code.replaceAll(IMPORT, (_, imported: string) => `from ${JSON.stringify(workerModuleUrl(imported))}`)
  const url = `data:text/javascript;base64,${Buffer.from(linked).toString('base64')}`
  urls.set(file, url)
  return url
}
