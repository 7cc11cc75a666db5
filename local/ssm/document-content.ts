/** Command documents of schema 2.2: what is accepted, and which shell scripts a document becomes with its parameters. */
import { AwsError } from '../wire/service.ts'
import { notImplemented } from './refusals.ts'

/** A step as it runs: parameters filled in. */
export interface ShellStep {
  readonly name: string
  /** Undefined: its precondition names another platform, so that it is skipped. */
  readonly script?: string
  readonly workingDirectory?: string
  readonly timeoutSeconds: number
  readonly onFailure?: 'exit' | 'successAndExit'
  readonly onSuccess?: 'exit'
  readonly isFinal: boolean
}

interface ParameterRule {
  readonly type: 'String' | 'StringList' | 'Boolean' | 'Integer'
  readonly default?: unknown
  readonly allowedValues?: readonly unknown[]
  readonly allowedPattern?: string
  readonly minChars?: number
  readonly maxChars?: number
  readonly minItems?: number
  readonly maxItems?: number
}

interface Step {
  readonly action: string
  readonly name: string
  readonly inputs: Readonly<Record<string, unknown>>
  readonly precondition?: Readonly<Record<string, readonly string[]>>
}

export interface DocumentContent {
  readonly schemaVersion: '2.2'
  readonly description?: string
  readonly parameters: Readonly<Record<string, ParameterRule>>
  readonly mainSteps: readonly Step[]
}

type Given = Readonly<Record<string, readonly string[]>>

const PARAMETER_TYPES = ['String', 'StringList', 'Boolean', 'Integer']
const SHELL = 'aws:runShellScript'
const POWERSHELL = 'aws:runPowerShellScript'
const STEP_NAME = /^[a-zA-Z0-9_:-]{1,128}$/
const INPUTS = ['runCommand', 'timeoutSeconds', 'workingDirectory', 'onFailure', 'onSuccess', 'finallyStep']
const DEFAULT_EXECUTION_SECONDS = 3600
/** 48 hours × 3,600 s. */
const LONGEST_EXECUTION_SECONDS = 172_800
const REFERENCE = /\{\{\s*([A-Za-z0-9_]+)\s*\}\}/g
const WHOLE_REFERENCE = /^\s*\{\{\s*([A-Za-z0-9_]+)\s*\}\}\s*$/

export const invalidParameters = (message: string): AwsError => new AwsError('InvalidParameters', message)
const invalidContent = (message: string): AwsError => new AwsError('InvalidDocumentContent', message)
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws AwsError InvalidDocumentContent; NotImplemented for other schemas, actions and parameter types */
export function parseDocument(text: string): DocumentContent {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw invalidContent('The content of the document is not valid JSON.')
  }
  if (!isRecord(content)) throw invalidContent('The content of the document is not a JSON object.')
  const { schemaVersion, mainSteps, parameters = {} } = content
  if (schemaVersion !== '2.2') {
    if (['0.3', '1.0', '1.2', '2.0'].includes(String(schemaVersion)))
      throw notImplemented(`documents of schema version ${String(schemaVersion)}`)
    throw invalidContent(`The schema version ${String(schemaVersion)} is not supported.`)
  }
  const unknown = Object.keys(content).find(
    (name) => !['schemaVersion', 'description', 'parameters', 'mainSteps', '$schema'].includes(name),
  )
  if (unknown !== undefined) throw invalidContent(`The property ${unknown} is not one of a document.`)
  if (!Array.isArray(mainSteps) || mainSteps.length === 0)
    throw invalidContent('A document needs at least one step in mainSteps.')
  if (!isRecord(parameters)) throw invalidContent('parameters is not an object.')
  const steps = mainSteps.map(checkedStep)
  if (new Set(steps.map(({ name }) => name)).size < steps.length) throw invalidContent('Two steps have the same name.')
  const rules = Object.fromEntries(Object.entries(parameters).map(([name, rule]) => [name, checkedRule(name, rule)]))
  checkReferences(steps, rules)
  return {
    schemaVersion,
    ...(typeof content['description'] === 'string' ? { description: content['description'] } : {}),
    parameters: rules,
    mainSteps: steps,
  }
}

function checkedRule(name: string, rule: unknown): ParameterRule {
  if (!isRecord(rule) || typeof rule['type'] !== 'string') throw invalidContent(`The parameter ${name} has no type.`)
  if (['StringMap', 'MapList'].includes(rule['type'])) throw notImplemented(`parameters of type ${rule['type']}`)
  if (!PARAMETER_TYPES.includes(rule['type'])) throw invalidContent(`The type ${rule['type']} of ${name} is not valid.`)
  if (rule['allowedPattern'] !== undefined)
    try {
      RegExp(inText(rule['allowedPattern']))
    } catch {
      throw invalidContent(`The allowedPattern of ${name} is no regular expression.`)
    }
  return rule as Record<string, unknown> & ParameterRule
}

function checkedStep(step: unknown): Step {
  if (!isRecord(step)) throw invalidContent('A step is not an object.')
  const { action, name, inputs, precondition } = step
  if (typeof action !== 'string') throw invalidContent('A step has no action.')
  if (typeof name !== 'string' || !STEP_NAME.test(name)) throw invalidContent('A step has no valid name.')
  if (action !== SHELL && action !== POWERSHELL) {
    if (action.startsWith('aws:')) throw notImplemented(`the action ${action} in documents`)
    throw invalidContent(`The action ${action} of step ${name} is not valid.`)
  }
  if (!isRecord(inputs) || inputs['runCommand'] === undefined)
    throw invalidContent(`The step ${name} has no runCommand.`)
  const unknown = Object.keys(inputs).find((input) => !INPUTS.includes(input))
  if (unknown !== undefined) throw invalidContent(`The input ${unknown} is not one of ${action}.`)
  if (precondition !== undefined) checkPrecondition(name, precondition)
  return step as Record<string, unknown> & Step
}

function checkPrecondition(name: string, precondition: unknown): void {
  const operands = isRecord(precondition) ? precondition['StringEquals'] : undefined
  const isPlatform = Array.isArray(operands) && operands.length === 2 && operands.includes('platformType')
  if (!isPlatform) throw notImplemented(`the precondition of step ${name}, other than StringEquals of platformType`)
}

function checkReferences(steps: readonly Step[], rules: Readonly<Record<string, ParameterRule>>): void {
  for (const [, name = ''] of JSON.stringify(steps).matchAll(REFERENCE))
    if (!(name in rules)) throw invalidContent(`The parameter ${name} is not defined in the document.`)
}

export const platformsOf = ({ mainSteps }: DocumentContent): ('Linux' | 'Windows' | 'MacOS')[] => {
  const names = mainSteps.map(platformOf)
  if (names.every((name) => name === 'Windows')) return ['Windows']
  return names.every((name) => name === 'Linux') ? ['Linux', 'MacOS'] : ['Linux', 'Windows', 'MacOS']
}

/** The platform that a step is for; undefined: any. */
function platformOf({ action, precondition }: Step): string | undefined {
  return (
    precondition?.['StringEquals']?.find((operand) => operand !== 'platformType') ??
    (action === POWERSHELL ? 'Windows' : undefined)
  )
}

/** @throws AwsError InvalidParameters */
function valuesOf(content: DocumentContent, given: Given, document: string): Map<string, unknown> {
  const unknown = Object.keys(given).find((name) => !(name in content.parameters))
  if (unknown !== undefined) throw invalidParameters(`Parameter ${unknown} is not defined in document ${document}.`)
  return new Map(
    Object.entries(content.parameters).map(([name, rule]) => [name, valueOf(name, rule, given[name], document)]),
  )
}

function valueOf(name: string, rule: ParameterRule, values: readonly string[] | undefined, document: string): unknown {
  if (values === undefined || (rule.type === 'StringList' && values.length === 0)) {
    if (rule.default === undefined) throw invalidParameters(`Parameter ${name} of document ${document} is required.`)
    return rule.default
  }
  const { minItems = 0, maxItems = Infinity, minChars = 0, maxChars = Infinity } = rule
  if (rule.type !== 'StringList' && values.length !== 1)
    throw invalidParameters(`Parameter ${name} is a single string.`)
  if (values.length < minItems || values.length > maxItems)
    throw invalidParameters(`Parameter ${name} has ${values.length} items.`)
  const pattern = rule.allowedPattern === undefined ? undefined : new RegExp(`^(?:${rule.allowedPattern})$`)
  for (const value of values) {
    if (rule.allowedValues && !rule.allowedValues.map(String).includes(value))
      throw invalidParameters(`Parameter ${name} does not take the value ${value}.`)
    if (pattern && !pattern.test(value))
      throw invalidParameters(`Parameter ${name} does not match the pattern ${rule.allowedPattern ?? ''}.`)
    if (value.length < minChars || value.length > maxChars)
      throw invalidParameters(`Parameter ${name} has ${value.length} characters.`)
    if (rule.type === 'Boolean' && value !== 'true' && value !== 'false')
      throw invalidParameters(`Parameter ${name} is true or false.`)
    if (rule.type === 'Integer' && !/^-?\d+$/.test(value))
      throw invalidParameters(`Parameter ${name} is a whole number.`)
  }
  return rule.type === 'StringList' ? values : values[0]
}

const inText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/** A text with its references filled in; a reference alone may stand for a list. */
function resolved(input: unknown, values: ReadonlyMap<string, unknown>): unknown {
  if (typeof input !== 'string') return input
  const whole = WHOLE_REFERENCE.exec(input)?.[1]
  if (whole !== undefined) return values.get(whole)
  return input.replaceAll(REFERENCE, (_, name: string) => inText(values.get(name)))
}

function executionSeconds(input: unknown): number {
  if (input === undefined) return DEFAULT_EXECUTION_SECONDS
  const text = inText(input)
  const seconds = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= LONGEST_EXECUTION_SECONDS))
    throw invalidParameters(`Parameter executionTimeout is a number of seconds up to ${LONGEST_EXECUTION_SECONDS}.`)
  return seconds
}

/** The scripts of a document. @throws AwsError InvalidParameters */
export function stepsOf(content: DocumentContent, given: Given, document: string): ShellStep[] {
  const values = valuesOf(content, given, document)
  return content.mainSteps.map((step) => {
    const { runCommand, timeoutSeconds, workingDirectory, onFailure, onSuccess, finallyStep } = step.inputs
    const lines = [resolved(runCommand, values)].flat().flatMap((line) => resolved(line, values))
    const directory = inText(resolved(workingDirectory, values) ?? '')
    const platform = platformOf(step)
    return {
      name: step.name,
      ...(platform === undefined || platform === 'Linux' ? { script: lines.map(inText).join('\n') } : {}),
      ...(directory === '' ? {} : { workingDirectory: directory }),
      timeoutSeconds: executionSeconds(resolved(timeoutSeconds, values)),
      ...(onFailure === 'exit' || onFailure === 'successAndExit' ? { onFailure } : {}),
      ...(onSuccess === 'exit' ? { onSuccess } : {}),
      isFinal: finallyStep === true || finallyStep === 'true',
    }
  })
}
