/** What an account may have of instances and their network (AWS facts A.22). Adjustable, as by Service Quotas. */
export interface InstanceQuotas {
  /** vCPUs of running On-Demand instances of the standard families. AWS gives a new account 5 and raises it with use. */
  readonly onDemandVcpus: number
  readonly spotVcpus: number
  readonly elasticAddresses: number
  readonly networkInterfaces: number
  readonly vpcs: number
  readonly subnetsPerVpc: number
  readonly securityGroups: number
  readonly images: number
}

export const DEFAULT_INSTANCE_QUOTAS: InstanceQuotas = {
  onDemandVcpus: 1_920,
  spotVcpus: 1_920,
  elasticAddresses: 5,
  networkInterfaces: 5_000,
  vpcs: 5,
  subnetsPerVpc: 200,
  securityGroups: 2_500,
  images: 50_000,
}
