import { DescribeInstancesCommand, DescribeSnapshotsCommand, DescribeVolumesCommand } from '@aws-sdk/client-ec2'
import { expect } from 'vitest'
import type { Workflow } from '../../core/ports.ts'
import { catalogItems, type CatalogItem } from './catalog-items.ts'
import type { World } from './world.ts'

/** Everything that the account shows and the catalog holds, as it is. */
export interface Picture {
  readonly counts: ReturnType<World['account']['ec2']['counts']>
  /** Instances with their power, disks and tags; volumes and snapshots with their state and tags. */
  readonly ec2: unknown
  /** Every item of the table, sorted by its key: a lock or a wait that was left behind is among them. */
  readonly catalog: readonly CatalogItem[]
}

export interface Refusal {
  readonly error: string
  /** What the message must say: the object, and what to do about it. */
  readonly says: readonly string[]
}

export async function pictureOf(world: World): Promise<Picture> {
  const { fleet, account } = world
  return fleet.call(async () => {
    const { Reservations } = await fleet.ec2.send(new DescribeInstancesCommand({}))
    const { Volumes } = await fleet.ec2.send(new DescribeVolumesCommand({}))
    const { Snapshots } = await fleet.ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))
    return {
      counts: account.ec2.counts(),
      ec2: { Reservations, Volumes, Snapshots },
      catalog: await catalogItems(world),
    }
  })
}

/** Runs it: it must end with this error, say so in these words, and leave the account and the catalog exactly as they were. */
export async function expectRefused(
  world: World,
  workflow: Workflow,
  input: unknown,
  { error, says }: Refusal,
): Promise<void> {
  const before = await pictureOf(world)
  const { result } = await world.run(workflow, input)
  expect(result).toMatchObject({ status: 'FAILED', error })
  for (const words of says) expect(result.cause).toContain(words)
  expect(await pictureOf(world)).toEqual(before)
}
