/** Images, as registered by the account, made from its instances, or put there by the host. */
import type { VolumeType } from '@aws-sdk/client-ec2'
import type { Resource } from '../resource.ts'

export interface ImageDisk {
  readonly device: string
  readonly snapshotId?: string
  readonly sizeGiB: number
  readonly type: VolumeType
  readonly iops?: number
  readonly throughput?: number
  readonly deleteOnTermination: boolean
  readonly encrypted: boolean
}

/** What is installed on a root disk: volumes and snapshots carry it on, and with it what AWS bills for it (AWS facts A.17). */
export interface Software {
  readonly platformDetails: string
  readonly usageOperation: string
  /** What its instances run at every boot. */
  readonly program?: string
}

export interface Image extends Resource {
  readonly name: string
  description: string
  readonly ownerId: string
  /** Shown for AWS's own. */
  readonly ownerAlias?: string
  readonly architecture: string
  readonly virtualizationType: 'hvm' | 'paravirtual'
  readonly rootDeviceName: string
  readonly rootDeviceType: 'ebs' | 'instance-store'
  /** The root's first. */
  readonly disks: readonly ImageDisk[]
  /** Names that instance stores take; a volume cannot be attached there. */
  readonly instanceStoreDevices: readonly string[]
  readonly bootMode?: string
  readonly enaSupport: boolean
  readonly sriovNetSupport?: string
  readonly tpmSupport?: string
  imdsSupport?: string
  readonly uefiData?: string
  readonly software: Software
  readonly sourceInstanceId?: string
  readonly sourceImageId?: string
  readonly sourceImageRegion?: string
  /** Everybody may launch it. */
  isPublic: boolean
  readonly launchPermissions: Set<string>
  /** Why it never became available. */
  failure?: string
  lastLaunchedMs?: number
}
