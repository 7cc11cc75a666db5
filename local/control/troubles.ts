/** Troubles of machines and disks that a person can cause by name: EC2's host has a method for each. */
import { z } from 'zod'
import type { Ec2Host } from '../ec2/host.ts'
import { VOLUME_TYPES } from '../ec2/volumes/volume-types.ts'
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
  cause(ec2: Ec2Host, order: unknown): void
}

function trouble<Shape extends z.ZodRawShape>(
  describes: string,
  shape: Shape,
  cause: (ec2: Ec2Host, order: z.infer<z.ZodObject<Shape>>) => void,
): Trouble {
  const schema = z.strictObject(shape)
  return {
    describes,
    takes: Object.keys(shape),
    cause: (ec2, order) => cause(ec2, schema.parse(order)),
  }
}

const volumeId = z.string().regex(/^vol-/)
const snapshotId = z.string().regex(/^snap-/)
const instanceId = z.string().regex(/^i-/)

const times = z.int().min(1).default(1)

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  failSnapshot: trouble(
    'The next snapshot of this volume ends in error, and with it its whole set.',
    { volumeId },
    (ec2, order) => ec2.failSnapshot(order.volumeId),
  ),
  failVolumeCreation: trouble('The next volume made from this snapshot ends in error.', { snapshotId }, (ec2, order) =>
    ec2.failVolumeCreation(order.snapshotId),
  ),
  stickDetach: trouble(
    'The next detach of this volume does not end until releaseDetach, or Force.',
    { volumeId },
    (ec2, order) => ec2.stickDetach(order.volumeId),
  ),
  releaseDetach: trouble('The stuck detach of this volume ends.', { volumeId }, (ec2, order) =>
    ec2.releaseDetach(order.volumeId),
  ),
  failKey: trouble(
    'The next times (1) that EBS would use this KMS key for somebody, it is not accessible.',
    { key: z.string().min(1), times },
    (ec2, order) => ec2.failKey(order.key, order.times),
  ),
  lackVolumes: trouble(
    'The zone has no room for volumes, or no volumes of this type, until `lacks` is false.',
    { zone: z.string().min(1), type: z.enum(VOLUME_TYPES).exactOptional(), lacks: z.boolean().default(true) },
    (ec2, order) => ec2.lackVolumes(order.zone, order.lacks, order.type),
  ),
  lackCapacity: trouble(
    'The next times (1) that an instance of this type, in this zone, on a `launch` or `start`, on the `spot` or `on-demand` ' +
      'market is wanted, there is no capacity, or for a launch only `room` for so many.',
    {
      type: z.string().exactOptional(),
      zone: z.string().exactOptional(),
      on: z.enum(['launch', 'start']).exactOptional(),
      market: z.enum(['spot', 'on-demand']).exactOptional(),
      room: z.int().min(0).exactOptional(),
      times,
    },
    (ec2, { times: often, ...which }) => void ec2.lackCapacity(which, often),
  ),
  failLaunch: trouble(
    'The next launch passes the call and ends terminated, with this StateReason code (Server.InternalError).',
    {
      code: z
        .string()
        .regex(/^(Client|Server)\./)
        .default('Server.InternalError'),
    },
    (ec2, order) => ec2.failLaunch(order.code),
  ),
  interruptSpot: trouble('The spot instance is warned, and taken two minutes later.', { instanceId }, (ec2, order) =>
    ec2.interruptSpot(order.instanceId),
  ),
  failRootReplacement: trouble(
    'The next replacement of the root volume of this instance ends `failed`, or `failed-detached`: without a root.',
    { instanceId, how: z.enum(['failed', 'failed-detached']).default('failed') },
    (ec2, order) => ec2.failRootReplacement(order.instanceId, order.how),
  ),
  setTags: trouble(
    'Tags of AWS’s own services (`aws:…`), which CreateTags cannot set.',
    { resourceId: z.string().min(1), tags: z.record(z.string(), z.string()) },
    (ec2, order) => ec2.setTags(order.resourceId, order.tags),
  ),
  beLate: trouble(
    'From now on new ids are NotFound for up to `idsMs`, new volumes and snapshots not found by tags for `tagsMs`; `ragged` ' +
      'lists have empty pages and no order. The same `seed` is late in the same way.',
    {
      idsMs: z.int().min(0).exactOptional(),
      tagsMs: z.int().min(0).exactOptional(),
      ragged: z.boolean().exactOptional(),
      seed: z.string().exactOptional(),
    },
    (ec2, order) => ec2.beLate(order),
  ),
  refuseStart: trouble(
    'The next StartInstances of this instance is refused with this code (InsufficientInstanceCapacity …); ' +
      'without a code it goes pending and falls back to stopped.',
    { instanceId, code: z.string().min(1).exactOptional() },
    (ec2, order) => ec2.refuseStart(order.instanceId, order.code === undefined ? 'falls-back' : { code: order.code }),
  ),
  impair: trouble(
    'A status check of this instance (its own) is impaired, or no longer is: that of the instance, of the system, of its volumes.',
    {
      instanceId,
      impaired: z.boolean().default(true),
      check: z.enum(['instance', 'system', 'ebs']).default('instance'),
    },
    (ec2, order) => ec2.impair(order.instanceId, order.impaired, order.check),
  ),
  powerOff: trouble('The guest of this instance powers itself off.', { instanceId }, (ec2, order) =>
    ec2.guestPoweredOff(order.instanceId),
  ),
}
