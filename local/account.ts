import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { autoClock, wallClockMs, type Clock } from './clock.ts'
import { deploymentClients } from './cloudformation/clients.ts'
import { deployStack, type DeployOptions } from './cloudformation/deploy.ts'
import { createNeighbours } from './ec2/ec2.ts'
import { Faults } from './faults.ts'
import { ADMINISTRATOR, createIdentities, type UserCredentials } from './identities.ts'
import { createPlace, type Place, type Shared } from './place.ts'
import { REGIONS } from './regions.ts'
import { createS3, type Objects } from './s3/s3.ts'
import { createSts } from './sts/sts.ts'
import { createThrottling, type Limits, type Throttling } from './throttling/throttling.ts'
import { startWireServer, type ObservedCall } from './wire/server.ts'

export interface AccountOptions {
  /** `auto` at the present moment unless told. */
  readonly clock?: Clock
  /** 0 or absent: any free port. */
  readonly port?: number
  readonly region?: string
  readonly accountId?: string
  /** Warm Lambdas at a time, of all functions together: more are faster and need about 30 MB each. */
  readonly sandboxLimit?: number
  /** Of request throttling: AWS's defaults unless told. */
  readonly limits?: Limits
  readonly onCall?: (call: ObservedCall) => void
  readonly onLog?: (functionName: string, line: string) => void
}

/** A role of a deployed stack with its policies, as the template has them. Recorded; not yet enforced. */
export interface Role {
  readonly name: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly policies: readonly unknown[]
}

/**
 * An AWS account on loopback. Its public side is the endpoint; the rest is for whoever owns the account's machines. Other
 * accounts and Regions are behind the same endpoint: whose key signs, and for which Region, decides where a call goes.
 */
export interface Account extends Omit<Place, 'services' | 'dynamodb' | 'stop' | 'close'> {
  readonly endpoint: string
  readonly port: number
  readonly credentials: UserCredentials
  readonly clock: Clock
  readonly faults: Faults
  readonly throttling: Throttling
  readonly objects: Objects
  readonly roles: ReadonlyMap<string, Role>
  /** Another account or Region of this process, made if it is new. @throws Error for a Region that does not exist */
  at(accountId: string, region: string): Place
  /** Deploys a stack of a cloud assembly (`cdk.out`). */
  deploy(directory: string, stackName: string): Promise<void>
  /** Ends everything: guests, Lambdas, DynamoDB, files. */
  close(): Promise<void>
}

/** All places of a process. */
class Places {
  readonly #shared: Shared
  readonly #directory: string
  readonly #places = new Map<string, Place>()

  constructor(shared: Shared, directory: string) {
    this.#shared = shared
    this.#directory = directory
  }

  /** @throws Error for a Region that does not exist */
  at(accountId: string, region: string): Place {
    if (!REGIONS.has(region)) throw new Error(`There is no Region ${region}.`)
    const name = `${accountId}-${region}`
    const place =
      this.#places.get(name) ?? createPlace(this.#shared, { accountId, region, directory: join(this.#directory, name) })
    this.#places.set(name, place)
    return place
  }

  stop(): void {
    for (const place of this.#places.values()) place.stop()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#places.values()].map((place) => place.close()))
  }
}

/** Starts an empty account in this process. `close` leaves nothing behind, nor does a crash (guests and DynamoDB end with us). */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const { region = 'eu-central-1', accountId = '111122223333', clock = autoClock(wallClockMs()) } = options
  const faults = new Faults()
  const throttling = createThrottling({ clock, ...(options.limits ? { limits: options.limits } : {}) })
  const identities = createIdentities({ accountId })
  const directory = mkdtempSync(join(tmpdir(), 'tandem-account-'))
  let endpoint = ''
  const s3 = createS3({ clock, region, directory: join(directory, 'objects') })
  const places = new Places(
    {
      ...options,
      clock,
      faults,
      identities,
      endpoint: () => endpoint,
      objects: s3.objects,
      neighbours: createNeighbours(),
      keys: new Map(),
      globalServices: [s3.service, createSts()],
    },
    directory,
  )
  const home = places.at(accountId, region)
  const wire = await startWireServer({
    ...options,
    services: home.services,
    servicesAt: ({ accountId: id, region: name }) => (REGIONS.has(name) ? places.at(id, name).services : undefined),
    proxy: { dynamodb: (caller) => places.at(caller.accountId, caller.region).dynamodb() },
    identify: identities.identify,
    region,
    faults,
    clock,
    throttle: (call) => throttling.admit(call),
  })
  endpoint = wire.endpoint
  const credentials = identities.user(ADMINISTRATOR)
  const roles = new Map<string, Role>()
  return {
    ...home,
    objects: s3.objects,
    endpoint,
    port: wire.port,
    credentials,
    clock,
    faults,
    throttling,
    roles,
    at: (id, name) => places.at(id, name),
    deploy: (assembly, stackName) =>
      clock.holding(async () => {
        await deployStack({
          directory: assembly,
          stackName,
          accountId,
          region,
          clients: deploymentClients({ endpoint, region, credentials }),
          registerFunction: (configuration) => home.lambda.register(configuration),
          ...recordingIn(roles),
        })
      }),
    async close() {
      places.stop()
      clock.stop()
      await places.close()
      await wire.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function recordingIn(roles: Map<string, Role>): Pick<DeployOptions, 'recordRole' | 'recordPolicy'> {
  return {
    recordRole: (name, properties) => void roles.set(name, { name, properties, policies: [] }),
    recordPolicy: (names, document) => {
      for (const name of names) {
        const role = roles.get(name)
        if (role) roles.set(name, { ...role, policies: [...role.policies, document] })
      }
    },
  }
}
