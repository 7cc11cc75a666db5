/** Which fields may stand where in the JSONata dialect (AWS facts C.2). */

const ANY = ['Type', 'Comment', 'QueryLanguage']
const MOVING = [...ANY, 'Next', 'End', 'Assign', 'Output']
const CATCHING = [...MOVING, 'Retry', 'Catch']

export const MACHINE_FIELDS = ['Comment', 'QueryLanguage', 'StartAt', 'States', 'TimeoutSeconds', 'Version']
export const BRANCH_FIELDS = ['Comment', 'QueryLanguage', 'StartAt', 'States']
export const PROCESSOR_FIELDS = [...BRANCH_FIELDS, 'ProcessorConfig']

export const STATE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  Pass: MOVING,
  Wait: [...MOVING, 'Seconds', 'Timestamp'],
  Succeed: [...ANY, 'Assign', 'Output'],
  Fail: [...ANY, 'Error', 'Cause'],
  Choice: [...ANY, 'Choices', 'Default', 'Assign', 'Output'],
  Task: [...CATCHING, 'Resource', 'Arguments', 'TimeoutSeconds', 'HeartbeatSeconds'],
  Parallel: [...CATCHING, 'Arguments', 'Branches'],
  Map: [
    ...CATCHING,
    'Items',
    'ItemReader',
    'ItemSelector',
    'ItemProcessor',
    'MaxConcurrency',
    'ToleratedFailurePercentage',
    'ToleratedFailureCount',
    'Label',
    'ResultWriter',
  ],
}

export const DISTRIBUTED_FIELDS = [
  'ItemReader',
  'ToleratedFailurePercentage',
  'ToleratedFailureCount',
  'Label',
  'ResultWriter',
]

/** Valid with AWS, and not interpreted here: refused as not implemented, not as wrong. */
export const UNSUPPORTED_FIELDS = ['Credentials', 'ItemBatcher', 'WriterConfig', 'ItemsPointer']

/** Fields of a state that hold templates. Those of Catch and Choices are found there. */
export const TEMPLATE_FIELDS = [
  'Arguments',
  'Output',
  'Assign',
  'Items',
  'ItemSelector',
  'ItemReader',
  'ResultWriter',
  'Seconds',
  'Timestamp',
  'Error',
  'Cause',
  'TimeoutSeconds',
  'HeartbeatSeconds',
  'MaxConcurrency',
  'ToleratedFailurePercentage',
  'ToleratedFailureCount',
]
