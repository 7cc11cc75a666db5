/** Parameter Store, as far as launches need it: plain parameters, and the public ones under /aws/service that AWS keeps. */
import type {
  DeleteParameterRequest,
  DeleteParametersRequest,
  DeleteParametersResult,
  GetParameterRequest,
  GetParameterResult,
  GetParametersByPathRequest,
  GetParametersByPathResult,
  GetParametersRequest,
  GetParametersResult,
  Parameter as ParameterOutput,
  PutParameterRequest,
  PutParameterResult,
} from '@aws-sdk/client-ssm'
import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import type { EmittedEvent, Operations } from '../wire/service.ts'
import type { Parameter, SsmState } from './model.ts'
import { pageOf } from './paging.ts'
import { invalidValue, notImplemented, refuseUnknownMembers } from './refusals.ts'

export interface ParametersOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly emit: (event: EmittedEvent) => void
}

const NAME = /^[a-zA-Z0-9_.\-/]+$/
const PUBLIC = '/aws/service/'
const RESERVED = /^\/?(aws|ssm)/i
const LONGEST_VALUE = 4096
const LONGEST_NAME = 1011
const MOST_NAMES = 10

const notFound = (name: string): AwsError => new AwsError('ParameterNotFound', `Parameter ${name} not found.`)

export class Parameters {
  readonly #options: ParametersOptions
  readonly #state: SsmState

  constructor(options: ParametersOptions, state: SsmState) {
    this.#options = options
    this.#state = state
  }

  /** A parameter of AWS, e.g. the id of an image under `/aws/service/ami-amazon-linux-latest/`. */
  publish(name: string, value: string): void {
    if (!name.startsWith(PUBLIC)) throw new Error(`${name} is no public parameter: those begin with ${PUBLIC}`)
    this.#set({ name, type: 'String', value })
  }

  /** The value of `name` or `name:version`; undefined when there is none. */
  valueOf(name: string): string | undefined {
    return this.#find(name)?.value
  }

  operations(): Operations {
    return {
      PutParameter: (input: PutParameterRequest) => this.#put(input),
      GetParameter: (input: GetParameterRequest) => this.#get(input),
      GetParameters: (input: GetParametersRequest) => this.#getAll(input),
      GetParametersByPath: (input: GetParametersByPathRequest) => this.#getByPath(input),
      DeleteParameter: (input: DeleteParameterRequest) => this.#delete(input),
      DeleteParameters: (input: DeleteParametersRequest) => this.#deleteAll(input),
    }
  }

  #set(parameter: Pick<Parameter, 'name' | 'type' | 'value' | 'description' | 'allowedPattern'>): Parameter {
    const version = (this.#state.parameters.get(parameter.name)?.version ?? 0) + 1
    const made: Parameter = { ...parameter, version, modifiedMs: this.#options.clock.now(), dataType: 'text' }
    this.#state.parameters.set(parameter.name, made)
    return made
  }

  #find(selector: string): Parameter | undefined {
    const [name = '', version] = selector.replace(/^arn:aws:ssm:[^:]*:\d*:parameter/, '').split(':')
    const parameter = this.#state.parameters.get(name)
    if (!parameter || version === undefined || version === String(parameter.version)) return parameter
    if (!/^\d+$/.test(version)) throw notImplemented('labels of parameters')
    throw new AwsError(
      'ParameterVersionNotFound',
      `Version ${version} of ${name} is not found; earlier versions are not kept here.`,
    )
  }

  #put(input: PutParameterRequest): PutParameterResult {
    refuseUnknownMembers('PutParameter', input, [
      'Name',
      'Value',
      'Type',
      'Description',
      'Overwrite',
      'AllowedPattern',
      'Tier',
      'DataType',
    ])
    const { Name: name = '', Value: value = '', Overwrite: overwrite = false, AllowedPattern: allowedPattern } = input
    if (!NAME.test(name) || name.length > LONGEST_NAME || name.includes('//'))
      throw new AwsError('ValidationException', `Parameter name: ${name} is not valid.`)
    if (RESERVED.test(name))
      throw new AwsError(
        'ValidationException',
        'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).',
      )
    if ((input.Tier ?? 'Standard') !== 'Standard') throw notImplemented(`parameters of tier ${input.Tier ?? ''}`)
    if ((input.DataType ?? 'text') !== 'text') throw notImplemented(`parameters of data type ${input.DataType ?? ''}`)
    const before = this.#state.parameters.get(name)
    if (before && !overwrite)
      throw new AwsError(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      )
    const type = input.Type ?? before?.type
    if (type === undefined)
      throw invalidValue('type', type, 'A parameter type is required when you create a parameter.')
    if (type === 'SecureString') throw notImplemented('parameters of type SecureString')
    if (value === '') throw invalidValue('value', value, 'Member must have length greater than or equal to 1')
    if (value.length > LONGEST_VALUE)
      throw new AwsError(
        'ValidationException',
        `Standard tier parameters support a maximum parameter value of ${LONGEST_VALUE} characters.`,
      )
    if (allowedPattern !== undefined && !new RegExp(allowedPattern).test(value))
      throw new AwsError('ParameterPatternMismatchException', 'The parameter value does not match the allowed pattern.')
    const parameter = this.#set({
      name,
      type,
      value,
      ...(input.Description === undefined ? {} : { description: input.Description }),
      ...(allowedPattern === undefined ? {} : { allowedPattern }),
    })
    this.#tell(parameter, before ? 'Update' : 'Create')
    return { Version: parameter.version, Tier: 'Standard' }
  }

  #get(input: GetParameterRequest): GetParameterResult {
    const parameter = this.#find(input.Name ?? '')
    if (!parameter) throw notFound(input.Name ?? '')
    return { Parameter: this.#output(parameter) }
  }

  #getAll({ Names: names = [] }: GetParametersRequest): GetParametersResult {
    checkCount(names)
    const found = names.map((name) => ({ name, parameter: this.#find(name) }))
    return {
      Parameters: found.flatMap(({ parameter }) => (parameter ? [this.#output(parameter)] : [])),
      InvalidParameters: found.filter(({ parameter }) => !parameter).map(({ name }) => name),
    }
  }

  #getByPath(input: GetParametersByPathRequest): GetParametersByPathResult {
    refuseUnknownMembers('GetParametersByPath', input, [
      'Path',
      'Recursive',
      'WithDecryption',
      'MaxResults',
      'NextToken',
    ])
    const path = `${(input.Path ?? '').replace(/\/$/, '')}/`
    const found = [...this.#state.parameters.values()].filter(
      ({ name }) => name.startsWith(path) && (input.Recursive || !name.slice(path.length).includes('/')),
    )
    const page = pageOf(found, { ...input, MaxResults: Math.min(input.MaxResults ?? MOST_NAMES, MOST_NAMES) }, 1)
    return { Parameters: page.items.map((one) => this.#output(one)), NextToken: page.nextToken }
  }

  #delete({ Name: name = '' }: DeleteParameterRequest): Record<string, never> {
    if (!this.#remove(name)) throw notFound(name)
    return {}
  }

  #deleteAll({ Names: names = [] }: DeleteParametersRequest): DeleteParametersResult {
    checkCount(names)
    const deleted = new Set(names.filter((name) => this.#remove(name)))
    return { DeletedParameters: [...deleted], InvalidParameters: names.filter((name) => !deleted.has(name)) }
  }

  #remove(name: string): boolean {
    const parameter = this.#state.parameters.get(name)
    if (!parameter || name.startsWith(PUBLIC)) return false
    this.#state.parameters.delete(name)
    this.#tell(parameter, 'Delete')
    return true
  }

  #arnOf({ name }: Parameter): string {
    const { region, accountId } = this.#options
    const owner = name.startsWith(PUBLIC) ? '' : accountId
    return `arn:aws:ssm:${region}:${owner}:parameter${name.startsWith('/') ? '' : '/'}${name}`
  }

  #output(parameter: Parameter): ParameterOutput {
    const { name, type, value, version, modifiedMs, dataType } = parameter
    return {
      Name: name,
      Type: type,
      Value: value,
      Version: version,
      LastModifiedDate: new Date(modifiedMs),
      ARN: this.#arnOf(parameter),
      DataType: dataType,
    }
  }

  #tell(parameter: Parameter, operation: 'Create' | 'Update' | 'Delete'): void {
    this.#options.emit({
      source: 'aws.ssm',
      'detail-type': 'Parameter Store Change',
      resources: [this.#arnOf(parameter)],
      detail: { operation, name: parameter.name, type: parameter.type, description: parameter.description ?? '' },
    })
  }
}

function checkCount(names: readonly string[]): void {
  if (names.length > MOST_NAMES)
    throw invalidValue('names', `[${names.join(', ')}]`, `Member must have length less than or equal to ${MOST_NAMES}`)
}
