import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { autoClock, wallClockMs, type Clock } from './clock.ts'
import { deploymentClients } from './cloudformation/clients.ts'
import { deployStack, type DeployOptions } from './cloudformation/deploy.ts'
import { startDynamodb, type Dynamodb } from './dynamodb/dynamodb.ts'
import { createEc2, type Ec2Host } from './ec2/ec2.ts'
import { createEvents, type Events } from './events/events.ts'
import type { Deliver } from './events/target.ts'
import { Faults } from './faults.ts'
import { createGuests, type Guests } from './guests/guests.ts'
import { ADMINISTRATOR, createIdentities, type Identities, type UserCredentials } from './identities.ts'
import { createLambda, type Lambda } from './lambda/lambda.ts'
import { createS3, type Objects } from './s3/s3.ts'
import { createScheduler, type Scheduler } from './scheduler/scheduler.ts'
import { createSsm } from './ssm/ssm.ts'
import { createStates, type States } from './states/states.ts'
import { createSts } from './sts/sts.ts'
import { startWireServer, type ObservedCall, type WireServer } from './wire/server.ts'
import type { EmittedEvent } from './wire/service.ts'

export interface AccountOptions {
  /** `auto` at the present moment unless told. */
  readonly clock?: Clock
  /** 0 or absent: any free port. */
  readonly port?: number
  readonly region?: string
  readonly accountId?: string
  /** Warm Lambdas at a time, of all functions together: more are faster and need about 30 MB each. */
  readonly sandboxLimit?: number
  readonly onCall?: (call: ObservedCall) => void
  readonly onLog?: (functionName: string, line: string) => void
}

/** A role of a deployed stack with its policies, as the template has them. Recorded; not yet enforced. */
export interface Role {
  readonly name: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly policies: readonly unknown[]
}

/** An AWS account on loopback. Its public side is the endpoint; the rest is for whoever owns the account's machines. */
export interface Account {
  readonly endpoint: string
  readonly port: number
  readonly region: string
  readonly accountId: string
  readonly credentials: UserCredentials
  readonly clock: Clock
  readonly faults: Faults
  readonly ec2: Ec2Host
  readonly guests: Guests
  readonly states: States
  readonly events: Events
  readonly lambda: Lambda
  readonly scheduler: Scheduler
  readonly objects: Objects
  readonly roles: ReadonlyMap<string, Role>
  /** Deploys a stack of a cloud assembly (`cdk.out`). */
  deploy(directory: string, stackName: string): Promise<void>
  /** Ends everything: guests, Lambdas, DynamoDB, files. */
  close(): Promise<void>
}

/** What the services of one account share. */
interface Place {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly faults: Faults
  readonly identities: Identities
  readonly directory: string
  /** Known once the account listens. */
  readonly endpoint: () => string
}

/** The services, wired to each other: events reach Lambdas and state machines, user data reaches guests. */
function createServices(place: Place, options: AccountOptions) {
  const { clock, directory, identities, endpoint } = place
  const guests = createGuests({
    clock,
    directory: join(directory, 'guests'),
    endpoint,
    onPower: (instanceId, action) => {
      if (action === 'poweroff') ec2.host.guestPoweredOff(instanceId)
    },
  })
  const s3 = createS3({ ...place, directory: join(directory, 'objects') })
  const lambda = createLambda({
    ...place,
    credentialsFor: (roleArn) => identities.forRole(roleArn, 'lambda'),
    ...(options.onLog ? { onLog: options.onLog } : {}),
    ...(options.sandboxLimit ? { sandboxLimit: options.sandboxLimit } : {}),
  })
  const deliver: Deliver = async ({ arn, input }) => {
    if (arn.includes(':lambda:')) await lambda.invoke(arn, input)
    else if (arn.includes(':states:')) states.start(arn, input)
    else throw new Error(`Nothing in this account can be the target ${arn}.`)
  }
  const events = createEvents({ ...place, deliver })
  const emit = (event: EmittedEvent): void => events.emit(event)
  const ec2 = createEc2({ ...place, directory: join(directory, 'disks'), emit, guests })
  const ssm = createSsm({ ...place, emit, guests })
  const states = createStates({
    ...place,
    emit,
    objects: s3.objects,
    invokeFunction: (arn, payload) => lambda.invoke(arn, payload),
  })
  const scheduler = createScheduler({ ...place, deliver })
  return { guests, s3, lambda, events, ec2, ssm, states, scheduler, sts: createSts(place) }
}

type Services = ReturnType<typeof createServices>

const listen = (services: Services, dynamodb: Dynamodb, place: Place, options: AccountOptions): Promise<WireServer> =>
  startWireServer({
    services: [
      services.ec2.service,
      services.ssm.service,
      services.states.service,
      services.lambda.service,
      services.events.service,
      services.scheduler.service,
      services.s3.service,
      services.sts,
    ],
    proxy: { dynamodb: dynamodb.endpoint },
    identify: place.identities.identify,
    region: place.region,
    faults: place.faults,
    clock: place.clock,
    ...(options.port ? { port: options.port } : {}),
    ...(options.onCall ? { onCall: options.onCall } : {}),
  })

/** Starts an empty account in this process. `close` leaves nothing behind, nor does a crash (guests and DynamoDB end with us). */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const { region = 'eu-central-1', accountId = '111122223333', clock = autoClock(wallClockMs()) } = options
  const faults = new Faults()
  const identities = createIdentities({ accountId })
  const directory = mkdtempSync(join(tmpdir(), 'tandem-account-'))
  let endpoint = ''
  const place: Place = { clock, accountId, region, faults, identities, directory, endpoint: () => endpoint }
  const services = createServices(place, options)
  const dynamodb = await startDynamodb({ clock })
  const wire = await listen(services, dynamodb, place, options)
  endpoint = wire.endpoint
  const credentials = identities.user(ADMINISTRATOR)
  const roles = new Map<string, Role>()
  return {
    ...services,
    ec2: services.ec2.host,
    objects: services.s3.objects,
    endpoint,
    port: wire.port,
    region,
    accountId,
    credentials,
    clock,
    faults,
    roles,
    deploy: (assembly, stackName) =>
      clock.holding(async () => {
        await deployStack({
          directory: assembly,
          stackName,
          accountId,
          region,
          clients: deploymentClients({ endpoint, region, credentials }),
          registerFunction: (configuration) => services.lambda.register(configuration),
          ...recordingIn(roles),
        })
      }),
    async close() {
      const { scheduler, states, lambda, ssm, ec2, guests } = services
      scheduler.stop()
      states.stop()
      clock.stop()
      await lambda.close()
      await ssm.close()
      await ec2.host.close()
      await guests.close()
      await wire.close()
      await dynamodb.close()
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
