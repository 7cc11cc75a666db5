/** All operations of the network. */
import type { Operations } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { addressOperations } from './addresses.ts'
import { interfaceDescriptions } from './describe-interfaces.ts'
import { securityGroupDescriptions } from './describe-security-groups.ts'
import { interfaceOperations } from './interfaces.ts'
import { keyPairOperations } from './key-pairs.ts'
import { securityGroupOperations } from './security-groups.ts'
import { vpcOperations } from './vpcs.ts'

export const networkOperations = (account: Account): Operations => ({
  ...vpcOperations(account),
  ...securityGroupOperations(account),
  ...securityGroupDescriptions(account),
  ...interfaceOperations(account),
  ...interfaceDescriptions(account),
  ...addressOperations(account),
  ...keyPairOperations(account),
})
