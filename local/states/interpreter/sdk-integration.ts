/** Tasks that call an operation of a service: `aws-sdk:*`, and the optimised integrations that are nothing more than that. */
import { callSdk, findSdkOperation, isSdkService, upperFirst } from '../../sdk-calls.ts'
import { AwsError } from '../../wire/service.ts'
import { StateFailure } from '../failure.ts'
import { awaitingToken, sdkMetadata } from './integration.ts'
import type { Call, Integration } from './integration.ts'
import { fromSdk, toSdk } from './sdk-shapes.ts'

type Arguments = Call['args']

/** How errors of a service are named. */
interface Naming {
  /** Before the error's own name. */
  readonly prefix: string
  /** For what the service's model does not name: the exception of the whole service. */
  readonly whole: string
}

/** The name of each service in errors of `aws-sdk` integrations (AWS facts C.4). */
const PREFIXES: Readonly<Record<string, string>> = {
  dynamodb: 'DynamoDb',
  eventbridge: 'EventBridge',
}

const namingOf = (service: string): Naming => {
  const prefix = PREFIXES[service] ?? upperFirst(service)
  return { prefix, whole: `${prefix}.${prefix}Exception` }
}

/** Names always end with "Exception"; those of EC2, whose model names no errors, are all one (AWS facts C.4). */
function failureOf({ code, message, status }: AwsError, sdk: object, { prefix, whole }: Naming): StateFailure {
  const isNamed = typeof Reflect.get(sdk, code) === 'function' || code === 'SdkClientException'
  const error = isNamed ? `${prefix}.${code.replace(/(Exception)?$/, 'Exception')}` : whole
  return new StateFailure(error, `${message} (Service: ${prefix}, Status Code: ${status})`)
}

async function callService(
  call: Call,
  service: string,
  action: string,
  args: Arguments,
  naming: Naming,
): Promise<object> {
  const { engine, execution } = call.visit.thread
  const found = await findSdkOperation(service, action)
  if (!found) throw new StateFailure('States.Runtime', `There is no operation ${service}:${action}.`)
  const { sdk, operation } = found
  const input = toSdk(operation.input, args)
  try {
    const { place, credentials } = engine.actAs(execution)
    const answer = await callSdk(place, { service, action, input, credentials }, (output) =>
      fromSdk(operation.output, output),
    )
    return Object(answer) as object
  } catch (error) {
    throw error instanceof AwsError ? failureOf(error, sdk, naming) : error
  }
}

const SDK_RESOURCE = /^arn:aws:states:::aws-sdk:([a-z0-9]+):([a-z][A-Za-z0-9]*)(\.waitForTaskToken)?$/

/** `arn:aws:states:::aws-sdk:ec2:createSnapshots`; undefined for a service that is not here. */
export function sdkIntegration(resource: string): Integration | undefined {
  const [, service = '', action = '', callback = ''] = SDK_RESOURCE.exec(resource) ?? []
  if (!isSdkService(service)) return undefined
  const run = (call: Call): Promise<object> => callService(call, service, action, call.args, namingOf(service))
  return {
    resourceType: `aws-sdk:${service}`,
    resource: action + callback,
    run: callback === '' ? run : awaitingToken(run),
  }
}

/** An optimised integration tells of the HTTP answer too. */
const optimised =
  (
    service: string,
    action: string,
    naming: Naming,
    prepare: (args: Arguments, call: Call) => Arguments = (args) => args,
  ) =>
  async (call: Call): Promise<object> => ({
    ...(await callService(call, service, action, prepare(call.args, call), naming)),
    ...sdkMetadata(call.visit.thread.engine.random.uuid()),
  })

/** JSON where the service wants text. */
const asText = (value: unknown): unknown =>
  value === undefined || typeof value === 'string' ? value : JSON.stringify(value)

const sendMessage = optimised('sqs', 'sendMessage', { prefix: 'SQS', whole: 'SQS.AmazonSQSException' }, (args) => ({
  ...args,
  MessageBody: asText(args['MessageBody']),
}))

/** The execution and its machine are put into each entry's resources; an entry that the bus does not take fails the task. */
async function putEvents(call: Call): Promise<object> {
  const { arn, machineArn } = call.visit.thread.execution
  const naming = { prefix: 'EventBridge', whole: 'EventBridge.AmazonEventBridgeException' }
  const entries: unknown = call.args['Entries']
  const answer = await optimised('eventbridge', 'putEvents', naming, (args) => ({
    ...args,
    Entries: (Array.isArray(entries) ? entries : []).map((entry: Arguments) => ({
      ...entry,
      Detail: asText(entry['Detail']),
      Resources: [...[entry['Resources'] ?? []].flat(), arn, machineArn],
    })),
  }))(call)
  if (Number(Reflect.get(answer, 'FailedEntryCount') ?? 0) > 0)
    throw new StateFailure('EventBridge.FailedEntry', JSON.stringify(answer))
  return answer
}

const DYNAMODB_NAMING: Naming = { prefix: 'DynamoDB', whole: 'DynamoDB.AmazonDynamoDBException' }

/** By ARN: those of services that this account has. */
export const OPTIMISED: Readonly<Record<string, Integration>> = Object.fromEntries(
  [
    ...['getItem', 'putItem', 'updateItem', 'deleteItem'].map((action) => ({
      resourceType: 'dynamodb',
      resource: action,
      run: optimised('dynamodb', action, DYNAMODB_NAMING),
    })),
    { resourceType: 'sqs', resource: 'sendMessage', run: sendMessage },
    { resourceType: 'sqs', resource: 'sendMessage.waitForTaskToken', run: awaitingToken(sendMessage) },
    { resourceType: 'events', resource: 'putEvents', run: putEvents },
    { resourceType: 'events', resource: 'putEvents.waitForTaskToken', run: awaitingToken(putEvents) },
  ].map((one) => [`arn:aws:states:::${one.resourceType}:${one.resource}`, one]),
)
