/** The default VPC of the Region, with a /20 subnet in each zone, as every account finds it. */
import type { IdPrefix } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Resource } from '../resource.ts'
import type { Subnet, Vpc } from './model.ts'
import { addDefaultGroup } from './security-groups.ts'

/** What every new resource has, without tags. */
export const newResource = (account: Account, prefix: IdPrefix): Resource => ({
  id: account.ids.next(prefix),
  order: account.nextOrder(),
  createdMs: account.clock.now(),
  tags: new Map(),
})

/** A resource that has always been there: it is never too new to be known. */
const oldResource = (account: Account, prefix: IdPrefix): Resource => ({
  ...newResource(account, prefix),
  createdMs: 0,
})

export function addDefaultVpc(account: Account): void {
  const vpc: Vpc = {
    ...oldResource(account, 'vpc'),
    cidr: '172.31.0.0/16',
    cidrAssociationId: account.ids.next('vpc-cidr-assoc'),
    isDefault: true,
    tenancy: 'default',
    enableDnsSupport: true,
    enableDnsHostnames: true,
  }
  account.vpcs.set(vpc.id, vpc)
  addDefaultGroup(account, vpc.id)
  for (const [index, zone] of account.zones.all.entries()) {
    const subnet: Subnet = {
      ...oldResource(account, 'subnet'),
      vpcId: vpc.id,
      cidr: `172.31.${index * 16}.0/20`,
      zone,
      isDefault: true,
      mapPublicIpOnLaunch: true,
      nextHost: 0,
      usedCount: 0,
    }
    account.subnets.set(subnet.id, subnet)
  }
}
