/**
 * Which members of requests are enumerations, read from the type declarations of the SDK's clients: the schemas that the clients
 * run by do not say it. `npm run format` writes what is read to `enumerations.json`, so that no account has to read declarations.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { NormalizedSchema } from '@smithy/core/schema'
import { ENUMERATIONS_PATH } from './enumerations.ts'
import { members, readModel, valueSchema } from './model.ts'

/**
 * Modules by client. S3, SQS and the EBS direct APIs are not among them: they refuse values in words of their own (`MalformedXML`,
 * `InvalidArgument`, `InvalidAttributeName`, a Reason), which differ by operation. STS has no enumerations, DynamoDB is a server of
 * its own.
 */
const MODULES: Readonly<Record<string, string>> = {
  EC2Client: 'ec2',
  EventBridgeClient: 'eventbridge',
  IAMClient: 'iam',
  KMSClient: 'kms',
  LambdaClient: 'lambda',
  SFNClient: 'sfn',
  SSMClient: 'ssm',
  SchedulerClient: 'scheduler',
}

/** Not checked, since new values appear that an SDK does not know. */
const OPEN: ReadonlySet<string> = new Set(['_InstanceType'])

/** The content of `enumerations.json` for the clients that are installed. */
export async function readEnumerations(): Promise<string> {
  const tables = await Promise.all(
    Object.entries(MODULES).map(async ([clientName, module]) => [clientName, await readClient(clientName, module)]),
  )
  return `${JSON.stringify(Object.fromEntries(tables), undefined, 2)}\n`
}

async function readClient(clientName: string, module: string): Promise<Readonly<Record<string, string>>> {
  const packageName = `@aws-sdk/client-${module}`
  const sdk = (await import(packageName)) as Readonly<Record<string, unknown>>
  const declared = declaredTypes(packageName)
  const found = new Map<string, string[]>()
  for (const name of structuresOfInputs(readModel({ sdk, clientName }).operations.values())) {
    for (const [member, type] of declared.get(name) ?? []) {
      if (isEnumeration(sdk[type]) && !OPEN.has(type))
        found.set(type, [...(found.get(type) ?? []), `${name}.${member}`])
    }
  }
  const lines = [...found].map(([type, places]): [string, string] => [type, places.toSorted().join(' ')])
  return Object.fromEntries(lines.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

const isEnumeration = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string')

/** Names of all structures that requests may hold. */
function structuresOfInputs(operations: Iterable<{ readonly input: NormalizedSchema }>): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (schema: NormalizedSchema): void => {
    if (schema.isListSchema() || schema.isMapSchema()) return visit(valueSchema(schema))
    const name = schema.getName()
    if (!schema.isStructSchema() || name === undefined || names.has(name)) return
    names.add(name)
    for (const [, member] of members(schema)) visit(member)
  }
  for (const { input } of operations) visit(input)
  return names
}

const INTERFACE = /^export interface (\w+) \{\n(.*?)^\}/gms
/** `Member?: Type | undefined;`, `Type[]` or a map of strings to `Type`. */
const MEMBER = /^ {4}(\w+)\??: (?:Record<string, )?(\w+)(?:\[\])?>?(?:\[\])? \| undefined;$/gm

/** Members of each interface with the name of their type, or of what their list or map holds. */
function declaredTypes(packageName: string): ReadonlyMap<string, readonly (readonly [string, string])[]> {
  const folder = resolve(import.meta.dirname, '../../node_modules', packageName, 'dist-types/models')
  const text = readdirSync(folder)
    .filter((file) => /^models_\d+\.d\.ts$/.test(file))
    .map((file) => readFileSync(resolve(folder, file), 'utf8'))
    .join('\n')
  return new Map(
    [...text.matchAll(INTERFACE)].map(([, name = '', body = '']) => [
      name,
      [...body.matchAll(MEMBER)].map(([, member = '', type = '']) => [member, type] as const),
    ]),
  )
}

if (import.meta.main) writeFileSync(ENUMERATIONS_PATH, await readEnumerations())
