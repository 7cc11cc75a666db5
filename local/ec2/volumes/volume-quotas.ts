/** What volumes together may not exceed in one Region (AWS facts A.12, A.22). */
import { AwsError } from '../../wire/service.ts'
import type { VolumePerformance } from './model.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { checkQuota } from '../quotas.ts'
import { invalidValue } from '../request.ts'

const RATE = { min: 100, max: 300 }

/** What the planned volumes add may not go beyond the account's quotas (AWS facts A.22). @throws AwsError */
export function checkVolumeQuotas(
  account: Account,
  plans: readonly { readonly performance: VolumePerformance }[],
): void {
  const { quotas, volumes } = account
  checkQuota('VolumeLimitExceeded', volumes.size + plans.length, quotas.volumes, 'Volume limit exceeded.')
  for (const type of new Set(plans.map(({ performance }) => performance.type))) {
    const all = [...plans.map(({ performance }) => performance), ...volumes.values()].filter((one) => one.type === type)
    const sum = (of: (one: VolumePerformance) => number): number => all.reduce((total, one) => total + of(one), 0)
    checkQuota(
      'VolumeLimitExceeded',
      sum(({ sizeGiB }) => sizeGiB),
      quotas.storageGiB[type] ?? Infinity,
      `You have exceeded your maximum ${type} storage limit of ${(quotas.storageGiB[type] ?? 0) / 1_024} TiB in this region. Please contact AWS Support to request an Elastic Block Store service limit increase.`,
    )
    checkQuota(
      'MaxIOPSLimitExceeded',
      sum(({ iops = 0 }) => iops),
      quotas.iops[type] ?? Infinity,
      `The limit of ${quotas.iops[type]} provisioned IOPS for ${type} volumes in this region is exceeded.`,
    )
  }
}

/** The rate that a volume is to be initialized at, if one was asked for. @throws AwsError */
export function initializationRateOf(rate: number | undefined, snapshot: Snapshot | undefined): number | undefined {
  if (rate === undefined) return undefined
  if (!snapshot)
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter volumeInitializationRate requires the parameter snapshotId.',
    )
  if (rate < RATE.min || rate > RATE.max)
    throw invalidValue(`Volume initialization rate of ${rate} is not between ${RATE.min} and ${RATE.max} MiB/s.`)
  return rate
}

/** The sum over all volumes that are being initialized at a rate of their own is limited (AWS facts A.12, A.22). @throws AwsError */
export function checkInitializationRates(account: Account, rates: readonly (number | undefined)[]): void {
  const wanted = rates.reduce((total: number, rate) => total + (rate ?? 0), 0)
  if (wanted === 0) return
  const nowMs = account.clock.now()
  const inUse = [...account.volumes.values()].reduce((total, { initialization, state }) => {
    const isUnderWay = state === 'creating' || (initialization?.endMs ?? 0) > nowMs
    return total + (isUnderWay ? (initialization?.rate ?? 0) : 0)
  }, 0)
  checkQuota(
    'VolumeInitializationRateLimitExceeded',
    inUse + wanted,
    account.quotas.initializationRate,
    `The cumulative volume initialization rate of ${account.quotas.initializationRate} MiB/s in this Region is exceeded.`,
  )
}
