/** Quotas of EBS in one Region (AWS facts A.2, A.13, A.15, A.22). */
import { AwsError } from '../wire/service.ts'

export interface EbsQuotas {
  readonly snapshots: number
  readonly pendingSnapshots: number
  readonly copiesInProgress: number
  /** Sum of VolumeInitializationRate, MiB/s. */
  readonly initializationRate: number
  /** Sum of time-based copies from one Region, MiB/s. */
  readonly timeBasedCopyRate: number
  readonly volumes: number
  /** Storage by volume type, GiB. */
  readonly storageGiB: Readonly<Record<string, number>>
  /** Provisioned IOPS by volume type. */
  readonly iops: Readonly<Record<string, number>>
}

const TIB = 1_024

export const DEFAULT_QUOTAS: EbsQuotas = {
  snapshots: 100_000,
  pendingSnapshots: 100_000,
  copiesInProgress: 20,
  initializationRate: 5_000,
  timeBasedCopyRate: 2_000,
  volumes: 100_000,
  storageGiB: {
    gp2: 50 * TIB,
    gp3: 50 * TIB,
    io1: 50 * TIB,
    io2: 20 * TIB,
    st1: 50 * TIB,
    sc1: 50 * TIB,
    standard: 50 * TIB,
  },
  iops: { io1: 300_000, io2: 100_000 },
}

/** @throws AwsError with this code when there would be more than the quota */
export function checkQuota(code: string, count: number, quota: number, message: string): void {
  if (count > quota) throw new AwsError(code, message)
}
