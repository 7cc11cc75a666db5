/** Universal targets: a schedule calls any operation of a service, through the SDK's client, as the role of its target. */
import { callSdk, isSdkService } from '../sdk-calls.ts'
import type { CallPlace } from '../sdk-calls.ts'
import { AwsError } from '../wire/service.ts'

/** Operations that only read are no targets: nobody gets their answer. */
const READS =
  /^(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet|transactGet)/

const PREFIX = 'arn:aws:scheduler:::aws-sdk:'

export const isUniversal = (arn: string): boolean => arn.startsWith(PREFIX)

/** @throws AwsError ValidationException */
export function checkUniversal(arn: string): void {
  const [service = '', action = '', ...rest] = arn.slice(PREFIX.length).split(':')
  if (rest.length > 0 || !/^[a-z][A-Za-z0-9]*$/.test(action) || !isSdkService(service))
    throw new AwsError('ValidationException', `${arn} is not a target that this account knows.`)
  if (READS.test(action))
    throw new AwsError('ValidationException', `${action} only reads: it is not supported as a target.`)
}

export interface UniversalOptions extends Omit<CallPlace, 'endpoint'> {
  readonly endpoint: () => string
  /** Credentials of a session of the role for Scheduler; the role's trust decides. @throws AwsError */
  readonly credentialsFor: (
    roleArn: string,
    sourceArn: string,
  ) => { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string }
}

/** Targets write members as the API does, in PascalCase; Step Functions' SDK writes them in camelCase. */
function membersOf(service: string, input: unknown): unknown {
  if (service !== 'sfn' || typeof input !== 'object' || input === null) return input
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  )
}

/** Calls `service:action` once; whether it is tried again is for the schedule's policy. @throws AwsError as the service refuses */
export async function callUniversal(
  { endpoint, credentialsFor, ...place }: UniversalOptions,
  call: { readonly operation: string; readonly input: unknown; readonly roleArn: string; readonly sourceArn: string },
): Promise<void> {
  const [service = '', action = ''] = call.operation.split(':')
  const credentials = credentialsFor(call.roleArn, call.sourceArn)
  const input = membersOf(service, call.input)
  await callSdk({ ...place, endpoint: endpoint() }, { service, action, input, credentials }, () => undefined)
}
