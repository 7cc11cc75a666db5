/**
 * What runs when a guest boots, by the rules of cloud-init on Amazon Linux (AWS facts A.17): the image's own program and the
 * scripts in `per-boot` at every boot, user data once in the life of an instance id. User data that wants to run again installs
 * itself there, or is a boothook.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface BootSpec {
  readonly instanceId: string
  /** A script with which the image starts its services, at every boot. */
  readonly program?: string
  readonly userData?: string
}

const CLOUD = 'var/lib/cloud'
const PER_BOOT = join(CLOUD, 'scripts/per-boot')
const BOOTHOOK = '#cloud-boothook'

function writeScript(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode: 0o700 })
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function perBootScripts(root: string): string[] {
  const folder = join(root, PER_BOOT)
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
    .filter(isExecutable)
}

/** Whether this is the first boot of the instance, as noted on its own disk. */
function isFirstRun(root: string, instanceId: string): boolean {
  const mark = join(root, CLOUD, 'instances', instanceId, 'sem/config_scripts_user')
  if (existsSync(mark)) return false
  mkdirSync(dirname(mark), { recursive: true })
  writeFileSync(mark, '')
  return true
}

/**
 * The scripts of this boot, in the order in which they run, each after the one before it has ended.
 *
 * @param note is told, for the console, of user data that is no script
 */
export function scriptsOfBoot(root: string, spec: BootSpec, note: (text: string) => void): string[] {
  const { instanceId, program, userData } = spec
  const scripts = program === undefined ? [] : [writeScript(join(root, 'run/program'), program)]
  const path = join(root, CLOUD, 'instance/user-data.txt')
  if (userData?.startsWith(BOOTHOOK)) {
    const text = userData.slice(userData.indexOf('\n') + 1)
    scripts.push(writeScript(path, text.startsWith('#!') ? text : `#!/bin/sh\n${text}`))
  }
  scripts.push(...perBootScripts(root))
  if (userData?.startsWith('#!')) {
    if (isFirstRun(root, instanceId)) scripts.push(writeScript(path, userData))
  } else if (userData !== undefined && userData !== '' && !userData.startsWith(BOOTHOOK))
    note('user data is not a script (#!) and is ignored')
  return scripts
}
