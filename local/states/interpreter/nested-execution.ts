import { AwsError } from '../../wire/service.ts'
import { describeChild } from '../descriptions.ts'
import type { Child } from '../engine.ts'
import { isDenial, payloadText, StateFailure } from '../failure.ts'
import { splitQualifier } from '../machine-versions.ts'
import { checkArguments, sdkMetadata } from './integration.ts'
import type { Call, Integration, Parameters } from './integration.ts'

const PARAMETERS: Parameters = { known: ['StateMachineArn', 'Name', 'Input'], needed: 'StateMachineArn' }

/** `arn:aws:states:::states:startExecution`: the task ends as soon as the child has started. */
export const startedExecution: Integration = {
  resourceType: 'states',
  resource: 'startExecution',
  parameters: PARAMETERS,
  run: async (call) => startedOutput(call, childOf(call)),
}

/** `….sync:2`: the task ends with the child; its Input and Output are JSON, not text. */
export const nestedExecution: Integration = {
  resourceType: 'states',
  resource: 'startExecution.sync:2',
  parameters: PARAMETERS,
  run: async (call) => {
    const child = childOf(call)
    const { signal } = call.visit.thread
    call.submitted(startedOutput(call, child))
    // A parent that is stopped stops what it waits for, but not what it has given up waiting for.
    const stopChild = (): void => {
      if (call.isOpen()) child.stop()
    }
    signal.addEventListener('abort', stopChild, { once: true })
    try {
      await child.ended
    } finally {
      signal.removeEventListener('abort', stopChild)
    }
    return resultOf(child)
  },
}

const startedOutput = (call: Call, child: Child) => ({
  ExecutionArn: child.arn,
  ...sdkMetadata(call.visit.thread.engine.random.uuid()),
  StartDate: child.startedAtMs,
})

/** The execution that the task has started already, or a new one. */
function childOf(call: Call): Child {
  const { childArn } = call.step
  if (childArn !== undefined) return call.visit.thread.engine.execution(childArn)
  const child = start(call)
  call.step.childArn = child.arn
  return child
}

function start(call: Call): Child {
  checkArguments(call, PARAMETERS)
  const { StateMachineArn: stateMachineArn, Name: name, Input: input = {} } = call.args
  const { engine, execution } = call.visit.thread
  try {
    engine.permit(execution, 'states:StartExecution', splitQualifier(String(stateMachineArn)).machineArn)
    return engine.startExecution({
      stateMachineArn: String(stateMachineArn),
      ...(typeof name === 'string' ? { name } : {}),
      inputText: payloadText(input, 'states'),
    })
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    if (isDenial(error))
      throw new StateFailure(
        'StepFunctions.AWSStepFunctionsException',
        `${error.message} (Service: AWSStepFunctions; Status Code: 403; Error Code: AccessDeniedException)`,
      )
    const code = error.code.endsWith('Exception') ? error.code : `${error.code}Exception`
    throw new StateFailure(
      `StepFunctions.${code}`,
      `${error.message} (Service: AWSStepFunctions; Status Code: ${error.status}; Error Code: ${error.code})`,
    )
  }
}

function resultOf(child: Child): unknown {
  const description = {
    ...describeChild(child, false),
    StartDate: child.startedAtMs,
    StopDate: child.endedAtMs,
  }
  if (child.status !== 'SUCCEEDED') throw new StateFailure('States.TaskFailed', JSON.stringify(description))
  return {
    ...description,
    Input: JSON.parse(child.inputText) as unknown,
    Output: JSON.parse(child.outputText ?? 'null') as unknown,
  }
}
