import { AwsError } from '../../wire/service.ts'
import type { InvocationAnswer } from '../engine.ts'
import { isDenial, StateFailure } from '../failure.ts'
import type { Thread } from '../thread.ts'
import { awaitingToken, checkArguments, sdkMetadata } from './integration.ts'
import type { Call, Integration, Parameters } from './integration.ts'

const PARAMETERS: Parameters = { known: ['FunctionName', 'Payload', 'InvocationType'], needed: 'FunctionName' }

/** `arn:aws:states:::lambda:invoke`: the task ends with the function's answer. */
export const lambdaInvoke: Integration = {
  resourceType: 'lambda',
  resource: 'invoke',
  parameters: PARAMETERS,
  run: invoke,
}

export const lambdaInvokeWithToken: Integration = {
  resourceType: 'lambda',
  resource: 'invoke.waitForTaskToken',
  parameters: PARAMETERS,
  run: awaitingToken(invoke),
}

async function invoke(call: Call): Promise<unknown> {
  checkArguments(call, PARAMETERS)
  const { FunctionName: functionName, Payload: payload, InvocationType: type = 'RequestResponse' } = call.args
  const { engine } = call.visit.thread
  if (type !== 'RequestResponse')
    throw new StateFailure('States.Runtime', call.visit.described(`InvocationType '${String(type)}' is not supported.`))
  const name = String(functionName)
  const arn = name.startsWith('arn:') ? name : `arn:aws:lambda:${engine.region}:${engine.accountId}:function:${name}`
  const answer = await invokeAs(call.visit.thread, arn, payload)
  if (!answer.ok) throw failureOfFunction(answer)
  return {
    ExecutedVersion: '$LATEST',
    Payload: answer.payload ?? null,
    ...sdkMetadata(engine.random.uuid()),
    StatusCode: 200,
  }
}

/** Holds the clock only as far as the function's runtime does. An answer that comes after the task's time limit is dropped. */
async function invokeAs({ engine, execution }: Thread, arn: string, payload: unknown): Promise<InvocationAnswer> {
  try {
    engine.permit(execution, 'lambda:InvokeFunction', arn)
    return await engine.invokeFunction(arn, payload, execution.roleArn)
  } catch (error) {
    throw failureOfCall(error)
  }
}

/** A code that Lambda's model does not have, as that of a denial, is the exception of the whole service. */
function failureOfCall(error: unknown): unknown {
  if (!(error instanceof AwsError)) return error
  if (isDenial(error))
    return new StateFailure(
      'Lambda.AWSLambdaException',
      `${error.message} (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException)`,
    )
  const name = error.code.startsWith('Lambda.') ? error.code : `Lambda.${error.code}`
  return new StateFailure(
    name.endsWith('Exception') || name === 'Lambda.Unknown' ? name : `${name}Exception`,
    `${error.message} (Service: Lambda, Status Code: ${error.status})`,
  )
}

/** The name that the function threw is the error; what it said is JSON in the cause (AWS facts C.5). */
function failureOfFunction({ errorType, errorMessage, trace, payload }: InvocationAnswer): StateFailure {
  const cause = errorType === undefined ? payload : { errorType, errorMessage, trace }
  return new StateFailure(errorType ?? 'Lambda.Unknown', JSON.stringify(cause ?? null))
}
