import { AwsError } from '../../wire/service.ts'
import { describeChild } from '../descriptions.ts'
import type { Child } from '../engine.ts'
import { payloadText, StateFailure } from '../failure.ts'
import { checkArguments, sdkMetadata } from './integration.ts'
import type { Call, Integration } from './integration.ts'

/** `arn:aws:states:::states:startExecution.sync:2`: the task ends with the child; its Input and Output are JSON, not text. */
export const nestedExecution: Integration = {
  resourceType: 'states',
  resource: 'startExecution.sync:2',
  run: async (call) => {
    const child = start(call)
    const { engine, signal } = call.visit.thread
    call.submitted({
      ExecutionArn: child.arn,
      ...sdkMetadata(engine.random.uuid()),
      StartDate: child.startedAtMs,
    })
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

function start(call: Call): Child {
  checkArguments(call, ['StateMachineArn', 'Name', 'Input'], 'StateMachineArn')
  const { StateMachineArn: stateMachineArn, Name: name, Input: input = {} } = call.args
  try {
    return call.visit.thread.engine.startExecution({
      stateMachineArn: String(stateMachineArn),
      ...(typeof name === 'string' ? { name } : {}),
      inputText: payloadText(input, 'states'),
    })
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
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
