/** Universal targets: a schedule calls any operation of a service, through the SDK's client, as the role of its target. */
import { AwsError } from '../wire/service.ts'

/** Services that a schedule can call here, by their names in the target's ARN. */
const SERVICES: Readonly<Record<string, { readonly client: string; readonly load: () => Promise<object> }>> = {
  dynamodb: { client: 'DynamoDBClient', load: () => import('@aws-sdk/client-dynamodb') },
  ec2: { client: 'EC2Client', load: () => import('@aws-sdk/client-ec2') },
  eventbridge: { client: 'EventBridgeClient', load: () => import('@aws-sdk/client-eventbridge') },
  kms: { client: 'KMSClient', load: () => import('@aws-sdk/client-kms') },
  lambda: { client: 'LambdaClient', load: () => import('@aws-sdk/client-lambda') },
  s3: { client: 'S3Client', load: () => import('@aws-sdk/client-s3') },
  scheduler: { client: 'SchedulerClient', load: () => import('@aws-sdk/client-scheduler') },
  sfn: { client: 'SFNClient', load: () => import('@aws-sdk/client-sfn') },
  sqs: { client: 'SQSClient', load: () => import('@aws-sdk/client-sqs') },
  ssm: { client: 'SSMClient', load: () => import('@aws-sdk/client-ssm') },
}

/** Operations that only read are no targets: nobody gets their answer. */
const READS =
  /^(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet|transactGet)/

const PREFIX = 'arn:aws:scheduler:::aws-sdk:'

export const isUniversal = (arn: string): boolean => arn.startsWith(PREFIX)

/** @throws AwsError ValidationException */
export function checkUniversal(arn: string): void {
  const [service = '', action = '', ...rest] = arn.slice(PREFIX.length).split(':')
  if (rest.length > 0 || !/^[a-z][A-Za-z0-9]*$/.test(action) || !Object.hasOwn(SERVICES, service))
    throw new AwsError('ValidationException', `${arn} is not a target that this account knows.`)
  if (READS.test(action))
    throw new AwsError('ValidationException', `${action} only reads: it is not supported as a target.`)
}

export interface UniversalOptions {
  readonly endpoint: () => string
  readonly region: string
  /** Credentials of a session of the role for Scheduler; the role's trust decides. @throws AwsError */
  readonly credentialsFor: (
    roleArn: string,
    sourceArn: string,
  ) => { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string }
}

interface Client {
  send(command: object): Promise<unknown>
  destroy(): void
}

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Targets write members as the API does, in PascalCase; Step Functions' SDK writes them in camelCase. */
function membersOf(service: string, input: unknown): unknown {
  if (service !== 'sfn' || typeof input !== 'object' || input === null) return input
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  )
}

/** Calls `service:action` once; whether it is tried again is for the schedule's policy. @throws AwsError as the service refuses */
export async function callUniversal(
  { endpoint, region, credentialsFor }: UniversalOptions,
  call: { readonly operation: string; readonly input: unknown; readonly roleArn: string; readonly sourceArn: string },
): Promise<void> {
  const [service = '', action = ''] = call.operation.split(':')
  const known = SERVICES[service]
  const sdk = new Map(Object.entries((await known?.load()) ?? {}))
  const Client = sdk.get(known?.client ?? '') as (new (settings: object) => Client) | undefined
  const Command = sdk.get(`${upperFirst(action)}Command`) as (new (input: unknown) => object) | undefined
  if (!Client || !Command) throw new AwsError('ValidationException', `There is no operation ${call.operation}.`)
  const credentials = credentialsFor(call.roleArn, call.sourceArn)
  const client = new Client({ endpoint: endpoint(), region, credentials, maxAttempts: 1 })
  try {
    await client.send(new Command(membersOf(service, call.input)))
  } catch (error) {
    throw asRefusal(error)
  } finally {
    client.destroy()
  }
}

/** A call that got no answer is tried again, like one that the service failed. */
function asRefusal(error: unknown): AwsError {
  const { name, message } = error instanceof Error ? error : { name: 'InternalFailure', message: String(error) }
  const metadata = typeof error === 'object' && error !== null && '$metadata' in error ? error.$metadata : undefined
  const hasStatus = typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
  const status = hasStatus && typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : 500
  return new AwsError(name, message, { status })
}
