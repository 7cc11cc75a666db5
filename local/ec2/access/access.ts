/** What IAM is asked before an operation of EC2 runs (AWS facts H; Service Authorization Reference, Amazon EC2). */
import { anyResource, type AccessMap } from '../../wire/access.ts'
import type { AccessOf } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { diskAccess } from './disks.ts'
import { ebsSettingsAccess } from './ebs-settings.ts'
import { imageAccess } from './images.ts'
import { instanceAccess } from './instances.ts'
import type { RoleOfProfile } from './launches.ts'
import { machineAccess } from './machines.ts'
import { networkAccess } from './network.ts'

export type { RoleOfProfile } from './launches.ts'

/** Lists cannot be restricted to a resource; Describe…Attribute can. */
const isList = (operation: string): boolean => /^Describe(?!\w+Attribute$)/.test(operation)

/** Every request of EC2 tells its Region under EC2's own key too. */
const inRegion =
  (region: string, access: AccessOf): AccessOf =>
  (input, caller) =>
    access(input, caller).map(({ action, resource, context }) => ({
      action,
      resource,
      context: { 'ec2:Region': region, ...context },
    }))

/** @param operations names of all that are implemented */
export function ec2Access(account: Account, operations: readonly string[], roleOfProfile: RoleOfProfile): AccessMap {
  const lists = operations.filter(isList).map((name) => [name, anyResource(`ec2:${name}`)] as const)
  const all: AccessMap = {
    ...Object.fromEntries(lists),
    ...instanceAccess(account, roleOfProfile),
    ...diskAccess(account),
    ...imageAccess(account),
    ...networkAccess(account),
    ...machineAccess(account, roleOfProfile),
    ...ebsSettingsAccess(account),
  }
  return Object.fromEntries(Object.entries(all).map(([name, access]) => [name, inRegion(account.region, access)]))
}
