import { DISTRIBUTED_FIELDS } from './fields.ts'
import { integrationOf } from './interpreter/resources.ts'
import { isObject, notImplemented } from './problems.ts'
import type { Json, Problems } from './problems.ts'
import { checkTemplate } from './template-validation.ts'

const CATCH_FIELDS = ['Comment', 'ErrorEquals', 'Next', 'Assign', 'Output']
const CHOICE_FIELDS = ['Comment', 'Condition', 'Next', 'Assign', 'Output']
const RETRY_FIELDS = [
  'Comment',
  'ErrorEquals',
  'IntervalSeconds',
  'BackoffRate',
  'MaxDelaySeconds',
  'MaxAttempts',
  'JitterStrategy',
]

/** The lists of rules that a state may have: Choices, Retry and Catch. */
export function checkRules(state: Json, path: string, problems: Problems): void {
  for (const [rule, place] of rulesOf(state['Choices'], `${path}/Choices`)) {
    problems.fields(rule, CHOICE_FIELDS, place)
    if (typeof rule['Next'] !== 'string') problems.schema("The field 'Next' is required", place)
    if (typeof rule['Condition'] !== 'string' && typeof rule['Condition'] !== 'boolean')
      problems.schema("The field 'Condition' is required", place)
    checkTemplate(rule['Condition'], `${place}/Condition`, problems)
    checkEnd(rule, place, problems)
  }
  const catchers = rulesOf(state['Catch'], `${path}/Catch`)
  for (const [rule, place] of catchers) {
    problems.fields(rule, CATCH_FIELDS, place)
    if (typeof rule['Next'] !== 'string') problems.schema("The field 'Next' is required", place)
    checkEnd(rule, place, problems)
  }
  const retriers = rulesOf(state['Retry'], `${path}/Retry`)
  for (const [rule, place] of retriers) {
    problems.fields(rule, RETRY_FIELDS, place)
    checkRetrier(rule, place, problems)
  }
  for (const rules of [retriers, catchers]) checkErrors(rules, problems)
}

function rulesOf(list: unknown, path: string): [Json, string][] {
  if (!Array.isArray(list)) return []
  return list.map((rule, index) => [isObject(rule) ? rule : {}, `${path}[${index}]`])
}

function checkEnd(rule: Json, path: string, problems: Problems): void {
  checkTemplate(rule['Assign'], `${path}/Assign`, problems)
  checkTemplate(rule['Output'], `${path}/Output`, problems)
}

/** States.ALL stands alone and last (AWS facts C.4). */
function checkErrors(rules: readonly [Json, string][], problems: Problems): void {
  for (const [index, [rule, place]] of rules.entries()) {
    const { ErrorEquals: errors } = rule
    if (!Array.isArray(errors) || errors.length === 0) {
      problems.schema("The field 'ErrorEquals' must have at least one error", place)
      continue
    }
    if (errors.includes('States.ALL') && (errors.length > 1 || index < rules.length - 1))
      problems.schema('States.ALL must appear alone, and in the last rule', `${place}/ErrorEquals`)
  }
}

/** Ranges of AWS facts C.5. */
function checkRetrier(rule: Json, path: string, problems: Problems): void {
  const range = (field: string, minimum: number, maximum: number, whole: boolean): void => {
    const value = rule[field]
    if (value === undefined) return
    if (typeof value !== 'number' || value < minimum || value > maximum || (whole && !Number.isInteger(value)))
      problems.schema(`The field '${field}' must be a number from ${minimum} to ${maximum}`, `${path}/${field}`)
  }
  range('IntervalSeconds', 1, 99_999_999, true)
  range('MaxAttempts', 0, 99_999_999, true)
  range('BackoffRate', 1, Number.MAX_VALUE, false)
  range('MaxDelaySeconds', 1, 31_622_400, true)
  const { JitterStrategy: jitter } = rule
  if (jitter !== undefined && jitter !== 'FULL' && jitter !== 'NONE')
    problems.schema("The field 'JitterStrategy' must be FULL or NONE", `${path}/JitterStrategy`)
}

export function checkTask(state: Json, path: string, problems: Problems): void {
  const { Resource: resource, Arguments: args, TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat } = state
  checkTemplate(resource, `${path}/Resource`, problems)
  const integration = typeof resource === 'string' ? integrationOf(resource) : undefined
  if (typeof resource !== 'string' || !resource.startsWith('arn:'))
    problems.schema("The field 'Resource' must be an ARN", `${path}/Resource`)
  else if (!integration) throw notImplemented(`Resource ${resource}`, `${path}/Resource`)
  if (isObject(args) && integration?.parameters) {
    const { known, needed } = integration.parameters
    const foreign = Object.keys(args).find((key) => !known.includes(key))
    if (foreign !== undefined) throw notImplemented(`Argument ${foreign}`, `${path}/Arguments`)
    if (args[needed] === undefined) problems.schema(`The field '${needed}' is required`, `${path}/Arguments`)
  }
  for (const [field, value] of [
    ['TimeoutSeconds', timeout],
    ['HeartbeatSeconds', heartbeat],
  ] as const)
    if (typeof value === 'number' && !(Number.isInteger(value) && value > 0))
      problems.schema(`The field '${field}' must be a positive integer`, `${path}/${field}`)
  if (typeof timeout === 'number' && typeof heartbeat === 'number' && heartbeat >= timeout)
    problems.schema("'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'", `${path}/HeartbeatSeconds`)
}

/** Whether the Map is a distributed one. */
export function checkMap(state: Json, processor: Json, path: string, problems: Problems): boolean {
  const config = isObject(processor['ProcessorConfig']) ? processor['ProcessorConfig'] : {}
  const place = `${path}/ItemProcessor/ProcessorConfig`
  problems.fields(config, ['Mode', 'ExecutionType'], place)
  const { Mode: mode = 'INLINE', ExecutionType: type } = config
  if (mode !== 'INLINE' && mode !== 'DISTRIBUTED') problems.schema("'Mode' must be INLINE or DISTRIBUTED", place)
  if (mode !== 'DISTRIBUTED') {
    for (const field of DISTRIBUTED_FIELDS.filter((candidate) => state[candidate] !== undefined))
      problems.schema(`Field '${field}' needs a Map with 'Mode' DISTRIBUTED`, `${path}/${field}`)
    return false
  }
  if (type === 'EXPRESS') throw notImplemented('ExecutionType EXPRESS', place)
  if (type !== 'STANDARD') problems.schema("'ExecutionType' must be STANDARD or EXPRESS", place)
  checkReader(state['ItemReader'], `${path}/ItemReader`, problems)
  checkWriter(state['ResultWriter'], `${path}/ResultWriter`, problems)
  const { Label: label } = state
  if (label !== undefined && !(typeof label === 'string' && /^[\w-]{1,40}$/.test(label)))
    problems.schema("The field 'Label' has at most 40 letters, digits, - and _", `${path}/Label`)
  return true
}

function checkReader(reader: unknown, path: string, problems: Problems): void {
  if (reader === undefined) return
  if (!isObject(reader)) return problems.schema('ItemReader must be a JSON object', path)
  problems.fields(reader, ['Resource', 'Arguments', 'ReaderConfig'], path)
  const config = isObject(reader['ReaderConfig']) ? reader['ReaderConfig'] : {}
  problems.fields(config, ['InputType', 'MaxItems'], `${path}/ReaderConfig`)
  if (reader['Resource'] !== 'arn:aws:states:::s3:getObject' || config['InputType'] !== 'JSON')
    throw notImplemented('An ItemReader other than s3:getObject of JSON', path)
}

function checkWriter(writer: unknown, path: string, problems: Problems): void {
  if (writer === undefined) return
  if (!isObject(writer)) return problems.schema('ResultWriter must be a JSON object', path)
  problems.fields(writer, ['Resource', 'Arguments'], path)
  if (writer['Resource'] !== 'arn:aws:states:::s3:putObject')
    problems.schema("'Resource' must be arn:aws:states:::s3:putObject", `${path}/Resource`)
}
