import { AwsError } from '../wire/service.ts'
import type { Definition } from './definition.ts'
import { BRANCH_FIELDS, MACHINE_FIELDS, PROCESSOR_FIELDS, STATE_FIELDS, TEMPLATE_FIELDS } from './fields.ts'
import { isObject, Problems } from './problems.ts'
import type { Json } from './problems.ts'
import { checkMap, checkRules, checkTask } from './state-validation.ts'
import { checkTemplate } from './template-validation.ts'

/** A definition may be this long (AWS facts C.1). */
const LIMIT_BYTES = 1024 * 1024

/**
 * Reads a definition. Throws InvalidDefinition with everything that is wrong with it, each with its place, or NotImplemented
 * (501) for what AWS runs and this interpreter does not.
 */
export function parseDefinition(text: string): Definition {
  const problems = new Problems()
  const parsed = parse(text, problems)
  if (isObject(parsed)) checkMachine(parsed, problems)
  problems.throwIfAny()
  return parsed as Definition
}

function parse(text: string, problems: Problems): unknown {
  if (Buffer.byteLength(text) > LIMIT_BYTES) {
    problems.add('INVALID_JSON_DESCRIPTION', 'The definition exceeds 1 MB', '')
    return undefined
  }
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isObject(parsed)) problems.schema('The definition must be a JSON object', '')
    return parsed
  } catch (error) {
    problems.add('INVALID_JSON_DESCRIPTION', error instanceof Error ? error.message : String(error), '')
    return undefined
  }
}

function checkMachine(machine: Json, problems: Problems): void {
  if (machine['QueryLanguage'] !== 'JSONata')
    throw new AwsError('NotImplemented', 'JSONPath is not implemented.', { status: 501 })
  problems.fields(machine, MACHINE_FIELDS, '')
  const { TimeoutSeconds: timeout } = machine
  if (timeout !== undefined && !(Number.isInteger(timeout) && Number(timeout) > 0))
    problems.schema("The field 'TimeoutSeconds' must be a positive integer", '/TimeoutSeconds')
  new Blocks(problems).check(machine, '', [])
}

/** Checks blocks within blocks; a state's name is unique in the whole machine. */
class Blocks {
  readonly #problems: Problems
  readonly #names = new Set<string>()

  constructor(problems: Problems) {
    this.#problems = problems
  }

  check(block: Json, path: string, outerVariables: readonly string[]): void {
    const { StartAt: startAt, States: states } = block
    if (!isObject(states) || Object.keys(states).length === 0) {
      this.#problems.schema("The field 'States' must have at least one state", `${path}/States`)
      return
    }
    if (typeof startAt !== 'string') this.#problems.schema("The field 'StartAt' is required", path)
    else if (!Object.hasOwn(states, startAt))
      this.#problems.add('MISSING_TRANSITION_TARGET', `Missing 'StartAt' target: ${startAt}`, `${path}/StartAt`)
    const variables = [...outerVariables, ...Object.values(states).flatMap(assignedBy)]
    for (const [name, state] of Object.entries(states)) {
      this.#checkName(name, `${path}/States/${name}`)
      if (isObject(state)) this.#checkState(state, `${path}/States/${name}`, { outerVariables, variables })
      else this.#problems.schema('A state must be a JSON object', `${path}/States/${name}`)
    }
    checkTransitions(states, String(startAt), path, this.#problems)
  }

  #checkName(name: string, path: string): void {
    if (name.length > 80) this.#problems.schema('A state name has at most 80 characters', path)
    if (this.#names.has(name)) this.#problems.add('DUPLICATE_STATE_NAME', `Duplicate state name: ${name}`, path)
    this.#names.add(name)
  }

  #checkState(
    state: Json,
    path: string,
    scope: { readonly outerVariables: readonly string[]; readonly variables: readonly string[] },
  ): void {
    const problems = this.#problems
    const type = String(state['Type'])
    const fields = Object.hasOwn(STATE_FIELDS, type) ? STATE_FIELDS[type] : undefined
    if (!fields) {
      problems.schema(`Invalid state type: '${type}'`, `${path}/Type`)
      return
    }
    problems.fields(state, fields, path)
    if (state['QueryLanguage'] !== undefined && state['QueryLanguage'] !== 'JSONata')
      problems.schema("A JSONata state machine has no state with 'QueryLanguage' JSONPath", `${path}/QueryLanguage`)
    if (fields.includes('Next') && (state['Next'] === undefined) === (state['End'] !== true))
      problems.schema("Exactly one of 'Next' and 'End' is required", path)
    for (const field of TEMPLATE_FIELDS.filter((candidate) => fields.includes(candidate)))
      checkTemplate(state[field], `${path}/${field}`, problems)
    for (const name of assignedBy(state)) checkVariable(name, scope.outerVariables, path, problems)
    checkRules(state, path, problems)
    this.#checkByType(type, state, path, scope.variables)
  }

  #checkByType(type: string, state: Json, path: string, variables: readonly string[]): void {
    const problems = this.#problems
    if (type === 'Task') checkTask(state, path, problems)
    if (type === 'Wait' && (state['Seconds'] === undefined) === (state['Timestamp'] === undefined))
      problems.schema("Exactly one of 'Seconds' and 'Timestamp' is required", path)
    if (type === 'Choice' && !(Array.isArray(state['Choices']) && state['Choices'].length > 0))
      problems.schema("The field 'Choices' must have at least one rule", `${path}/Choices`)
    if (type === 'Parallel') this.#checkBranches(state['Branches'], path, variables)
    if (type === 'Map') this.#checkProcessor(state, path, variables)
  }

  #checkBranches(branches: unknown, path: string, variables: readonly string[]): void {
    if (!Array.isArray(branches) || branches.length === 0) {
      this.#problems.schema("The field 'Branches' must have at least one branch", `${path}/Branches`)
      return
    }
    for (const [index, branch] of branches.entries()) {
      const place = `${path}/Branches[${index}]`
      if (!isObject(branch)) continue
      this.#problems.fields(branch, BRANCH_FIELDS, place)
      this.check(branch, place, variables)
    }
  }

  #checkProcessor(state: Json, path: string, variables: readonly string[]): void {
    const { ItemProcessor: processor } = state
    const place = `${path}/ItemProcessor`
    if (!isObject(processor)) {
      this.#problems.schema("The field 'ItemProcessor' is required", path)
      return
    }
    this.#problems.fields(processor, PROCESSOR_FIELDS, place)
    const distributed = checkMap(state, processor, path, this.#problems)
    // The children of a Distributed Map do not see the variables of the machine, so they may have the same ones.
    this.check(processor, place, distributed ? [] : variables)
  }
}

/** Names of the variables that a state assigns, in whatever way it ends. */
function assignedBy(state: unknown): string[] {
  if (!isObject(state)) return []
  const rules = [state['Catch'], state['Choices']].flatMap((list) => (Array.isArray(list) ? list : []))
  const assigns = [state, ...rules.filter(isObject)].map((holder) => holder['Assign'])
  return assigns.filter(isObject).flatMap((assign) => Object.keys(assign))
}

function checkVariable(name: string, outer: readonly string[], path: string, problems: Problems): void {
  if (name === 'states' || name.length > 80 || !/^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(name))
    problems.schema(`Invalid variable name: '${name}'`, `${path}/Assign`)
  if (outer.includes(name))
    problems.schema(`The variable '${name}' is assigned in an outer scope already`, `${path}/Assign`)
}

function checkTransitions(states: Json, startAt: string, path: string, problems: Problems): void {
  const reached = new Set([startAt])
  for (const [name, state] of Object.entries(states))
    for (const [field, target] of transitionsOf(state)) {
      reached.add(target)
      if (!Object.hasOwn(states, target)) {
        const label = field.split('/').at(-1)
        problems.add(
          'MISSING_TRANSITION_TARGET',
          `Missing '${label}' target: ${target}`,
          `${path}/States/${name}/${field}`,
        )
      }
    }
  for (const name of Object.keys(states).filter((candidate) => !reached.has(candidate)))
    problems.add('MISSING_TRANSITION_TARGET', `State "${name}" is not reachable.`, `${path}/States/${name}`)
}

/** Where a state may go: field and name of the target. */
function transitionsOf(state: unknown): [string, string][] {
  if (!isObject(state)) return []
  const found: [string, unknown][] = [
    ['Next', state['Next']],
    ['Default', state['Default']],
  ]
  for (const field of ['Choices', 'Catch']) {
    const rules = state[field]
    if (Array.isArray(rules))
      for (const [index, rule] of rules.entries())
        if (isObject(rule)) found.push([`${field}[${index}]/Next`, rule['Next']])
  }
  return found.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
}
