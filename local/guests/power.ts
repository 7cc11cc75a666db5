/** What a guest asks about its own power: `shutdown` in the guest leaves a line in a file, here it becomes a timer. */
import { readFileSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Cancel, Clock } from '../clock.ts'

export type PowerAction = 'poweroff' | 'reboot'

const MINUTE_MS = 60_000

/** The request, if it is complete: while it is being written it has another name. */
function takeRequest(path: string): string | undefined {
  try {
    const request = readFileSync(path, 'utf8')
    rmSync(path)
    return request.trim()
  } catch {
    return undefined // another file of the folder changed
  }
}

/**
 * Takes requests from `<runPath>/power` until cancelled; `onPower` is called when a request's minutes (of the account's time) have
 * passed. A later request replaces an earlier one, and `cancel` removes it.
 *
 * @param note is told each request, for the console
 */
export function takePowerRequests(
  clock: Clock,
  runPath: string,
  note: (text: string) => void,
  onPower: (action: PowerAction) => void,
): Cancel {
  let cancelTimer: Cancel | undefined
  const watcher = watch(runPath, { persistent: false }, () => {
    const request = takeRequest(join(runPath, 'power'))
    if (request === undefined) return
    const [action, minutesText] = request.split(' ')
    const minutes = Number(minutesText)
    note(`${action} in ${minutes} min requested`)
    cancelTimer?.()
    if ((action !== 'poweroff' && action !== 'reboot') || !(minutes >= 0)) return
    // A deadline in the future is no work in flight: it must not make an idle account jump to it.
    cancelTimer = clock.after(minutes * MINUTE_MS, () => onPower(action), { background: minutes > 0 })
  })
  return () => {
    watcher.close()
    cancelTimer?.()
  }
}
