/** What a proxy of a copy looks like in detail: its devices and its time. */

/** Below them are the root and its like; the root of Amazon Linux is at /dev/xvda (AWS facts A.14). */
const FIRST_DEVICE_LETTER = 'b'.charCodeAt(0)

export const proxyDevice = (place: number): string => `/dev/sd${String.fromCharCode(FIRST_DEVICE_LETTER + place)}`

const START_MINUTES = 30
/** A quarter of what a proxy does on a good day: disks made from snapshots are slow where they are read first (AWS facts A.12). */
const SLOW_BYTES_PER_SECOND = 100e6
/** RunProxy's own limit is a day. */
const DEADLINE_MINUTES_MAX = 23 * 60

/** After so many minutes a proxy that moves so many bytes has gone wrong. */
export const deadlineMinutes = (bytes: number): number =>
  Math.min(DEADLINE_MINUTES_MAX, Math.ceil(START_MINUTES + bytes / SLOW_BYTES_PER_SECOND / 60))
