/** Tasks that call operations of other services are checked against the SDK's models, which are loaded when a definition names them. */
import { findSdkOperation, isSdkService } from '../sdk-calls.ts'
import { StateFailure } from './failure.ts'
import { toSdk } from './interpreter/sdk-shapes.ts'
import { isObject, Problems } from './problems.ts'

interface SdkTask {
  readonly service: string
  readonly action: string
  readonly args: unknown
  readonly path: string
}

/** All that look so, wherever they stand in the definition. */
function sdkTasksIn(value: unknown, path = ''): SdkTask[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => sdkTasksIn(one, `${path}[${index}]`))
  if (!isObject(value)) return []
  const [, service, action] = /^arn:aws:states:::aws-sdk:(\w+):(\w+)/.exec(String(value['Resource'])) ?? []
  const inner = Object.entries(value).flatMap(([name, one]) => sdkTasksIn(one, `${path}/${name}`))
  return service && action ? [{ service, action, args: value['Arguments'], path }, ...inner] : inner
}

/** Throws InvalidDefinition for an operation that its service does not have, and for arguments that the operation has not. */
export async function checkSdkTasks(definition: object): Promise<void> {
  const problems = new Problems()
  for (const { service, action, args, path } of sdkTasksIn(definition)) {
    if (!isSdkService(service)) continue
    const found = await findSdkOperation(service, action)
    const unknown = (field: string): StateFailure => {
      problems.schema(`The field "${field}" is not supported by Step Functions`, `${path}/Arguments`)
      return new StateFailure('States.Runtime')
    }
    if (!found) problems.schema(`The resource of ${service}:${action} is not recognised`, `${path}/Resource`)
    else if (isObject(args))
      try {
        toSdk(found.operation.input, args, unknown)
      } catch (error) {
        if (!(error instanceof StateFailure)) throw error
      }
  }
  problems.throwIfAny()
}
