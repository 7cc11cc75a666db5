import { XmlShapeSerializer } from '@aws-sdk/core/protocols'
import type { NormalizedSchema } from '@smithy/core/schema'

import { members, structure } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import { INVALID_TOKEN_MESSAGE, nullMember } from './protocol.ts'
import type { Protocol, Route, WireReply, WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { escapeXml, readSimple } from './simple-values.ts'

/** Parameters as a tree: `Filter.1.Value.2=x` is `Filter` → `1` → `Value` → `2` with the value `x`. */
interface ParameterNode {
  readonly path: string
  readonly children: Map<string, ParameterNode>
  value?: string
}

const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

/** SchemaRef of a plain string in the generated schemas. */
const STRING = 0

function parameterTree(parameters: readonly [string, string][]): ParameterNode {
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
  abstract missingMember(path: string): AwsError
  abstract encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply
  abstract encodeError(error: AwsError, request: WireRequest): WireReply
  protected abstract memberName(member: NormalizedSchema): string
  protected abstract listNode(list: NormalizedSchema, node: ParameterNode): ParameterNode | undefined
  protected abstract refuseUnknown(name: string): void
  protected readonly model: ServiceModel

  constructor(model: ServiceModel) {
    this.model = model
  }

  route(request: WireRequest): Route {
    const action = parameters(request).get('Action')
    const operation = action === null ? undefined : this.model.operations.get(action)
    if (!operation) {
      throw new AwsError('InvalidAction', `The action ${action ?? ''} is not valid for this web service.`)
    }
    return { operation }
  }

  async decode(route: Route, request: WireRequest): Promise<Record<string, unknown>> {
    const sent = [...parameters(request)].filter(([name]) => !isEnvelope(name))
    return this.#readStructure(route.operation.input, parameterTree(sent))
  }

  protected writeXml(schema: NormalizedSchema, value: object): string {
    const xmlNamespace = `${(this.model.xmlNamespace ?? '').replace(/\/$/, '')}/`
    const serializer = new XmlShapeSerializer({
      timestampFormat: { useTrait: true, default: 5 },
      xmlNamespace,
      serviceNamespace: '',
    })
    serializer.write(schema, value)
    return `${XML_DECLARATION}${String(serializer.flush())}`
  }

  #readStructure(schema: NormalizedSchema, node: ParameterNode): Record<string, unknown> {
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
      return elements(this.listNode(schema, node)).map((child) => this.#read(schema.getValueSchema(), child))
    }
    if (schema.isMapSchema()) {
      const entries = elements(schema.getMergedTraits().xmlFlattened ? node : node.children.get('entry'))
      return Object.fromEntries(entries.map((entry) => this.#readEntry(schema, entry)))
    }
    try {
      return readSimple(schema, node.value ?? '')
    } catch {
      throw new AwsError('InvalidParameterValue', `Invalid value '${node.value}' for ${node.path}.`)
    }
  }

  #readEntry(map: NormalizedSchema, entry: ParameterNode): [string, unknown] {
    const [key, value] = [map.getKeySchema(), map.getValueSchema()]
    const valueNode = entry.children.get(value.getMergedTraits().xmlName ?? 'value')
    return [
      entry.children.get(key.getMergedTraits().xmlName ?? 'key')?.value ?? '',
      valueNode && this.#read(value, valueNode),
    ]
  }
}

class Ec2QueryProtocol extends QueryProtocol {
  /** AWS facts A.21. */
  readonly unknownKey = new AwsError('AuthFailure', 'AWS was not able to validate the provided access credentials', {
    status: 401,
  })

  /** EC2 says the same of an unknown key and of a wrong signature. */
  refuseSignature({ kind, message }: SignatureFault): AwsError {
    return kind === 'incomplete' ? new AwsError('IncompleteSignature', message) : this.unknownKey
  }

  missingMember(path: string): AwsError {
    const name = capitalize(path.replace(/^.*\./, ''))
    return new AwsError('MissingParameter', `The request must contain the parameter ${name}`)
  }

  /** Operations without output send `<return>true</return>`; reply structures have `requestId` first. */
  encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply {
    const contents = operation.output.isUnitSchema()
      ? ([['return', STRING]] as const)
      : members(operation.output).map(([name, member]) => [name, member] as const)
    const envelope = structure(`${operation.name}Response`, [['requestId', STRING], ...contents])
    const value = {
      requestId: request.requestId,
      ...(operation.output.isUnitSchema() ? { return: 'true' } : (output ?? {})),
    }
    return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body: this.writeXml(envelope, value) }
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

  protected override refuseUnknown(name: string): void {
    throw new AwsError('UnknownParameter', `The parameter ${name} is not recognized`)
  }
}

class AwsQueryProtocol extends QueryProtocol {
  readonly unknownKey = new AwsError('InvalidClientTokenId', INVALID_TOKEN_MESSAGE, { status: 403 })

  refuseSignature({ kind, message }: SignatureFault): AwsError {
    if (kind === 'incomplete') return new AwsError('IncompleteSignature', message)
    return new AwsError('SignatureDoesNotMatch', message, { status: 403 })
  }

  missingMember(path: string): AwsError {
    return nullMember('ValidationError', path)
  }

  encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply {
    const metadata = ['ResponseMetadata', structure('ResponseMetadata', [['RequestId', STRING]]).getSchema()] as const
    const result = [`${operation.name}Result`, operation.output.getSchema()] as const
    const hasResult = !operation.output.isUnitSchema()
    const envelope = structure(`${operation.name}Response`, hasResult ? [result, metadata] : [metadata])
    const value = { [result[0]]: output ?? {}, ResponseMetadata: { RequestId: request.requestId } }
    return { status: 200, headers: { 'content-type': 'text/xml' }, body: this.writeXml(envelope, value) }
  }

  encodeError(error: AwsError, request: WireRequest): WireReply {
    const body =
      `<ErrorResponse><Error><Type>${error.status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${escapeXml(error.code)}</Code>` +
      `<Message>${escapeXml(error.message)}</Message></Error><RequestId>${request.requestId}</RequestId></ErrorResponse>`
    return { status: error.status, headers: { 'content-type': 'text/xml' }, body, errorCode: error.code }
  }

  protected override memberName(member: NormalizedSchema): string {
    return member.getMergedTraits().xmlName ?? member.getMemberName()
  }

  protected override listNode(list: NormalizedSchema, node: ParameterNode): ParameterNode | undefined {
    if (list.getMergedTraits().xmlFlattened) return node
    return node.children.get(list.getValueSchema().getMergedTraits().xmlName ?? 'member')
  }

  /** Query services other than EC2 ignore parameters that they do not know. */
  protected override refuseUnknown(): void {}
}

const capitalize = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

/** Parameters that belong to the request, not to the operation; those of a signature in a GET among them. */
const isEnvelope = (name: string): boolean => name === 'Action' || name === 'Version' || name.startsWith('X-Amz-')

const parameters = (request: WireRequest): URLSearchParams =>
  request.method === 'POST'
    ? new URLSearchParams(Buffer.from(request.body).toString('utf8'))
    : new URLSearchParams(request.query)

export const ec2Query = (model: ServiceModel): Protocol => new Ec2QueryProtocol(model)
export const awsQuery = (model: ServiceModel): Protocol => new AwsQueryProtocol(model)
