/**
 * Calls that services make as a role, through the SDK's own clients and over the wire: as if somebody with that role called. For
 * universal targets of Scheduler, and for the SDK integrations of Step Functions.
 */
import { CallHold } from './call-hold.ts'
import type { Clock } from './clock.ts'
import type { Connections } from './wire/connections.ts'
import { readModel, type OperationModel } from './wire/model.ts'
import { AwsError } from './wire/service.ts'

interface SdkService {
  /** Name of the exported client class. */
  readonly clientName: string
  readonly load: () => Promise<object>
}

/** By the name that Scheduler and Step Functions have for a service in their ARNs. */
const SDK_SERVICES: Readonly<Record<string, SdkService>> = {
  dynamodb: { clientName: 'DynamoDBClient', load: () => import('@aws-sdk/client-dynamodb') },
  ebs: { clientName: 'EBSClient', load: () => import('@aws-sdk/client-ebs') },
  ec2: { clientName: 'EC2Client', load: () => import('@aws-sdk/client-ec2') },
  eventbridge: { clientName: 'EventBridgeClient', load: () => import('@aws-sdk/client-eventbridge') },
  iam: { clientName: 'IAMClient', load: () => import('@aws-sdk/client-iam') },
  kms: { clientName: 'KMSClient', load: () => import('@aws-sdk/client-kms') },
  lambda: { clientName: 'LambdaClient', load: () => import('@aws-sdk/client-lambda') },
  s3: { clientName: 'S3Client', load: () => import('@aws-sdk/client-s3') },
  scheduler: { clientName: 'SchedulerClient', load: () => import('@aws-sdk/client-scheduler') },
  sfn: { clientName: 'SFNClient', load: () => import('@aws-sdk/client-sfn') },
  sqs: { clientName: 'SQSClient', load: () => import('@aws-sdk/client-sqs') },
  ssm: { clientName: 'SSMClient', load: () => import('@aws-sdk/client-ssm') },
  sts: { clientName: 'STSClient', load: () => import('@aws-sdk/client-sts') },
}

export const isSdkService = (service: string): boolean => Object.hasOwn(SDK_SERVICES, service)

/** An operation's model and its service's module, e.g. of `sqs` and `createQueue`; undefined when there is no such operation. */
export async function findSdkOperation(
  service: string,
  action: string,
): Promise<{ readonly sdk: object; readonly operation: OperationModel } | undefined> {
  const known = SDK_SERVICES[service]
  if (!known) return undefined
  const sdk = await known.load()
  const operation = readModel({ sdk, clientName: known.clientName }).operations.get(upperFirst(action))
  return operation && { sdk, operation }
}

interface Client {
  send(command: object): Promise<object>
  destroy(): void
}

/** Where calls are made. */
export interface CallPlace {
  readonly endpoint: string
  readonly region: string
  readonly clock: Clock
  /** Those of the endpoint's server. */
  readonly connections: Connections
}

export interface SdkCall {
  readonly service: string
  /** As ARNs write it, e.g. `createQueue`. */
  readonly action: string
  /** In the members of the SDK. */
  readonly input: unknown
  readonly credentials: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken: string
  }
}

export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/**
 * Calls `service:action` once, holding the clock but for as long as the call waits for virtual time; whether it is tried again is for the caller's policy. `read` makes of the answer what is kept: its
 * streams end with the client. @throws AwsError as the service refuses, `SdkClientException` when there was no answer
 */
export async function callSdk<Result>(
  { endpoint, region, clock, connections }: CallPlace,
  call: SdkCall,
  read: (answer: object) => Result | Promise<Result>,
): Promise<Result> {
  const hold = new CallHold(clock, connections)
  try {
    return await send({ endpoint, region, requestHandler: { httpAgent: hold.agent } }, call, read)
  } finally {
    hold.end()
  }
}

async function send<Result>(
  settings: object,
  { service, action, input, credentials }: SdkCall,
  read: (answer: object) => Result | Promise<Result>,
): Promise<Result> {
  const known = SDK_SERVICES[service]
  const sdk = new Map(Object.entries((await known?.load()) ?? {}))
  const Client = sdk.get(known?.clientName ?? '') as (new (settings: object) => Client) | undefined
  const Command = sdk.get(`${upperFirst(action)}Command`) as (new (input: unknown) => object) | undefined
  if (!Client || !Command) throw new AwsError('ValidationException', `There is no operation ${service}:${action}.`)
  const client = new Client({ ...settings, credentials, maxAttempts: 1 })
  try {
    return await read(await client.send(new Command(input)))
  } catch (error) {
    throw asRefusal(error)
  } finally {
    client.destroy()
  }
}

/** A call that got no answer has the status of one that the service failed. */
function asRefusal(error: unknown): AwsError {
  const { name, message } = error instanceof Error ? error : { name: 'InternalFailure', message: String(error) }
  const metadata = typeof error === 'object' && error !== null && '$metadata' in error ? error.$metadata : undefined
  const status: unknown = typeof metadata === 'object' && metadata !== null && Reflect.get(metadata, 'httpStatusCode')
  if (typeof status !== 'number') return new AwsError('SdkClientException', `${name}: ${message}`, { status: 500 })
  return new AwsError(name, message, { status })
}
