/** Which private addresses of a subnet are taken (AWS facts A.17). */
import { AwsError } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { invalidValue } from '../request.ts'
import { requiredBlock, toAddress, toNumber } from './cidr.ts'
import type { Subnet } from './model.ts'

/** Of a subnet's addresses AWS keeps the first four and the last one. */
const FIRST_HOST = 4
const KEPT = 5

export function freeCount({ cidr, usedCount }: Subnet): number {
  return requiredBlock(cidr, 'cidrBlock').size - KEPT - usedCount
}

const insufficient = ({ id }: Subnet): AwsError =>
  new AwsError(
    'InsufficientFreeAddressesInSubnet',
    `The specified subnet does not have enough free addresses to satisfy the request: '${id}'.`,
  )

/** @throws AwsError InsufficientFreeAddressesInSubnet */
export function checkFree(subnet: Subnet, count: number): void {
  if (freeCount(subnet) < count) throw insufficient(subnet)
}

const nameOf = (subnet: Subnet, address: string): string => `${subnet.vpcId}/${address}`

/** @throws AwsError InvalidParameterValue outside the subnet, InvalidIPAddress.InUse */
export function checkAddress({ state }: Account, subnet: Subnet, address: string): void {
  const block = requiredBlock(subnet.cidr, 'cidrBlock')
  const host = (toNumber(address) ?? -1) - block.first
  if (host < 0 || host >= block.size)
    throw invalidValue(`Address ${address} does not fall within the subnet's address range`)
  if (host < FIRST_HOST || host === block.size - 1)
    throw invalidValue(`Address ${address} is in subnet's reserved address range`)
  if (state.privateAddresses.has(nameOf(subnet, address)))
    throw new AwsError('InvalidIPAddress.InUse', `Address ${address} is in use.`)
}

/** Takes this address, or any. @throws AwsError as `checkAddress` and `checkFree` */
export function takeAddress(account: Account, subnet: Subnet, address?: string): string {
  const taken = address ?? anyFree(account, subnet)
  if (address !== undefined) checkAddress(account, subnet, address)
  account.state.privateAddresses.add(nameOf(subnet, taken))
  subnet.usedCount += 1
  return taken
}

function anyFree({ state }: Account, subnet: Subnet): string {
  checkFree(subnet, 1)
  const { first, size } = requiredBlock(subnet.cidr, 'cidrBlock')
  const hostCount = size - KEPT
  for (let step = 0; step < hostCount; step += 1) {
    const host = (subnet.nextHost + step) % hostCount
    const address = toAddress(first + FIRST_HOST + host)
    if (state.privateAddresses.has(nameOf(subnet, address))) continue
    subnet.nextHost = (host + 1) % hostCount
    return address
  }
  throw insufficient(subnet)
}

export function releaseAddress({ state }: Account, subnet: Subnet, address: string): void {
  if (state.privateAddresses.delete(nameOf(subnet, address))) subnet.usedCount -= 1
}
