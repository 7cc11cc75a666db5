/** The default VPC of the Region: three zones, a /20 subnet in each, one security group, addresses given in order. */
import { AwsError } from '../wire/service.ts'
import type { IdSource } from './ids.ts'
import type { Ec2State } from './model.ts'
import { invalidValue } from './request.ts'

export interface Zone {
  readonly name: string
  readonly id: string
  readonly subnetId: string
}

export interface Network {
  readonly vpcId: string
  readonly securityGroupId: string
  readonly zones: readonly Zone[]
  /** @throws AwsError InvalidParameterValue */
  zoneNamed(name: string): Zone
  zoneWithId(id: string): Zone
  /** @throws AwsError InvalidSubnetID.NotFound */
  zoneOfSubnet(subnetId: string): Zone
  /** @throws AwsError InsufficientFreeAddressesInSubnet */
  takePrivateIp(zone: Zone): string
  releasePrivateIp(address: string): void
  nextPublicIp(): string
}

const ZONE_LETTERS = ['a', 'b', 'c']
/** Of a subnet's addresses AWS keeps the first four and the last one. */
const FIRST_HOST = 4
const LAST_HOST = 2 ** 12 - 2

const DIRECTIONS: Readonly<Record<string, string>> = {
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
  central: 'c',
  northeast: 'ne',
  northwest: 'nw',
  southeast: 'se',
  southwest: 'sw',
}

/** `eu-central-1` → `euc1`, as in the zone id `euc1-az1`. */
function shortRegion(region: string): string {
  const [area = region, direction = '', number = ''] = region.split('-')
  return `${area}${DIRECTIONS[direction] ?? direction}${number}`
}

export function defaultNetwork(
  region: string,
  ids: IdSource,
  state: Pick<Ec2State, 'addressesInUse' | 'counters'>,
): Network {
  const vpcId = ids.next('vpc')
  const securityGroupId = ids.next('sg')
  const zones = ZONE_LETTERS.map((letter, index) => ({
    name: `${region}${letter}`,
    id: `${shortRegion(region)}-az${index + 1}`,
    subnetId: ids.next('subnet'),
  }))
  const { addressesInUse: used, counters } = state

  const privateIp = (zone: Zone, host: number): string =>
    `172.31.${zones.findIndex(({ id }) => id === zone.id) * 16 + (host >> 8)}.${host & 255}`

  return {
    vpcId,
    securityGroupId,
    zones,
    zoneNamed(name) {
      const zone = zones.find((candidate) => candidate.name === name)
      if (!zone) throw invalidValue(`Invalid availability zone: [${name}]`)
      return zone
    },
    zoneWithId(id) {
      const zone = zones.find((candidate) => candidate.id === id)
      if (!zone) throw invalidValue(`Invalid availability zone-id: [${id}]`)
      return zone
    },
    zoneOfSubnet(subnetId) {
      const zone = zones.find((candidate) => candidate.subnetId === subnetId)
      if (!zone) throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${subnetId}' does not exist`)
      return zone
    },
    takePrivateIp(zone) {
      for (let host = FIRST_HOST; host <= LAST_HOST; host += 1) {
        const address = privateIp(zone, host)
        if (used.has(address)) continue
        used.add(address)
        return address
      }
      throw new AwsError(
        'InsufficientFreeAddressesInSubnet',
        `Not enough free addresses in subnet '${zone.subnetId}' to satisfy the requested number of instances.`,
      )
    },
    releasePrivateIp: (address) => void used.delete(address),
    nextPublicIp() {
      counters.publicAddresses += 1
      return `203.0.113.${1 + (counters.publicAddresses % 254)}`
    },
  }
}
