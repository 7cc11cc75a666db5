/** What the network of an account is made of (AWS facts A.17). */
import type { Resource } from '../resource.ts'
import type { Zone } from './zones.ts'

export interface Vpc extends Resource {
  readonly cidr: string
  readonly cidrAssociationId: string
  readonly isDefault: boolean
  readonly tenancy: 'default' | 'dedicated'
  enableDnsSupport: boolean
  enableDnsHostnames: boolean
}

export interface Subnet extends Resource {
  readonly vpcId: string
  readonly cidr: string
  readonly zone: Zone
  readonly isDefault: boolean
  mapPublicIpOnLaunch: boolean
  /** Where the search for a free address goes on. */
  nextHost: number
  /** Addresses in it that are in use. */
  usedCount: number
}

export interface SecurityGroupRule {
  readonly id: string
  readonly isEgress: boolean
  /** `-1`: all. */
  readonly protocol: string
  readonly fromPort: number
  readonly toPort: number
  readonly cidrIpv4?: string
  readonly cidrIpv6?: string
  readonly groupId?: string
  readonly description?: string
}

export interface SecurityGroup extends Resource {
  readonly vpcId: string
  readonly name: string
  readonly description: string
  rules: SecurityGroupRule[]
}

export interface InterfaceAttachment {
  readonly id: string
  readonly instanceId: string
  readonly deviceIndex: number
  readonly attachedMs: number
  deleteOnTermination: boolean
  state: 'attaching' | 'attached' | 'detaching'
  /** When the state that is on its way is reached. */
  dueMs?: number
}

export interface NetworkInterface extends Resource {
  readonly subnetId: string
  readonly vpcId: string
  readonly zone: Zone
  readonly mac: string
  /** The primary one first: it stays for life (AWS facts A.17). */
  readonly privateIps: string[]
  readonly groupIds: string[]
  description: string
  sourceDestCheck: boolean
  attachment?: InterfaceAttachment
  /** Whether a start gives it a public address. */
  readonly wantsPublicIp: boolean
  /** The one that a start gave it; goes with the next stop, and with an Elastic IP. */
  publicIp?: string
}

/** An Elastic IP. */
export interface Address extends Resource {
  readonly publicIp: string
  association?: {
    readonly id: string
    readonly interfaceId: string
    readonly privateIp: string
  }
}

export interface KeyPair extends Resource {
  readonly name: string
  readonly type: 'rsa' | 'ed25519'
  readonly fingerprint: string
  readonly publicKey: string
}
