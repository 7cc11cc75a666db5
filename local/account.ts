import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { autoClock, wallClockMs, type Clock } from './clock.ts'
import { deploymentClients } from './cloudformation/clients.ts'
import { deployStack } from './cloudformation/deploy.ts'
import { startDynamodb } from './dynamodb/dynamodb.ts'
import { createEc2, type Ec2Host } from './ec2/ec2.ts'
import { createEvents, type Events } from './events/events.ts'
import { Faults } from './faults.ts'
import { createGuests, type Guests } from './guests/guests.ts'
import { createIdentities, type UserCredentials } from './identities.ts'
import { createLambda, type Lambda } from './lambda/lambda.ts'
import { createS3, type Objects } from './s3/s3.ts'
import { createScheduler, type Scheduler } from './scheduler/scheduler.ts'
import { createSsm } from './ssm/ssm.ts'
import { createStates, type States } from './states/states.ts'
import { createSts } from './sts/sts.ts'
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

/** Starts an empty account in this process. `close` leaves nothing behind, nor does a crash (guests and DynamoDB end with us). */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const { region = 'eu-central-1', accountId = '111122223333' } = options
  const clock = options.clock ?? autoClock(wallClockMs())
  const faults = new Faults()
  const identities = createIdentities({ accountId })
  const directory = mkdtempSync(join(tmpdir(), 'tandem-account-'))
  const place = { clock, accountId, region }

  let endpoint = ''
  const guests = createGuests({
    clock,
    directory: join(directory, 'guests'),
    endpoint: () => endpoint,
    onPower: (instanceId, action) => {
      if (action === 'poweroff') ec2.host.guestPoweredOff(instanceId)
    },
  })
  const s3 = createS3({ clock, region, directory: join(directory, 'objects') })
  const lambda = createLambda({
    ...place,
    faults,
    endpoint: () => endpoint,
    credentialsFor: (roleArn) => identities.forRole(roleArn, 'lambda'),
    ...(options.onLog ? { onLog: options.onLog } : {}),
    ...(options.sandboxLimit ? { sandboxLimit: options.sandboxLimit } : {}),
  })
  const deliver = async ({ arn, input }: { arn: string; input: unknown }): Promise<void> => {
    if (arn.includes(':lambda:')) await lambda.invoke(arn, input)
    else if (arn.includes(':states:')) states.start(arn, input)
    else throw new Error(`Nothing in this account can be the target ${arn}.`)
  }
  const events = createEvents({ ...place, faults, deliver })
  const emit = events.emit
  const ec2 = createEc2({ ...place, directory: join(directory, 'disks'), emit, guests })
  const ssm = createSsm({ ...place, emit, guests })
  const states = createStates({
    ...place,
    emit,
    objects: s3.objects,
    invokeFunction: (arn, payload) => lambda.invoke(arn, payload),
  })
  const scheduler = createScheduler({ ...place, deliver })
  const dynamodb = await startDynamodb({ clock })
  const wire = await startWireServer({
    services: [
      ec2.service,
      ssm.service,
      states.service,
      lambda.service,
      events.service,
      scheduler.service,
      s3.service,
      createSts({ accountId }),
    ],
    proxy: { dynamodb: dynamodb.endpoint },
    identify: identities.identify,
    region,
    faults,
    clock,
    ...(options.port ? { port: options.port } : {}),
    ...(options.onCall ? { onCall: options.onCall } : {}),
  })
  endpoint = wire.endpoint
  const credentials = identities.user('administrator')
  const roles = new Map<string, Role>()
  return {
    endpoint,
    port: wire.port,
    region,
    accountId,
    credentials,
    clock,
    faults,
    ec2: ec2.host,
    guests,
    states,
    events,
    lambda,
    scheduler,
    objects: s3.objects,
    roles,
    deploy: (assembly, stackName) =>
      clock.holding(async () => {
        await deployStack({
          directory: assembly,
          stackName,
          accountId,
          region,
          clients: deploymentClients({ endpoint, region, credentials }),
          registerFunction: (configuration) => lambda.register(configuration),
          recordRole: (name, properties) => roles.set(name, { name, properties, policies: [] }),
          recordPolicy: (names, document) => {
            for (const name of names) {
              const role = roles.get(name)
              if (role) roles.set(name, { ...role, policies: [...role.policies, document] })
            }
          },
        })
      }),
    async close() {
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
