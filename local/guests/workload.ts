/**
 * The demo workload: a machine that writes numbered records to its data disk and then to its root disk, in an order that any
 * snapshot of both can be checked against. At every instant
 *
 *     last number on the root disk ≤ last number on the data disk ≤ last number on the root disk + 1
 *
 * so two snapshots that were not taken at the same instant give themselves away as soon as they lie one write apart.
 *
 * Layout, the same on both disks: a ring of RECORD_COUNT records of RECORD_BYTES from RING_OFFSET_BYTES on; record n (from 1) is
 * in slot (n - 1) mod RECORD_COUNT. A record is one line: n in 12 digits, filler, n in 12 digits, a line feed. A slot that was
 * never written holds zeros.
 */
import { closeSync, openSync, readSync } from 'node:fs'

const RECORD_BYTES = 512
const RECORD_COUNT = 4096
const NUMBER_DIGITS = 12
const FILLER = '.'.repeat(RECORD_BYTES - 2 * NUMBER_DIGITS - 1)
const NEVER_WRITTEN = Buffer.alloc(RECORD_BYTES)
/** Past what a partition table and a boot loader would occupy. In units of 1 MiB, since the script's `dd` counts in them. */
const RING_OFFSET_MIB = 1
const MIB = 1024 * 1024
const RING_OFFSET_BYTES = RING_OFFSET_MIB * MIB
/** 4096 × 512 B = 2 MiB. */
const RING_MIB = (RECORD_COUNT * RECORD_BYTES) / MIB

/** 100 records a second, at about 2 % of a processor. */
const DEFAULT_INTERVAL_MS = 10
const DEVICE_NAME = /^\/dev\/[a-z][a-z0-9]*$/

export interface WorkloadOptions {
  /** The disk that is written first, mounted on /data. */
  readonly dataDevice: string
  /** Disks that are only mounted, on /data2, /data3 and so on. */
  readonly otherDevices?: readonly string[]
  /** Real milliseconds between two records; 10 unless told. */
  readonly intervalMs?: number
}

/**
 * The user data of a machine that runs the workload from boot to stop, continuing after the last record of its root disk. User data
 * runs once in the life of an instance (AWS facts A.17): it installs the workload as a script of every boot and starts it. That
 * script ends at once and leaves its writer in the background, so that the machine counts as booted.
 *
 * The writer is one shell that forks nothing but a `dd` per disk and round of the ring, which puts a descriptor at its start; from
 * there they move by themselves. A record is one write of less than a page: on the disk wholly or not at all.
 *
 * @throws Error when a device's name is not one that could be attached
 */
export function workloadUserData(options: WorkloadOptions): string {
  const devices = [options.dataDevice, ...(options.otherDevices ?? [])]
  for (const device of devices) if (!DEVICE_NAME.test(device)) throw new Error(`${device} is no device name`)
  const intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS
  if (!(intervalMs > 0)) throw new Error(`An interval of ${intervalMs} ms would occupy a whole processor`)
  const mounts = devices.map((device, index) => `${device} /data${index === 0 ? '' : index + 1} xfs rw,relatime 0 0`)

  return `#!/bin/bash
service=$GUEST_ROOT/var/lib/cloud/scripts/per-boot/workload
cat >"$service" <<'SERVICE'
#!/bin/bash
# Writes numbered records to ${options.dataDevice}, then to the root disk, until stopped.
export LC_ALL=C
read -r root_device _ <"$GUEST_ROOT/etc/mtab"
cat >>"$GUEST_ROOT/etc/mtab" <<'MOUNTS'
${mounts.join('\n')}
MOUNTS

for device in ${options.dataDevice} "$root_device"; do
  [[ -e $GUEST_ROOT$device ]] || { echo "$device is not attached" >&2; exit 1; }
done
# Descriptors that stay open: whoever looks for the users of a disk finds this shell.
exec {data}<>"$GUEST_ROOT${options.dataDevice}" {root}<>"$GUEST_ROOT$root_device" || exit 1
# A pipe that nobody writes to: reading it with a time limit is a sleep without a process.
exec {silence}<> <(:)

last=$(dd if="$GUEST_ROOT$root_device" bs=1M skip=${RING_OFFSET_MIB} count=${RING_MIB} status=none | tr -d '\\0' | sort | tail -n 1)
n=$((10#0\${last:0:${NUMBER_DIGITS}} + 1))

# at_slot DESCRIPTOR: another descriptor of the same disk, at the slot of record n. dd can only move one on from where it is, and a
# new one is at 0. The old one is closed last, so that the disk is never without a user.
at_slot() {
  exec {opened}<>"/proc/self/fd/$1" || exit 1
  dd bs=${RECORD_BYTES} count=0 seek=$((${RING_OFFSET_BYTES / RECORD_BYTES} + (n - 1) % ${RECORD_COUNT})) conv=notrunc status=none >&"$opened"
  local old=$1
  exec {old}>&-
}

write_records() {
  while :; do
    at_slot "$data"; data=$opened
    at_slot "$root"; root=$opened
    while :; do
      printf -v record '%0${NUMBER_DIGITS}d${FILLER}%0${NUMBER_DIGITS}d' "$n" "$n"
      printf '%s\\n' "$record" >&"$data" || exit 1
      printf '%s\\n' "$record" >&"$root" || exit 1
      read -r -t ${(intervalMs / 1000).toFixed(3)} -u "$silence"
      (((n += 1) % ${RECORD_COUNT} == 1)) && break
    done
  done
}
write_records &
SERVICE
chmod +x "$service" && exec "$service"
`
}

export interface WorkloadState {
  /** 0 on a disk without records. */
  readonly lastSequence: number
  /** How many records the ring holds. */
  readonly records: number
}

/** The number in a slot, or undefined for one never written. */
function numberIn(slot: Buffer): number | undefined {
  if (slot.equals(NEVER_WRITTEN)) return undefined
  const text = slot.toString('latin1')
  const number = text.slice(0, NUMBER_DIGITS)
  if (!/^\d+$/.test(number) || text !== `${number}${FILLER}${number}\n`) return Number.NaN
  return Number(number)
}

/**
 * Reads what the workload left on a disk that nobody writes to at the moment: a snapshot, or the volume of a machine that is
 * paused or stopped.
 *
 * @param path the disk's image
 * @throws Error naming the slot of a record that is torn, in the wrong place, or missing: the records must be the last ones written, without a gap
 */
export function readWorkload(path: string): WorkloadState {
  const ring = Buffer.alloc(RECORD_COUNT * RECORD_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, ring, 0, ring.length, RING_OFFSET_BYTES)
  } finally {
    closeSync(file)
  }
  const numbers: number[] = []
  for (let slot = 0; slot < RECORD_COUNT; slot += 1) {
    const number = numberIn(ring.subarray(slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES))
    if (number === undefined) continue
    if ((number - 1) % RECORD_COUNT !== slot)
      throw new Error(`${path}: slot ${slot} holds no record that belongs there`)
    numbers.push(number)
  }
  const lastSequence = numbers.reduce((last, number) => Math.max(last, number), 0)
  const stale = numbers.find((number) => number <= lastSequence - RECORD_COUNT)
  if (stale !== undefined) throw new Error(`${path}: record ${stale} was not overwritten on the way to ${lastSequence}`)
  // Distinct, in their slots and none stale: there is no gap exactly if there are as many as there should be.
  const expected = Math.min(lastSequence, RECORD_COUNT)
  if (numbers.length !== expected)
    throw new Error(`${path}: ${numbers.length} of the last ${expected} records up to ${lastSequence}`)
  return { lastSequence, records: numbers.length }
}
