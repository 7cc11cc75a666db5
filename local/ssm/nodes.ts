/**
 * Managed nodes: the instances on which an agent has registered. An agent runs in every running guest, unless its instance
 * carries the tag `ssm=off` (an agent that was never installed).
 */
import type { InstanceInformation } from '@aws-sdk/client-ssm'
import type { Clock } from '../clock.ts'
import type { GuestProcess, Guests } from '../guests/guests.ts'
import type { Node, SsmState } from './model.ts'

/** An agent reports every five minutes; who has not for as long has lost its connection. */
const PING_INTERVAL_MS = 5 * 60 * 1000

export interface NodesOptions {
  readonly clock: Clock
  readonly region: string
  readonly guests: Pick<Guests, 'ofInstance' | 'all'>
}

const hasAgent = (guest: GuestProcess): boolean => guest.spec.tags['ssm'] !== 'off'

export class Nodes {
  readonly #options: NodesOptions
  readonly #state: SsmState

  constructor(options: NodesOptions, state: SsmState) {
    this.#options = options
    this.#state = state
  }

  /** The guest that an agent answers for now. */
  guestOf(instanceId: string): GuestProcess | undefined {
    const guest = this.#options.guests.ofInstance(instanceId)
    return guest && hasAgent(guest) ? guest : undefined
  }

  /** Takes down what the agents have reported so far. */
  refresh(): void {
    const { clock, region, guests } = this.#options
    for (const guest of guests.all()) {
      if (!hasAgent(guest)) continue
      const { instanceId, spec, startedAtMs, endedAtMs, hasCrashed } = guest
      if (spec.describe?.().State?.Name === 'terminated') {
        this.#state.nodes.delete(instanceId)
        continue
      }
      const untilMs = endedAtMs ?? clock.now()
      this.#state.nodes.set(instanceId, {
        instanceId,
        lastPingMs: untilMs - ((untilMs - startedAtMs) % PING_INTERVAL_MS),
        ipAddress: spec.privateIpAddress,
        computerName: `ip-${spec.privateIpAddress.replaceAll('.', '-')}.${region}.compute.internal`,
        hasLeft: !guest.running && !hasCrashed,
      })
    }
  }

  /** In the order in which they registered. */
  all(): Node[] {
    this.refresh()
    return [...this.#state.nodes.values()]
  }

  /** Whether a command to it is accepted: a machine that is stopped is in no valid state (AWS facts F), one that crashed still is. */
  accepts(instanceId: string): boolean {
    this.refresh()
    const node = this.#state.nodes.get(instanceId)
    return node !== undefined && !node.hasLeft
  }

  isOnline({ lastPingMs, hasLeft }: Node): boolean {
    return !hasLeft && this.#options.clock.now() < lastPingMs + PING_INTERVAL_MS
  }

  /** Tags of a node's instance as they are now. */
  tagsOf(instanceId: string): ReadonlyMap<string, string> {
    const guest = this.#options.guests.all().find((one) => one.instanceId === instanceId)
    const described = guest?.spec.describe?.().Tags?.map(({ Key = '', Value = '' }): [string, string] => [Key, Value])
    return new Map(described ?? Object.entries(guest?.spec.tags ?? {}))
  }

  informationOf(node: Node): InstanceInformation {
    return {
      InstanceId: node.instanceId,
      PingStatus: this.isOnline(node) ? 'Online' : 'ConnectionLost',
      LastPingDateTime: new Date(node.lastPingMs),
      AgentVersion: AGENT_VERSION,
      IsLatestVersion: true,
      PlatformType: 'Linux',
      PlatformName: 'Amazon Linux',
      PlatformVersion: '2023',
      ResourceType: 'EC2Instance',
      IPAddress: node.ipAddress,
      ComputerName: node.computerName,
      SourceId: node.instanceId,
      SourceType: 'AWS::EC2::Instance',
    }
  }
}

const AGENT_VERSION = '3.3.2299.0'
