import type { NormalizedSchema } from '@smithy/core/schema'

import { parametersOf } from './form.ts'
import { members, valueSchema } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import { isServed, tooLargeBody, unknownOperation } from './protocol.ts'
import type { Protocol, Route, Violation, WireReply, WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { readSimple } from './simple-values.ts'
import { TextBytes } from './text-bytes.ts'

/** Parameters as a tree: `Filter.1.Value.2=x` is `Filter` → `1` → `Value` → `2` with the value `x`. */
export interface ParameterNode {
  readonly path: string
  readonly children: Map<string, ParameterNode>
  value?: string
}

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

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
export abstract class QueryProtocol implements Protocol {
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

/** Parameters that belong to the request, not to the operation; those of a signature in a GET among them. */
const isEnvelope = (name: string): boolean => name === 'Action' || name === 'Version' || name.startsWith('X-Amz-')
