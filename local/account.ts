import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Checkpoints, readCheckpoint } from './checkpoints.ts'
import { autoClock, wallClockMs, type Clock } from './clock.ts'
import type { DeployOptions } from './cloudformation/deploy.ts'
import { createControl } from './control/control.ts'
import { dynamodbAccess } from './dynamodb/access.ts'
import { createNeighbours } from './ec2/ec2.ts'
import { Faults } from './faults.ts'
import { authorizerOf, checkAccessMaps } from './iam/enforcement.ts'
import { createIam, type Iam, type IamOptions } from './iam/iam.ts'
import { ADMINISTRATOR, createIdentities, type UserCredentials } from './identities.ts'
import { durablesOf, type Place, type Shared } from './place.ts'
import { Places } from './places.ts'
import { REGIONS } from './regions.ts'
import { createS3, type Objects, type S3 } from './s3/s3.ts'
import { createSts } from './sts/sts.ts'
import { createThrottling, type Limits, type Throttling } from './throttling/throttling.ts'
import { Connections } from './wire/connections.ts'
import { startWireServer, type ObservedCall } from './wire/server.ts'

export interface AccountOptions {
  /** `auto` at the present moment unless told. */
  readonly clock?: Clock
  /** 0 or absent: any free port. */
  readonly port?: number
  readonly region?: string
  readonly accountId?: string
  /**
   * Folder in which the account outlives its process: made if absent, taken over if an earlier process left it. Let `clock`
   * start at `savedTimeMs(folder)` then. Without it nothing is left behind.
   */
  readonly data?: string
  /** Warm Lambdas at a time, of all functions together: more are faster and need about 30 MB each. */
  readonly sandboxLimit?: number
  /** Of request throttling: AWS's defaults unless told. */
  readonly limits?: Limits
  readonly onCall?: (call: ObservedCall) => void
  readonly onLog?: (functionName: string, line: string) => void
}

/**
 * An AWS account on loopback. Its public side is the endpoint; the rest is for whoever owns the account's machines. Other
 * accounts and Regions are behind the same endpoint: whose key signs, and for which Region, decides where a call goes.
 */
export interface Account extends Omit<Place, 'services' | 'durables' | 'dynamodb' | 'stop' | 'close'> {
  /** Whether it goes on from what an earlier process left in the data folder. */
  readonly isRestored: boolean
  readonly endpoint: string
  readonly port: number
  readonly credentials: UserCredentials
  readonly clock: Clock
  readonly faults: Faults
  readonly throttling: Throttling
  readonly objects: Objects
  /** Who may do what, for all accounts of the process. */
  readonly iam: Iam
  /** Another account or Region of this process, made if it is new. @throws Error for a Region that does not exist */
  at(accountId: string, region: string): Place
  /** Deploys a stack of a cloud assembly (`cdk.out`). */
  deploy(directory: string, stackName: string): Promise<void>
  /** Ends everything: guests, Lambdas, DynamoDB; files too, unless there is a data folder. */
  close(): Promise<void>
}

/** The folder of an account's files, and whether it goes with the account. */
function openFolder(data: string | undefined): { readonly directory: string; readonly remove: () => void } {
  if (data !== undefined) {
    mkdirSync(data, { recursive: true })
    return { directory: realpathSync(data), remove: () => {} }
  }
  const directory = mkdtempSync(join(tmpdir(), 'tandem-account-'))
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

const die = (): void => void process.kill(process.pid, 'SIGKILL')

/** Virtual time at which the account in a data folder stood still; undefined for a folder that holds none. */
export const savedTimeMs = (data: string): number | undefined => readCheckpoint(data)?.nowMs

interface Start {
  readonly clock: Clock
  readonly accountId: string
  readonly directory: string
}

/** What is one for all accounts and Regions of the process. */
function createCommon(options: AccountOptions, { clock, accountId, directory }: Start) {
  const identities = createIdentities({ accountId })
  const policies: Shared['policies'] = new Map()
  const resourcePolicy = (arn: string): string | undefined => {
    const [, , service = '', at = '', owner = ''] = arn.split(':')
    return policies.get(`${service}/${owner}/${at}`)?.(arn)
  }
  const keys: Shared['keys'] = new Map()
  const isGranted: IamOptions['isGranted'] = (request, principals) => {
    const [, , , at = '', owner = ''] = request.resource.split(':')
    return keys.get(`${owner}/${at}`)?.isGranted(request, principals) ?? false
  }
  const bucketOwner: IamOptions['bucketOwner'] = (name) => s3.ownerOf(name)
  const iam: Iam = createIam({ clock, identities, resourcePolicy, bucketOwner, isGranted })
  const s3: S3 = createS3({
    clock,
    directory: join(directory, 'objects'),
    keyOf: iam.keyOf,
    findKey: (keyId, { accountId, region }) => {
      const [, , , at = region, owner = accountId] = keyId.split(':')
      return keys.get(`${owner}/${at}`)?.find(keyId)?.arn
    },
    putPolicy: iam.putResourcePolicy,
  })
  return {
    faults: new Faults(),
    connections: new Connections(),
    throttling: createThrottling({ clock, ...(options.limits ? { limits: options.limits } : {}) }),
    identities,
    policies,
    keys,
    iam,
    sts: createSts({ clock, newSession: (session) => identities.session(session), ...iam.forSts }),
    s3,
  }
}

/**
 * Starts an empty account in this process, or goes on with the one in its data folder. Without a data folder `close` leaves
 * nothing behind, nor does a crash (guests and DynamoDB end with us).
 */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const { region = 'eu-central-1', accountId = '111122223333', clock = autoClock(wallClockMs()) } = options
  const { directory, remove } = openFolder(options.data)
  const saved = options.data === undefined ? undefined : readCheckpoint(directory)
  const common = createCommon(options, { clock, accountId, directory })
  const { faults, throttling, identities, iam, s3 } = common
  let endpoint = ''
  const shared: Shared = {
    ...options,
    ...common,
    clock,
    endpoint: () => endpoint,
    objects: s3.objects,
    neighbours: createNeighbours(),
    globalServices: [s3.service, iam.service, common.sts],
    isKept: options.data !== undefined,
    durables: durablesOf(common),
  }
  const places = new Places(shared, directory)
  const home = places.at(accountId, region)
  checkAccessMaps(home.services)
  if (saved) places.restore(saved)
  const groups = () => places.groups()
  const checkpoints =
    options.data === undefined ? undefined : new Checkpoints({ directory, now: () => clock.now(), groups })
  const wire = await startWireServer({
    ...options,
    ...common,
    services: home.services,
    servicesAt: ({ accountId: id, region: name }) => (REGIONS.has(name) ? places.at(id, name).services : undefined),
    proxy: { dynamodb: (caller) => places.at(caller.accountId, caller.region).dynamodb() },
    identify: identities.identify,
    region,
    clock,
    authorize: authorizerOf(iam, { dynamodb: dynamodbAccess(iam.keyOf) }),
    ...(checkpoints ? { kept: () => checkpoints.kept() } : {}),
    control: createControl({ ...common, clock, place: (id = accountId, name = region) => places.at(id, name), die }),
  })
  endpoint = wire.endpoint
  if (saved) places.resume()
  const credentials = identities.user(ADMINISTRATOR)
  return {
    ...home,
    isRestored: saved !== undefined,
    objects: s3.objects,
    endpoint,
    port: wire.port,
    credentials,
    clock,
    faults,
    throttling,
    iam,
    at: (id, name) => places.at(id, name),
    deploy(assembly, stackName) {
      return clock.holding(() => deploy(home, assembly, stackName, { ...iam, endpoint, credentials }))
    },
    async close() {
      checkpoints?.close()
      places.stop()
      clock.stop()
      await places.close()
      await wire.close()
      remove()
    },
  }
}

async function deploy(
  { accountId, region, lambda }: Place,
  directory: string,
  stackName: string,
  {
    endpoint,
    credentials,
    ...options
  }: Pick<DeployOptions, 'addStatement' | 'putDataKey'> & Pick<Account, 'endpoint' | 'credentials'>,
): Promise<void> {
  // Loaded here: whoever deploys nothing needs none of their SDK clients.
  const { deploymentClients } = await import('./cloudformation/clients.ts')
  const { deployStack } = await import('./cloudformation/deploy.ts')
  const clients = deploymentClients({ endpoint, region, credentials })
  const registerFunction: DeployOptions['registerFunction'] = (configuration) => lambda.register(configuration)
  await deployStack({ ...options, clients, directory, stackName, accountId, region, registerFunction })
}
