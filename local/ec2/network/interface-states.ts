/** Network interfaces: how they come, are attached and go (AWS facts A.17). */
import { AwsError } from '../../wire/service.ts'
import { ATTACH_INTERFACE_MS, DETACH_INTERFACE_MS } from '../delays.ts'
import type { Account } from '../model.ts'
import type { Instance } from '../instances/model.ts'
import { newResource } from './default-vpc.ts'
import type { Address, InterfaceAttachment, NetworkInterface, Subnet } from './model.ts'
import { checkAddress, checkFree, releaseAddress, takeAddress } from './private-addresses.ts'

/** A new interface, checked: `makeInterface` cannot fail on it. */
export interface InterfacePlan {
  readonly subnet: Subnet
  readonly groupIds: readonly string[]
  readonly description: string
  readonly privateIp?: string
  readonly secondaryIps: readonly string[]
  readonly secondaryCount: number
  readonly wantsPublicIp: boolean
  readonly tags: Map<string, string>
}

/** @throws AwsError NetworkInterfaceLimitExceeded, InvalidIPAddress.InUse, InsufficientFreeAddressesInSubnet */
export function checkPlan(account: Account, plan: InterfacePlan, count = 1): void {
  if (account.interfaces.size + count > account.quotas.networkInterfaces)
    throw new AwsError('NetworkInterfaceLimitExceeded', 'The maximum number of network interfaces has been reached.')
  for (const address of [plan.privateIp, ...plan.secondaryIps])
    if (address !== undefined) checkAddress(account, plan.subnet, address)
  checkFree(plan.subnet, count * (1 + plan.secondaryIps.length + plan.secondaryCount))
}

export function makeInterface(account: Account, plan: InterfacePlan): NetworkInterface {
  const { subnet, secondaryIps, secondaryCount } = plan
  const resource = newResource(account, 'eni')
  const wanted = [plan.privateIp, ...secondaryIps, ...Array.from({ length: secondaryCount }, () => undefined)]
  const made: NetworkInterface = {
    ...resource,
    tags: plan.tags,
    subnetId: subnet.id,
    vpcId: subnet.vpcId,
    zone: subnet.zone,
    mac: `06:${resource.id.slice(-10).replaceAll(/..(?=.)/g, '$&:')}`,
    privateIps: wanted.map((address) => takeAddress(account, subnet, address)),
    groupIds: [...plan.groupIds],
    description: plan.description,
    sourceDestCheck: true,
    wantsPublicIp: plan.wantsPublicIp,
  }
  account.interfaces.set(made.id, made)
  return made
}

/** Takes an interface away, with its addresses. */
export function removeInterface(account: Account, { id, subnetId, privateIps }: NetworkInterface): void {
  for (const address of account.addresses.values())
    if (address.association?.interfaceId === id) address.association = undefined
  const subnet = account.subnets.get(subnetId)
  if (subnet) for (const address of privateIps) releaseAddress(account, subnet, address)
  account.interfaces.delete(id)
}

/** Begins an attachment to an instance; it ends by itself. */
export function attach(
  account: Account,
  to: { readonly networkInterface: NetworkInterface; readonly instance: Instance; readonly deviceIndex: number },
  deleteOnTermination: boolean,
): InterfaceAttachment {
  const attachment: InterfaceAttachment = {
    id: account.ids.next('eni-attach'),
    instanceId: to.instance.id,
    deviceIndex: to.deviceIndex,
    attachedMs: account.clock.now(),
    deleteOnTermination,
    state: 'attaching',
    dueMs: account.clock.now() + ATTACH_INTERFACE_MS,
  }
  to.networkInterface.attachment = attachment
  to.instance.interfaceIds.push(to.networkInterface.id)
  followAttachment(account, to.networkInterface)
  return attachment
}

export function detach(account: Account, networkInterface: NetworkInterface): void {
  const { attachment } = networkInterface
  if (!attachment) return
  attachment.state = 'detaching'
  attachment.dueMs = account.clock.now() + DETACH_INTERFACE_MS
  followAttachment(account, networkInterface)
}

/** Ends the change of an attachment when it is due, unless another has begun. */
export function followAttachment(account: Account, networkInterface: NetworkInterface): void {
  const { attachment } = networkInterface
  const dueMs = attachment?.dueMs
  if (!attachment || dueMs === undefined) return
  account.clock.after(dueMs - account.clock.now(), () => {
    if (networkInterface.attachment !== attachment || attachment.dueMs !== dueMs) return
    if (attachment.state === 'attaching') {
      attachment.state = 'attached'
      attachment.dueMs = undefined
    } else endAttachment(account, networkInterface)
  })
}

function endAttachment(account: Account, networkInterface: NetworkInterface): void {
  const instance = account.instances.get(networkInterface.attachment?.instanceId ?? '')
  if (instance) instance.interfaceIds.splice(instance.interfaceIds.indexOf(networkInterface.id), 1)
  networkInterface.attachment = undefined
  networkInterface.publicIp = undefined
}

/** The end of an instance: its interfaces go or stay as their attachments say. */
export function releaseInterfaces(account: Account, instance: Instance): void {
  for (const networkInterface of interfacesOf(account, instance)) {
    const goes = networkInterface.attachment?.deleteOnTermination ?? false
    endAttachment(account, networkInterface)
    if (goes) removeInterface(account, networkInterface)
  }
}

/** The interfaces of an instance, by device index. */
export const interfacesOf = ({ interfaces }: Account, { interfaceIds }: Instance): NetworkInterface[] =>
  interfaceIds
    .flatMap((id) => interfaces.get(id) ?? [])
    .sort((left, right) => (left.attachment?.deviceIndex ?? 0) - (right.attachment?.deviceIndex ?? 0))

export const primaryInterfaceOf = (account: Account, instance: Instance): NetworkInterface | undefined =>
  interfacesOf(account, instance).find(({ attachment }) => attachment?.deviceIndex === 0)

export function addressOf({ addresses }: Account, interfaceId: string, privateIp: string): Address | undefined {
  for (const address of addresses.values())
    if (address.association?.interfaceId === interfaceId && address.association.privateIp === privateIp) return address
  return undefined
}

/** The public address that stands for a private one: an Elastic IP, or what the start gave. */
export const publicIpOf = (account: Account, one: NetworkInterface, privateIp: string): string | undefined =>
  addressOf(account, one.id, privateIp)?.publicIp ?? (privateIp === one.privateIps[0] ? one.publicIp : undefined)

/** The first 254 of the documentation block, then the benchmarking block. */
export function nextPublicIp({ state: { counters } }: Account): string {
  counters.publicAddresses += 1
  const count = counters.publicAddresses
  if (count <= 254) return `203.0.113.${count}`
  const rest = count - 255
  return `198.${18 + (Math.floor(rest / 65_536) % 2)}.${Math.floor(rest / 256) % 256}.${rest % 256}`
}

/** A start gives the primary interface a public address where its subnet says so, unless it has an Elastic IP. */
export function givePublicIp(account: Account, instance: Instance): void {
  const primary = primaryInterfaceOf(account, instance)
  const [privateIp] = primary?.privateIps ?? []
  if (!primary || privateIp === undefined || addressOf(account, primary.id, privateIp)) return
  if (primary.wantsPublicIp) primary.publicIp = nextPublicIp(account)
}

/** A stop takes it away again. */
export function takePublicIp(account: Account, instance: Instance): void {
  for (const networkInterface of interfacesOf(account, instance)) networkInterface.publicIp = undefined
}

/** Goes on with the attachments of a restored account. */
export function resumeInterfaces(account: Account): void {
  for (const networkInterface of account.interfaces.values()) followAttachment(account, networkInterface)
}
