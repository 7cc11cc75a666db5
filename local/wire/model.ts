import { NormalizedSchema } from '@smithy/core/schema'

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0]

/** Serialises one value of one shape; the codecs of the SDK's own protocols. */
export interface Codec {
  createSerializer(): { write(schema: NormalizedSchema, value: unknown): void; flush(): Uint8Array | string }
  createDeserializer(): { read(schema: NormalizedSchema, bytes: Uint8Array): unknown }
}

/** The HTTP binding of an operation of a REST protocol: method, URI pattern with its fixed query, status of success. */
export interface HttpBinding {
  readonly method: string
  readonly uri: string
  readonly status: number
}

export interface OperationModel {
  readonly name: string
  readonly input: NormalizedSchema
  readonly output: NormalizedSchema
  readonly http?: HttpBinding
  /** Whether its input is a blob of any length. */
  readonly takesStream: boolean
}

/** What an SDK client knows about its service. */
export interface ServiceModel {
  /** Name in the credential scope of a signature, e.g. `ec2`, `states`. */
  readonly signingName: string
  /** E.g. `ec2Query`, `awsJson1_0`. */
  readonly protocol: string
  /** E.g. `2016-11-15`: what requests of the query protocols name. */
  readonly version: string
  /** What stands before the operation in `X-Amz-Target`, e.g. `AWSStepFunctions`; of no use elsewhere. */
  readonly target?: string
  /** Namespace of XML replies; undefined for JSON protocols. */
  readonly xmlNamespace?: string
  /** undefined for the query protocols, whose requests and replies have different formats. */
  readonly codec?: Codec
  readonly operations: ReadonlyMap<string, OperationModel>
  /**
   * Codes of errors in the query protocol, by their names elsewhere; those that have no other code there are not in it. Absent
   * where the service does not speak that protocol, though its errors have such codes (KMS).
   */
  readonly queryCodes?: ReadonlyMap<string, string>
}

interface SdkClient {
  readonly config: {
    readonly defaultSigningName: string
    readonly apiVersion: string
    readonly protocol: {
      readonly options?: { readonly xmlNamespace?: string }
      /** Whether a service that speaks JSON speaks the query protocol too. */
      readonly awsQueryCompatible?: boolean
      readonly serviceTarget?: string
      getShapeId(): string
      getPayloadCodec(): Codec
    }
  }
}

type SdkClientClass = new (configuration: {
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
}) => SdkClient

/** An operation as generated clients export it: `DescribeVolumes$ = [9, namespace, name, traits, input, output]`. */
type OperationSchema = readonly [9, string, string, number | Readonly<Record<string, unknown>>, SchemaRef, SchemaRef]

/** An error as generated clients export it; `awsQueryError` is its code and status in the query protocol. */
type ErrorSchema = readonly [-3, string, string, { readonly awsQueryError?: readonly [string, number] }]

const isErrorSchema = (value: unknown): value is ErrorSchema =>
  Array.isArray(value) && value[0] === -3 && typeof value[3] === 'object'

const isOperationSchema = (value: unknown): value is OperationSchema => Array.isArray(value) && value[0] === 9

/** A loaded SDK module, and the name of the client class in it. */
interface Sdk {
  readonly sdk: object
  readonly clientName: string
}

/** By SDK module: reading EC2's takes a tenth of a second, and a process may start many accounts. */
const knownModels = new WeakMap<object, ServiceModel>()

/**
 * Reads a service's model out of its SDK client: every operation that the client can send, implemented or not.
 * @throws Error when `clientName` is no client class of `sdk`
 */
export function readModel(service: Sdk): ServiceModel {
  const known = knownModels.get(service.sdk)
  if (known) return known
  const model = newModel(service)
  knownModels.set(service.sdk, model)
  return model
}

function newModel(service: Sdk): ServiceModel {
  const exported = new Map(Object.entries(service.sdk))
  const Client = exported.get(service.clientName) as SdkClientClass | undefined
  if (typeof Client !== 'function') throw new Error(`The SDK module exports no client class ${service.clientName}.`)
  const { config } = new Client({ region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } })
  const protocol = config.protocol.getShapeId().replace(/^.*#/, '')
  const operations = new Map<string, OperationModel>()
  const queryCodes = new Map<string, string>()
  for (const value of exported.values()) {
    if (isOperationSchema(value)) operations.set(value[2], operationModel(value))
    if (isErrorSchema(value) && value[3].awsQueryError) queryCodes.set(value[2], value[3].awsQueryError[0])
  }
  return {
    signingName: config.defaultSigningName,
    protocol,
    version: config.apiVersion,
    target: config.protocol.serviceTarget,
    xmlNamespace: config.protocol.options?.xmlNamespace,
    codec: protocol.endsWith('Query') ? undefined : config.protocol.getPayloadCodec(),
    operations,
    queryCodes: protocol === 'awsQuery' || config.protocol.awsQueryCompatible ? queryCodes : undefined,
  }
}

function operationModel([, , name, traits, inputShape, outputShape]: OperationSchema): OperationModel {
  const bound = typeof traits === 'object' ? (traits['http'] as [string, string, number] | undefined) : undefined
  const input = NormalizedSchema.of(inputShape)
  return {
    name,
    input,
    output: NormalizedSchema.of(outputShape),
    http: bound && { method: bound[0], uri: bound[1], status: bound[2] },
    takesStream: bound !== undefined && members(input).some(([, member]) => isBlobStream(member)),
  }
}

/** A blob of any length, as opposed to a stream of events. */
export const isBlobStream = (member: NormalizedSchema): boolean => member.isStreaming() && member.isBlobSchema()

/** By schema: the SDK makes a new object for a member each time that it is asked, which most of a call's time went into. */
const knownMembers = new WeakMap<NormalizedSchema, [string, NormalizedSchema][]>()
const knownValues = new WeakMap<NormalizedSchema, NormalizedSchema>()
const knownRequired = new WeakMap<NormalizedSchema, readonly string[]>()

function remembered<Value>(
  known: WeakMap<NormalizedSchema, Value>,
  schema: NormalizedSchema,
  make: () => Value,
): Value {
  const found = known.get(schema)
  if (found !== undefined) return found
  const made = make()
  known.set(schema, made)
  return made
}

/** Members of a structure or union with their schemas, in the model's order; none for the unit shape. */
export const members = (schema: NormalizedSchema): readonly [string, NormalizedSchema][] =>
  remembered(knownMembers, schema, () => (schema.isStructSchema() ? [...schema.structIterator()] : []))

/** What a list or map holds. */
export const valueSchema = (schema: NormalizedSchema): NormalizedSchema =>
  remembered(knownValues, schema, () => schema.getValueSchema())

/** Names of the members that the model marks required; the generated schemas list those first and count them. */
export const requiredMembers = (schema: NormalizedSchema): readonly string[] =>
  remembered(knownRequired, schema, () => {
    const shape = schema.getSchema()
    return typeof shape === 'object' && shape[0] === 3 ? shape[4].slice(0, shape[6] ?? 0) : []
  })

/** A structure made up for the wire (an envelope, or a structure without some members). */
export function structure(
  name: string,
  contents: readonly (readonly [string, SchemaRef])[],
  traits: { readonly xmlNamespace?: [string, string] } = {},
): NormalizedSchema {
  return NormalizedSchema.of([
    3,
    'local',
    name,
    traits,
    contents.map(([member]) => member),
    contents.map(([, schema]) => schema as NormalizedSchema),
  ])
}
