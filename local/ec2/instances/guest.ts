/**
 * What EC2 asks of whatever plays the inside of an instance. EC2 knows volumes as files; the guest sees them as disks.
 */

import type { Instance } from '@aws-sdk/client-ec2'

export interface GuestDisk {
  /** Name under which the volume is attached, e.g. `/dev/sda1`. */
  readonly device: string
  readonly volumeId: string
  /** The sparse file that is the volume. */
  readonly path: string
  /** Of the volume as it is now: it grows while it is attached. */
  readonly sizeBytes: number
}

export interface GuestSpec {
  readonly instanceId: string
  readonly imageId: string
  /** A script with which the image starts its services, at every boot. */
  readonly program?: string
  /** Decoded (not base64). A script runs once in the life of an instance id (AWS facts A.17). */
  readonly userData?: string
  readonly disks: readonly GuestDisk[]
  readonly tags: Readonly<Record<string, string>>
  readonly privateIpAddress: string
  readonly reservationId?: string
  /** The instance as EC2 describes it to anybody at that moment: what its metadata is made from. */
  readonly describe?: () => Instance
}

export interface Guest {
  /** Returns when nothing of the guest runs any more; until `resume`, not a byte of its disks changes. */
  pause(): void
  resume(): void
  /** Resolves when nothing of the guest is left. */
  stop(): Promise<void>
  /** Resolves when the processes have ended; the guest boots again by itself. */
  reboot(): Promise<void>
  disksChanged(disks: readonly GuestDisk[]): void
}

export interface GuestRunner {
  start(spec: GuestSpec): Promise<Guest>
  /** What an instance has written to its console so far; undefined for one that never ran. */
  console?(instanceId: string): string | undefined
}
