import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { POLICY_SCHEMA_PATH, policySchema } from '../../cdk/policy-schema.ts'

/** What the synthesised stack must and must not contain. */
interface Statement {
  readonly Action: string | string[]
  readonly Resource: unknown
  readonly Effect: string
  readonly Condition?: Record<string, Record<string, unknown>>
}

interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
}

const assembly = inject('assembly')
const template = JSON.parse(readFileSync(join(assembly, 'tandem.template.json'), 'utf8')) as {
  Resources: Record<string, Resource>
}
const resources = Object.values(template.Resources)

const flatten = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return value.map(flatten).join('')
  const [[name, argument] = ['', '']] = Object.entries(value as Record<string, unknown>)
  if (name === 'Fn::Join') return flatten((argument as unknown[])[1])
  if (name === 'Fn::GetAtt') return `<${(argument as string[])[0]?.replace(/[0-9A-F]{8}$/, '')}>`
  return `<${String(argument).replace(/[0-9A-F]{8}$/, '')}>`
}

const list = <T>(value: T | readonly T[]): T[] => [value].flat() as T[]

const policies = resources
  .filter(({ Type }) => Type === 'AWS::IAM::Policy')
  .map(({ Properties }) => ({
    roles: list(Properties['Roles']).map(flatten),
    statements: (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
  }))

test('the permission ledger: role, action, resource, condition; read it when it changes', async () => {
  const sections = policies.map(({ roles, statements }) =>
    [roles.join(), ...new Set(statements.map(lineOf))].toSorted(byIndentation).join('\n'),
  )
  await expect(`${sections.toSorted().join('\n\n')}\n`).toMatchFileSnapshot('permissions.txt')
})

/** `  ec2:StopInstances on ec2:instance/* if aws:ResourceTag/tandem:policy StringLike *` */
function lineOf({ Action, Resource, Condition }: Statement): string {
  const resource = list(Resource)
    .map((arn) => shorten(flatten(arn)))
    .toSorted()
    .join(', ')
  const conditions = Object.entries(Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, value]) => `${key} ${operator} ${flatten(value)}`),
  )
  return `  ${list(Action).join(', ')} on ${resource}${conditions.length > 0 ? ` if ${conditions.join(' and ')}` : ''}`
}

/** The mover's bundle is named by its content. */
const shorten = (arn: string): string =>
  arn
    .replace(/[0-9a-f]{64}/, '<mover>')
    .replace(/^arn:<AWS::Partition>:(\w+):(<AWS::Region>)?:(<AWS::AccountId>)?:/, '$1:')
const byIndentation = (one: string, other: string): number =>
  Number(one.startsWith(' ')) - Number(other.startsWith(' ')) || one.localeCompare(other)

test('no statement allows a wildcard action, and a wildcard resource only with a condition or for what AWS cannot restrict', () => {
  const unrestrictable = /^(ec2:Describe\w+|ssm:(DescribeInstanceInformation|GetCommandInvocation)|xray:\w+|logs:\w+)$/
  for (const { statements } of policies)
    for (const { Action, Resource, Condition } of statements)
      for (const action of list(Action)) {
        expect(action).not.toMatch(/\*/)
        if (list(Resource).map(flatten).includes('*') && !Condition) expect(action).toMatch(unrestrictable)
      }
})

test('deletions are allowed only on what carries our tag', () => {
  const deletions = policies
    .flatMap(({ statements }) => statements)
    .filter(({ Action }) => list(Action).some((action) => /^ec2:(Delete(?!Tags)|Terminate)/.test(action)))
  expect(deletions.length).toBeGreaterThan(0)
  for (const { Condition } of deletions)
    expect(Condition).toEqual({ StringEquals: { 'aws:ResourceTag/tandem:owner': 'tandem' } })
})

test('every schedule and every rule has somewhere to put what it could not deliver', () => {
  const targets = resources.flatMap(({ Type, Properties }) => {
    if (Type === 'AWS::Scheduler::Schedule') return [Properties['Target']]
    return Type === 'AWS::Events::Rule' ? list(Properties['Targets']) : []
  })
  expect(targets.length).toBeGreaterThan(2)
  for (const target of targets) expect(target).toHaveProperty('DeadLetterConfig')
})

test('no bundle contains the CDK, the embedded account, or a test', () => {
  const assets = readdirSync(assembly, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.mjs'))
  expect(assets.length).toBeGreaterThan(20)
  for (const asset of assets) {
    const code = readFileSync(join(assembly, asset), 'utf8')
    expect(code).not.toMatch(/aws-cdk-lib|dynoxide|startWireServer|embedded account|vitest/)
  }
})

test('the schema of the policy file is the one that the code checks', () => {
  expect(readFileSync(POLICY_SCHEMA_PATH, 'utf8')).toBe(policySchema())
})
