/**
 * A place: one account in one Region, with its own instance of every regional service. Nothing of one place is seen in
 * another, except what AWS shows across accounts and Regions (shared snapshots, copies, buckets).
 */
import { join } from 'node:path'
import type { Clock } from './clock.ts'
import type { Durable } from './durability.ts'
import { askTables, startDynamodb, type Dynamodb } from './dynamodb/dynamodb.ts'
import { TimeToLive } from './dynamodb/time-to-live.ts'
import { createEbs } from './ebs/ebs.ts'
import { createEc2, type Ec2Host, type Neighbours } from './ec2/ec2.ts'
import { createEvents, type Events } from './events/events.ts'
import { createTargets, type Targets, type TargetsOptions } from './events/targets.ts'
import type { Faults } from './faults.ts'
import { createGuests, type Guests } from './guests/guests.ts'
import type { Iam } from './iam/iam.ts'
import type { Identities, RoleCredentials } from './identities.ts'
import { createKms, type Kms } from './kms/kms.ts'
import { createLambda, type Lambda } from './lambda/lambda.ts'
import { createMetadata } from './metadata/metadata.ts'
import { withDataKeys } from './s3/access/keys.ts'
import type { Objects } from './s3/s3.ts'
import { createScheduler, type Scheduler } from './scheduler/scheduler.ts'
import { callUniversal } from './scheduler/universal.ts'
import { withQueueKeys } from './sqs/access.ts'
import { createSqs, type Sqs } from './sqs/sqs.ts'
import { createSsm, type Ssm } from './ssm/ssm.ts'
import { createStates, type States, type StatesOptions } from './states/states.ts'
import type { Connections } from './wire/connections.ts'
import type { ProxyTarget } from './wire/proxy.ts'
import type { EmittedEvent, Service } from './wire/service.ts'

/** What all places of a process share. */
export interface Shared {
  readonly clock: Clock
  readonly faults: Faults
  readonly connections: Connections
  readonly identities: Identities
  /** Known once the process listens. */
  readonly endpoint: () => string
  readonly objects: Objects
  readonly neighbours: Neighbours
  /** The KMS of every place, by `<account>/<Region>`. */
  readonly keys: Map<string, Kms>
  readonly iam: Iam
  /** Policies of resources whose service keeps them itself, by `<service>/<account>/<Region>`. */
  readonly policies: Map<string, (arn: string) => string | undefined>
  /** Services that are one for all places: S3, IAM, STS. */
  readonly globalServices: readonly Service[]
  /** What they keep over a restart. */
  readonly durables: readonly Durable[]
  /** Files stay when the account ends. */
  readonly isKept: boolean
  /** Warm Lambdas at a time in each place. */
  readonly sandboxLimit?: number
  readonly onLog?: (functionName: string, line: string) => void
}

export interface PlaceOptions {
  readonly accountId: string
  readonly region: string
  /** Where its files are; made when needed. */
  readonly directory: string
}

export interface Place {
  readonly accountId: string
  readonly region: string
  readonly ec2: Ec2Host
  readonly guests: Guests
  readonly ssm: Ssm
  readonly states: States
  readonly events: Events
  readonly kms: Kms
  readonly lambda: Lambda
  readonly scheduler: Scheduler
  readonly sqs: Sqs
  /** What answers calls here, the services of all places included. */
  readonly services: readonly Service[]
  /** What it keeps over a restart. */
  readonly durables: readonly Durable[]
  /** The place's DynamoDB, whose process starts with the first call. */
  dynamodb(): Promise<ProxyTarget>
  /** No timer of it fires any more. */
  stop(): void
  /** Ends its guests, Lambdas and DynamoDB. */
  close(): Promise<void>
}

const HOUR_SECONDS = 3600
/** Longer than a sandbox lives (`Sandboxes`), so that no invocation sees its credentials expire. */
const FUNCTION_SESSION = { lifeSeconds: 12 * HOUR_SECONDS, renewalSeconds: 6 * HOUR_SECONDS }
/** AWS's documentation of instance metadata: new credentials are there "at least five minutes before the expiration of the old". */
const INSTANCE_SESSION = { lifeSeconds: 6 * HOUR_SECONDS, renewalSeconds: HOUR_SECONDS }
const TARGET_SESSION = { lifeSeconds: HOUR_SECONDS, renewalSeconds: HOUR_SECONDS / 4 }

interface Doors extends Pick<TargetsOptions, 'invokeFunction' | 'startExecution' | 'sendMessage'> {
  /** ARN of the key that a queue is encrypted with. */
  readonly queueKeyOf: (queueArn: string) => string | undefined
}

/** What rules or schedules can invoke, in the name of their service or as a role that was handed to it. */
function targetsOf(
  { clock, connections, iam, endpoint }: Shared,
  { region }: PlaceOptions,
  principal: 'events.amazonaws.com' | 'scheduler.amazonaws.com',
  { queueKeyOf, ...doors }: Doors,
): Targets {
  const assume = iam.assumeFor(principal, region, TARGET_SESSION)
  const permit = iam.permitFor(principal, region)
  const credentialsFor = (roleArn: string, sourceArn: string): RoleCredentials => assume(roleArn, 'target', sourceArn)
  return createTargets({
    ...doors,
    principal,
    permit: (who, requests, sourceArn) => permit(who, withQueueKeys(requests, queueKeyOf), sourceArn),
    callOperation: (call) => callUniversal({ endpoint, region, clock, connections, credentialsFor }, call),
  })
}

/** The machines' insides: what they do to themselves reaches the host. */
function guestsOf({ clock, endpoint, iam }: Shared, options: PlaceOptions, host: () => Ec2Host): Guests {
  return createGuests({
    clock,
    directory: join(options.directory, 'guests'),
    endpoint,
    metadata: createMetadata({
      ...options,
      clock,
      roleOfProfile: iam.roleOfProfile,
      credentialsFor: iam.assumeFor('ec2.amazonaws.com', options.region, INSTANCE_SESSION),
    }),
    onPowerOff: (instanceId) => host().guestPoweredOff(instanceId),
    onHealth: (instanceId, health) => {
      host().impair(instanceId, health === 'instance impaired')
      host().impair(instanceId, health === 'system impaired', 'system')
    },
  })
}

/** What state machines may do, as the roles that were handed to them. */
function statesRights(
  { clock, connections, endpoint, iam }: Shared,
  options: PlaceOptions,
): Pick<StatesOptions, 'mayAssume' | 'permit' | 'actAs'> {
  const { region } = options
  const assume = iam.assumeFor('states.amazonaws.com', region, TARGET_SESSION)
  const permit = iam.permitFor('states.amazonaws.com', region)
  return {
    mayAssume: iam.mayAssumeFor('states.amazonaws.com', region),
    permit: (roleArn, requests, sourceArn) =>
      permit(roleArn, withDataKeys(requests, { keyOf: iam.keyOf, caller: options }), sourceArn),
    actAs: (roleArn, machineArn) => ({
      place: { endpoint: endpoint(), region, clock, connections },
      credentials: assume(roleArn, 'states', machineArn),
    }),
  }
}

/** The services of a place, wired to each other: events reach Lambdas and state machines, user data reaches guests. */
function createServices(shared: Shared, options: PlaceOptions) {
  const { clock, faults, identities, endpoint, iam } = shared
  const { region } = options
  const place = { ...options, clock, faults, identities, endpoint }
  const guests = guestsOf(shared, options, () => ec2.host)
  const assumeForLambda = iam.assumeFor('lambda.amazonaws.com', region, FUNCTION_SESSION)
  const lambda = createLambda({
    ...place,
    connections: shared.connections,
    mayAssume: iam.mayAssumeFor('lambda.amazonaws.com', region),
    credentialsFor: (roleArn) => assumeForLambda(roleArn, 'lambda'),
    ...(shared.onLog ? { onLog: shared.onLog } : {}),
    ...(shared.sandboxLimit ? { sandboxLimit: shared.sandboxLimit } : {}),
  })
  const kms = createKms({ ...place, elsewhere: (accountId, region) => shared.keys.get(`${accountId}/${region}`) })
  shared.keys.set(`${options.accountId}/${options.region}`, kms)
  const sqs = createSqs({ ...place, keyState: (name) => kms.find(name)?.state, keyArn: (name) => kms.find(name)?.arn })
  shared.policies.set(`kms/${options.accountId}/${region}`, (arn) => kms.find(arn)?.policy)
  shared.policies.set(`sqs/${options.accountId}/${region}`, (arn) => sqs.policyOf(arn))
  const doors = {
    invokeFunction: (arn: string, payload: unknown) => lambda.invoke(arn, payload),
    startExecution: (arn: string, input: unknown) => states.start(arn, input),
    sendMessage: (...message: Parameters<Sqs['send']>) => sqs.send(...message),
    queueKeyOf: (arn: string) => sqs.keyOf(arn),
  }
  const events = createEvents({
    ...place,
    ...targetsOf(shared, options, 'events.amazonaws.com', doors),
    mayAssume: iam.mayAssumeFor('events.amazonaws.com', region),
  })
  const emit = (event: EmittedEvent): void => events.emit(event)
  const ec2 = createEc2({
    ...place,
    directory: join(options.directory, 'disks'),
    emit,
    guests,
    neighbours: shared.neighbours,
    keys: kms,
    permit: iam.permitFor('ec2.amazonaws.com', region),
    roleOfProfile: iam.roleOfProfile,
    profileOf: (nameOrArn) => iam.profileOf(options.accountId, nameOrArn),
  })
  const ebs = createEbs({ ...place, snapshots: ec2.direct })
  const ssm = createSsm({ ...place, emit, guests, instanceTags: (instanceId) => ec2.host.tagsOf(instanceId) })
  const states = createStates({
    ...place,
    ...statesRights(shared, options),
    emit,
    objects: shared.objects,
    invokeFunction: doors.invokeFunction,
  })
  const scheduler = createScheduler({
    ...place,
    ...targetsOf(shared, options, 'scheduler.amazonaws.com', doors),
    mayAssume: iam.mayAssumeFor('scheduler.amazonaws.com', region),
  })
  return { guests, kms, lambda, events, ec2, ebs, sqs, ssm, states, scheduler }
}

/** The state of those services that keep one. */
export const durablesOf = (services: object): Durable[] =>
  Object.values(services).flatMap((service: { readonly durable?: Durable }) => service.durable ?? [])

export function createPlace(shared: Shared, options: PlaceOptions): Place {
  const services = createServices(shared, options)
  const { guests, kms, lambda, events, ec2, ebs, sqs, ssm, states, scheduler } = services
  let dynamodb: Promise<Dynamodb> | undefined
  const startedDynamodb = (): Promise<Dynamodb> =>
    (dynamodb ??= startDynamodb({
      clock: shared.clock,
      ...(shared.isKept ? { path: join(options.directory, 'dynamodb.sqlite') } : {}),
    }))
  const expiry = new TimeToLive(shared.clock, async (operation, input) =>
    askTables((await startedDynamodb()).endpoint, operation, input),
  )
  return {
    ...services,
    accountId: options.accountId,
    region: options.region,
    ec2: ec2.host,
    services: [
      ...[ec2, ebs, kms, sqs, ssm, states, lambda, events, scheduler].map(({ service }) => service),
      ...shared.globalServices,
    ],
    durables: durablesOf({ ...services, expiry }),
    async dynamodb() {
      return { url: (await startedDynamodb()).endpoint, operations: expiry.operations }
    },
    stop() {
      scheduler.stop()
      events.stop()
      states.stop()
    },
    async close() {
      await lambda.close()
      await ssm.close()
      await ec2.host.close()
      await guests.close()
      await (await dynamodb)?.close()
    },
  }
}
