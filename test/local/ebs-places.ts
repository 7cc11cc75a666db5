/** EC2, KMS and the EBS direct APIs of several accounts and Regions, for the tests of EBS. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Ebs from '@aws-sdk/client-ebs'
import type * as Ec2 from '@aws-sdk/client-ec2'
import type * as Kms from '@aws-sdk/client-kms'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../local/clock.ts'
import { manualClock } from '../../local/clock.ts'
import { createEbs } from '../../local/ebs/ebs.ts'
import type { EbsOptions } from '../../local/ebs/ebs.ts'
import { createEc2, createNeighbours } from '../../local/ec2/ec2.ts'
import type { Ec2Host, Ec2Options } from '../../local/ec2/ec2.ts'
import { createKms } from '../../local/kms/kms.ts'
import type { Kms as KmsService } from '../../local/kms/kms.ts'
import { streamOf } from '../../local/wire/streamed-body.ts'
import type { Caller, EmittedEvent, Service } from '../../local/wire/service.ts'

export const MINUTE_MS = 60_000
export const DAY_MS = 24 * 60 * MINUTE_MS
export const BLOCK_BYTES = 512 * 1024
export const OURS = '111122223333'
export const THEIRS = '444455556666'
export const HOME = 'eu-central-1'
export const AWAY = 'us-east-1'
const START_MS = Date.parse('2026-01-02T03:04:05Z')

/** Input and output of the operations that the tests call. */
interface Ec2Api {
  CreateVolume: [Ec2.CreateVolumeRequest, Ec2.Volume]
  DeleteVolume: [Ec2.DeleteVolumeRequest, object]
  DescribeVolumes: [Ec2.DescribeVolumesRequest, Ec2.DescribeVolumesResult]
  DescribeVolumeStatus: [Ec2.DescribeVolumeStatusRequest, Ec2.DescribeVolumeStatusResult]
  DescribeVolumeAttribute: [Ec2.DescribeVolumeAttributeRequest, Ec2.DescribeVolumeAttributeResult]
  ModifyVolumeAttribute: [Ec2.ModifyVolumeAttributeRequest, object]
  ModifyVolume: [Ec2.ModifyVolumeRequest, Ec2.ModifyVolumeResult]
  DescribeVolumesModifications: [Ec2.DescribeVolumesModificationsRequest, Ec2.DescribeVolumesModificationsResult]
  CreateSnapshot: [Ec2.CreateSnapshotRequest, Ec2.Snapshot]
  CopySnapshot: [Ec2.CopySnapshotRequest, Ec2.CopySnapshotResult]
  CreateTags: [Ec2.CreateTagsRequest, object]
  DeleteSnapshot: [Ec2.DeleteSnapshotRequest, object]
  DescribeSnapshots: [Ec2.DescribeSnapshotsRequest, Ec2.DescribeSnapshotsResult]
  ModifySnapshotAttribute: [Ec2.ModifySnapshotAttributeRequest, object]
  ResetSnapshotAttribute: [Ec2.ResetSnapshotAttributeRequest, object]
  DescribeSnapshotAttribute: [Ec2.DescribeSnapshotAttributeRequest, Ec2.DescribeSnapshotAttributeResult]
  EnableSnapshotBlockPublicAccess: [Ec2.EnableSnapshotBlockPublicAccessRequest, object]
  LockSnapshot: [Ec2.LockSnapshotRequest, Ec2.LockSnapshotResult]
  UnlockSnapshot: [Ec2.UnlockSnapshotRequest, object]
  DescribeLockedSnapshots: [Ec2.DescribeLockedSnapshotsRequest, Ec2.DescribeLockedSnapshotsResult]
  RunInstances: [Ec2.RunInstancesRequest, Ec2.Reservation]
  RegisterImage: [Ec2.RegisterImageRequest, Ec2.RegisterImageResult]
  CopyImage: [Ec2.CopyImageRequest, Ec2.CopyImageResult]
  DeregisterImage: [Ec2.DeregisterImageRequest, object]
  DescribeImages: [Ec2.DescribeImagesRequest, Ec2.DescribeImagesResult]
  ModifyImageAttribute: [Ec2.ModifyImageAttributeRequest, object]
  EnableEbsEncryptionByDefault: [object, object]
  ModifyEbsDefaultKmsKeyId: [Ec2.ModifyEbsDefaultKmsKeyIdRequest, object]
  GetEbsDefaultKmsKeyId: [object, Ec2.GetEbsDefaultKmsKeyIdResult]
}
interface EbsApi {
  ListSnapshotBlocks: [Ebs.ListSnapshotBlocksRequest, Ebs.ListSnapshotBlocksResponse]
  ListChangedBlocks: [Ebs.ListChangedBlocksRequest, Ebs.ListChangedBlocksResponse]
  GetSnapshotBlock: [
    Ebs.GetSnapshotBlockRequest,
    Omit<Ebs.GetSnapshotBlockResponse, 'BlockData'> & { BlockData: Uint8Array },
  ]
  StartSnapshot: [Ebs.StartSnapshotRequest, Ebs.StartSnapshotResponse]
  PutSnapshotBlock: [
    Omit<Ebs.PutSnapshotBlockRequest, 'BlockData'> & { BlockData: Uint8Array },
    Ebs.PutSnapshotBlockResponse,
  ]
  CompleteSnapshot: [Ebs.CompleteSnapshotRequest, Ebs.CompleteSnapshotResponse]
}
interface KmsApi {
  CreateKey: [Kms.CreateKeyRequest, Kms.CreateKeyResponse]
  DisableKey: [Kms.DisableKeyRequest, object]
}

type Call<Api extends Record<keyof Api, [unknown, unknown]>> = <Name extends keyof Api>(
  name: Name,
  input: Api[Name][0],
) => Promise<Api[Name][1]>

export interface TestPlace {
  readonly host: Ec2Host
  readonly kms: KmsService
  readonly events: EmittedEvent[]
  readonly ec2: Call<Ec2Api>
  readonly ebs: Call<EbsApi>
  /** ARN of a new key. */
  readonly newKey: () => Promise<string>
  readonly disableKey: (arn: string) => Promise<unknown>
  /** Id of a volume that is `available`. */
  readonly volume: (request?: Partial<Ec2.CreateVolumeRequest>) => Promise<string>
  /** Id of a completed snapshot of this volume. */
  readonly snapshot: (volumeId: string) => Promise<string>
  readonly describe: (snapshotId: string) => Promise<Ec2.Snapshot | undefined>
  /** Fills a block of a volume with this byte. */
  readonly write: (volumeId: string, index: number, byte: number) => void
}

const callOf =
  (service: Service, caller: Caller) =>
  async (name: string, input: unknown): Promise<never> => {
    const operation = service.operations[name]
    if (!operation) throw new Error(`${name} is not implemented`)
    return (await operation(input as never, caller)) as never
  }

function writeBlock(path: string, index: number, byte: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(BLOCK_BYTES, byte), 0, BLOCK_BYTES, index * BLOCK_BYTES)
  closeSync(file)
}

export interface TestPlaces {
  readonly clock: Clock
  readonly at: (accountId: string, region?: string) => TestPlace
}

/** Places that are made when asked for, and cleaned up when the test is over. */
export function testPlaces(
  options: Partial<Pick<Ec2Options, 'quotas'> & Pick<EbsOptions, 'blockRate'>> = {},
): TestPlaces {
  const clock = manualClock(START_MS)
  const neighbours = createNeighbours()
  const keys = new Map<string, KmsService>()
  const places = new Map<string, TestPlace>()
  const directory = mkdtempSync(join(tmpdir(), 'ebs-test-'))
  onTestFinished(async () => {
    await Promise.all([...places.values()].map(({ host }) => host.close()))
    clock.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  const create = (accountId: string, region: string): TestPlace => {
    const name = `${accountId}/${region}`
    const kms = createKms({ clock, accountId, region, elsewhere: (id, where) => keys.get(`${id}/${where}`) })
    keys.set(name, kms)
    const events: EmittedEvent[] = []
    const guests = { start: () => Promise.reject(new Error('no guests here')) }
    const ec2 = createEc2({
      ...options,
      clock,
      accountId,
      region,
      directory: join(directory, accountId, region),
      emit: (event) => void events.push(event),
      guests,
      neighbours,
      keys: kms,
    })
    const caller: Caller = {
      accountId,
      region,
      arn: `arn:aws:iam::${accountId}:user/test`,
      accessKeyId: 'AKIATEST',
      requestId: 'request-1',
    }
    const ebs = callOf(createEbs({ ...options, clock, accountId, region, snapshots: ec2.direct }).service, caller)
    return placeOf({ clock, region, host: ec2.host, kms, events, ec2: callOf(ec2.service, caller), ebs }, caller)
  }
  return {
    clock,
    at(accountId, region = HOME) {
      const name = `${accountId}/${region}`
      const place = places.get(name) ?? create(accountId, region)
      places.set(name, place)
      return place
    },
  }
}

interface Parts {
  readonly clock: Clock
  readonly region: string
  readonly host: Ec2Host
  readonly kms: KmsService
  readonly events: EmittedEvent[]
  readonly ec2: (name: string, input: unknown) => Promise<never>
  readonly ebs: (name: string, input: unknown) => Promise<never>
}

function placeOf({ clock, region, host, kms, events, ec2, ebs }: Parts, caller: Caller): TestPlace {
  const callKms: Call<KmsApi> = callOf(kms.service, caller)
  const place: TestPlace = {
    host,
    kms,
    events,
    ec2,
    ebs: (name, input) => ebs(name, 'BlockData' in input ? { ...input, BlockData: streamOf(input.BlockData) } : input),
    newKey: async () => (await callKms('CreateKey', {})).KeyMetadata!.Arn!,
    disableKey: (arn) => callKms('DisableKey', { KeyId: arn }),
    async volume(request = {}) {
      const sized = request.SnapshotId ? {} : { Size: 1 }
      const { VolumeId } = await place.ec2('CreateVolume', { AvailabilityZone: `${region}a`, ...sized, ...request })
      await clock.advance(10_000)
      return VolumeId!
    },
    async snapshot(volumeId) {
      const { SnapshotId } = await place.ec2('CreateSnapshot', { VolumeId: volumeId })
      await clock.advance(5 * MINUTE_MS)
      return SnapshotId!
    },
    async describe(snapshotId) {
      return (await place.ec2('DescribeSnapshots', { SnapshotIds: [snapshotId] })).Snapshots?.[0]
    },
    write: (volumeId, index, byte) => writeBlock(host.volumePath(volumeId), index, byte),
  }
  return place
}
