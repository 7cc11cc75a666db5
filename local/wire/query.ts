import type { NormalizedSchema } from '@smithy/core/schema'

import { parametersOf } from './form.ts'
import { members, valueSchema } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import {
  INVALID_TOKEN_MESSAGE,
  isServed,
  nullMember,
  tooLargeBody,
  unknownOperation,
  validationError,
} from './protocol.ts'
import type { Protocol, Route, Violation, WireReply, WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { escapeXml, readSimple } from './simple-values.ts'
import { TextBytes } from './text-bytes.ts'
import { XmlWriter } from './xml-writer.ts'

/** Parameters as a tree: `Filter.1.Value.2=x` is `Filter` → `1` → `Value` → `2` with the value `x`. */
interface ParameterNode {
  readonly path: string
  readonly children: Map<string, ParameterNode>
  value?: string
}

const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

function parameterTree(parameters: Iterable<readonly [string, string]>): ParameterNode {
  const root: ParameterNode = { path: '', children: new Map() }
  for (const [name, value] of parameters) {
    let node = root
    for (const part of name.split('.')) {
      const path = node.path ? `${node.path}.${part}` : part
      const child = node.children.get(part) ?? { path, children: new Map() }
      node.children.set(part, child)
      node = child
    }
    node.value = value
  }
  return root
}

/** Elements of a list in the order of their numbers, whatever order the parameters came in. */
function elements(node: ParameterNode | undefined): ParameterNode[] {
  return [...(node?.children ?? [])]
    .filter(([name]) => /^\d+$/.test(name))
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child)
}

/** The two query protocols differ in names of members, in lists (EC2 always flattens) and in their envelopes. */
abstract class QueryProtocol implements Protocol {
  abstract readonly unknownKey: AwsError
  abstract refuseSignature(fault: SignatureFault): AwsError
  abstract refuseInput(violations: readonly [Violation, ...Violation[]]): AwsError
  abstract encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply
  abstract encodeError(error: AwsError, request: WireRequest): WireReply
  protected abstract memberName(member: NormalizedSchema): string
  protected abstract listNode(list: NormalizedSchema, node: ParameterNode): ParameterNode | undefined
  protected abstract refuseUnknown(name: string): void
  abstract malformed(message: string): AwsError
  /** Refuses an action that the service does not have, in the version that the request names, if any. */
  protected abstract unknownAction(action: string, version: string | undefined): AwsError
  /** Refuses a request that names no version of the service's, though it has such an action. */
  protected abstract unknownVersion(action: string, version: string | undefined): AwsError
  readonly tooLarge: AwsError
  protected readonly model: ServiceModel
  readonly #namespace: string

  constructor(model: ServiceModel) {
    this.model = model
    this.tooLarge = tooLargeBody({ signingName: model.signingName, protocol: 'awsQuery' })
    this.#namespace = `${(model.xmlNamespace ?? '').replace(/\/$/, '')}/`
  }

  route(request: WireRequest): Route {
    const { method, path } = request
    if (!isServed(this.model, path) || (method !== 'POST' && method !== 'GET'))
      throw unknownOperation(`No operation has ${method} ${path}`)
    const parameters = parametersOf(request)
    const action = parameters.get('Action')
    if (!action) throw new AwsError('MissingAction', 'The request must contain the parameter Action')
    const version = parameters.get('Version')
    const operation = this.model.operations.get(action)
    if (!operation) throw this.unknownAction(action, version)
    if (version !== this.model.version) throw this.unknownVersion(action, version)
    return { operation }
  }

  async decode(route: Route, request: WireRequest): Promise<Record<string, unknown>> {
    const sent = [...parametersOf(request)].filter(([name]) => !isEnvelope(name))
    return this.#readStructure(route.operation.input, parameterTree(sent))
  }

  /** A reply's document. `write` adds what stands between its tags. */
  protected document(name: string, write: (to: TextBytes) => void): readonly Uint8Array[] {
    const text = new TextBytes()
    text.add(`${XML_DECLARATION}<${name} xmlns="${this.#namespace}">`)
    write(text)
    text.add(`</${name}>`)
    return text.end()
  }

  #readStructure(schema: NormalizedSchema, node: ParameterNode): Record<string, unknown> {
    this.#refuseValue(node)
    const read: Record<string, unknown> = {}
    const unread = new Set(node.children.keys())
    for (const [name, member] of members(schema)) {
      const key = this.memberName(member)
      const child = node.children.get(key)
      unread.delete(key)
      if (child) read[name] = this.#read(member, child)
    }
    for (const name of unread) this.refuseUnknown(node.path ? `${node.path}.${name}` : name)
    return read
  }

  #read(schema: NormalizedSchema, node: ParameterNode): unknown {
    if (schema.isStructSchema()) return this.#readStructure(schema, node)
    if (schema.isListSchema()) {
      this.#refuseValue(node)
      const list = this.listNode(schema, node)
      for (const [name, { path }] of list?.children ?? []) if (!/^\d+$/.test(name)) this.refuseUnknown(path)
      return elements(list).map((child) => this.#read(valueSchema(schema), child))
    }
    if (schema.isMapSchema()) {
      const entries = elements(schema.getMergedTraits().xmlFlattened ? node : node.children.get('entry'))
      return Object.fromEntries(entries.map((entry) => this.#readEntry(schema, entry)))
    }
    const [part] = node.children.values()
    if (part) this.refuseUnknown(part.path)
    try {
      return readSimple(schema, node.value ?? '')
    } catch {
      throw this.malformed(`Invalid value '${node.value}' for ${node.path}.`)
    }
  }

  /** What has parts has no value of its own; older clients send an empty one for an empty list. */
  #refuseValue({ value, path }: ParameterNode): void {
    if (value !== undefined && value !== '') this.refuseUnknown(path)
  }

  #readEntry(map: NormalizedSchema, entry: ParameterNode): [string, unknown] {
    const [key, value] = [map.getKeySchema(), valueSchema(map)]
    const valueNode = entry.children.get(value.getMergedTraits().xmlName ?? 'value')
    return [
      entry.children.get(key.getMergedTraits().xmlName ?? 'key')?.value ?? '',
      valueNode && this.#read(value, valueNode),
    ]
  }
}

class Ec2QueryProtocol extends QueryProtocol {
  readonly #writer = new XmlWriter('milliseconds')
  /** AWS facts A.21. */
  readonly unknownKey = new AwsError('AuthFailure', 'AWS was not able to validate the provided access credentials', {
    status: 401,
  })

  /** EC2 says the same of an unknown key and of a wrong signature. */
  refuseSignature({ kind, message }: SignatureFault): AwsError {
    return kind === 'incomplete' ? new AwsError('IncompleteSignature', message) : this.unknownKey
  }

  /** Only the first of them is told. Texts of enumerations other than attributes and types to tag are from memory. */
  refuseInput([violation]: readonly [Violation, ...Violation[]]): AwsError {
    const name = violation.path.replace(/^.*\./, '')
    if (violation.constraint === 'required')
      return new AwsError('MissingParameter', `The request must contain the parameter ${capitalize(name)}`)
    const { value, allowed } = violation
    const wrong = [value].flat().find((item) => !allowed.includes(item)) ?? ''
    if (name === 'resourceType')
      return new AwsError(
        'InvalidParameterValue',
        `'${wrong}' is not a valid taggable resource type for this operation.`,
      )
    const why = name === 'attribute' ? ' Unknown attribute.' : ''
    return new AwsError('InvalidParameterValue', `Value (${wrong}) for parameter ${name} is invalid.${why}`)
  }

  /** Operations without output send `<return>true</return>`; replies have `requestId` first. */
  encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply {
    const body = this.document(`${operation.name}Response`, (to) => {
      to.add(`<requestId>${request.requestId}</requestId>`)
      if (operation.output.isUnitSchema()) to.add('<return>true</return>')
      else this.#writer.write(operation.output, output ?? {}, to)
    })
    return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body }
  }

  encodeError(error: AwsError, request: WireRequest): WireReply {
    const body =
      `${XML_DECLARATION}<Response><Errors><Error><Code>${escapeXml(error.code)}</Code>` +
      `<Message>${escapeXml(error.message)}</Message></Error></Errors><RequestID>${request.requestId}</RequestID></Response>`
    return { status: error.status, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body, errorCode: error.code }
  }

  protected override memberName(member: NormalizedSchema): string {
    const traits = member.getMergedTraits()
    if (typeof traits['ec2QueryName'] === 'string') return traits['ec2QueryName']
    return capitalize(traits.xmlName ?? member.getMemberName())
  }

  protected override listNode(_list: NormalizedSchema, node: ParameterNode): ParameterNode {
    return node
  }

  override malformed(message: string): AwsError {
    return new AwsError('InvalidParameterValue', message)
  }

  protected override unknownAction(action: string): AwsError {
    return new AwsError('InvalidAction', `The action ${action} is not valid for this web service.`)
  }

  /** AWS still takes versions of before; the schemas here are those of the last one. */
  protected override unknownVersion(_action: string, version: string | undefined): AwsError {
    if (!version) return new AwsError('MissingParameter', 'The request must contain the parameter Version')
    return new AwsError('NoSuchVersion', `The requested version (${version}) of service AmazonEC2 does not exist`)
  }

  protected override refuseUnknown(name: string): void {
    throw new AwsError('UnknownParameter', `The parameter ${name} is not recognized`)
  }
}

class AwsQueryProtocol extends QueryProtocol {
  readonly #writer = new XmlWriter('shortest')
  readonly unknownKey = new AwsError('InvalidClientTokenId', INVALID_TOKEN_MESSAGE, { status: 403 })

  refuseSignature({ kind, message }: SignatureFault): AwsError {
    if (kind === 'incomplete') return new AwsError('IncompleteSignature', message)
    return new AwsError('SignatureDoesNotMatch', message, { status: 403 })
  }

  /** IAM shows no values. */
  refuseInput(violations: readonly Violation[]): AwsError {
    const texts = violations.map(({ constraint, path }) =>
      constraint === 'required'
        ? nullMember(path)
        : `Value at '${path}' failed to satisfy constraint: Member must satisfy enum value set`,
    )
    return validationError('ValidationError', texts)
  }

  encode({ name, output: schema }: OperationModel, output: unknown, request: WireRequest): WireReply {
    const body = this.document(`${name}Response`, (to) => {
      if (!schema.isUnitSchema()) {
        to.add(`<${name}Result>`)
        this.#writer.write(schema, output ?? {}, to)
        to.add(`</${name}Result>`)
      }
      to.add(`<ResponseMetadata><RequestId>${request.requestId}</RequestId></ResponseMetadata>`)
    })
    return { status: 200, headers: { 'content-type': 'text/xml' }, body }
  }

  encodeError(error: AwsError, request: WireRequest): WireReply {
    const code = this.model.queryCodes?.get(error.code) ?? error.code
    const body =
      `<ErrorResponse><Error><Type>${error.status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${escapeXml(code)}</Code>` +
      `<Message>${escapeXml(error.message)}</Message></Error><RequestId>${request.requestId}</RequestId></ErrorResponse>`
    return { status: error.status, headers: { 'content-type': 'text/xml' }, body, errorCode: error.code }
  }

  protected override memberName(member: NormalizedSchema): string {
    return member.getMergedTraits().xmlName ?? member.getMemberName()
  }

  protected override listNode(list: NormalizedSchema, node: ParameterNode): ParameterNode | undefined {
    if (list.getMergedTraits().xmlFlattened) return node
    return node.children.get(valueSchema(list).getMergedTraits().xmlName ?? 'member')
  }

  override malformed(message: string): AwsError {
    return new AwsError('MalformedInput', message)
  }

  protected override unknownAction(action: string, version: string | undefined): AwsError {
    return this.model.signingName === 'sqs'
      ? new AwsError('InvalidAction', `The action ${action} is not valid for this endpoint.`)
      : this.unknownVersion(action, version)
  }

  /** Services look for actions by their version. */
  protected override unknownVersion(action: string, version = 'NO_VERSION_SPECIFIED'): AwsError {
    return new AwsError('InvalidAction', `Could not find operation ${action} for version ${version}`)
  }

  /** Query services other than EC2 ignore parameters that they do not know. */
  protected override refuseUnknown(): void {}
}

const capitalize = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

/** Parameters that belong to the request, not to the operation; those of a signature in a GET among them. */
const isEnvelope = (name: string): boolean => name === 'Action' || name === 'Version' || name.startsWith('X-Amz-')

export const ec2Query = (model: ServiceModel): Protocol => new Ec2QueryProtocol(model)
export const awsQuery = (model: ServiceModel): Protocol => new AwsQueryProtocol(model)
