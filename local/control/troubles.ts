/** Troubles of machines and disks that a person can cause by name: EC2's host has a method for each. */
import { z } from 'zod'
import type { Ec2Host } from '../ec2/host.ts'
import type { Guests } from '../guests/guests.ts'

/** What of a place the control endpoint reaches. */
export interface TroubledPlace {
  readonly ec2: Ec2Host
  readonly guests: Guests
}

/** A trouble: what it takes, and how it is caused. */
export interface Trouble {
  readonly describes: string
  /** Names of what it takes. */
  readonly takes: readonly string[]
  /** @throws ZodError for what it does not take */
  cause(ec2: Ec2Host, given: unknown): void
}

function trouble<Shape extends z.ZodRawShape>(
  describes: string,
  shape: Shape,
  cause: (ec2: Ec2Host, given: z.infer<z.ZodObject<Shape>>) => void,
): Trouble {
  const schema = z.strictObject(shape)
  return {
    describes,
    takes: Object.keys(shape),
    cause: (ec2, given) => cause(ec2, schema.parse(given)),
  }
}

const volumeId = z.string().regex(/^vol-/)
const snapshotId = z.string().regex(/^snap-/)
const instanceId = z.string().regex(/^i-/)

/** What lets a stuck detach go, by volume: kept here, for it was stuck from here. */
const releases = new Map<string, () => void>()

function releaseDetach(id: string): void {
  const release = releases.get(id)
  if (!release) throw new Error(`No detach of ${id} was stuck from here.`)
  releases.delete(id)
  release()
}

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  failSnapshot: trouble(
    'The next snapshot of this volume ends in error, and with it its whole set.',
    { volumeId },
    (ec2, given) => ec2.failSnapshot(given.volumeId),
  ),
  failVolumeCreation: trouble('The next volume made from this snapshot ends in error.', { snapshotId }, (ec2, given) =>
    ec2.failVolumeCreation(given.snapshotId),
  ),
  stickDetach: trouble(
    'The next detach of this volume does not end until releaseDetach, or Force.',
    { volumeId },
    (ec2, given) => void releases.set(given.volumeId, ec2.stickDetach(given.volumeId)),
  ),
  releaseDetach: trouble('The stuck detach of this volume ends.', { volumeId }, (_, given) =>
    releaseDetach(given.volumeId),
  ),
  refuseStart: trouble(
    'The next StartInstances of this instance is refused with this code (InsufficientInstanceCapacity …); ' +
      'without a code it goes pending and falls back to stopped.',
    { instanceId, code: z.string().min(1).optional() },
    (ec2, given) => ec2.refuseStart(given.instanceId, given.code === undefined ? 'falls-back' : { code: given.code }),
  ),
  impair: trouble(
    'Status checks of this instance are impaired, or no longer are.',
    { instanceId, impaired: z.boolean().default(true) },
    (ec2, given) => ec2.impair(given.instanceId, given.impaired),
  ),
  powerOff: trouble('The guest of this instance powers itself off.', { instanceId }, (ec2, given) =>
    ec2.guestPoweredOff(given.instanceId),
  ),
}
