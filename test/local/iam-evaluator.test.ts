/** How policies decide: our evaluator by itself, after the IAM user guide (policy evaluation logic, condition operators). */
import { describe, expect, it, test } from 'vitest'
import { decide, PolicySet, type Policies } from '../../local/iam/decision.ts'
import type { ContextValue } from '../../local/iam/patterns.ts'
import { parsePolicy, type PolicyKind } from '../../local/iam/policy.ts'
import type { Principal } from '../../local/iam/principals.ts'

const HOME = '111122223333'
const OTHER = '444455556666'
const ADA: Principal = { kind: 'user', accountId: HOME, arn: `arn:aws:iam::${HOME}:user/ada` }
const ROOT: Principal = { kind: 'root', accountId: HOME, arn: `arn:aws:iam::${HOME}:root` }
const ROLE = `arn:aws:iam::${HOME}:role/path/worker`
const SESSION: Principal = {
  kind: 'session',
  accountId: HOME,
  arn: `arn:aws:sts::${HOME}:assumed-role/worker/one`,
  roleArn: ROLE,
}
const EVENTS: Principal = { kind: 'service', accountId: '', arn: 'events.amazonaws.com' }

type Statement = Readonly<Record<string, unknown>>

const set = (kind: PolicyKind, statements: readonly Statement[], version = '2012-10-17'): PolicySet =>
  new PolicySet([parsePolicy({ Version: version, Statement: statements }, kind, 'tested')])

interface Asked {
  readonly principal?: Principal
  readonly action?: string
  readonly resource?: string
  readonly context?: Readonly<Record<string, ContextValue>>
}

function decided(
  policies: Policies,
  { principal = ADA, action = 's3:GetObject', resource = 'arn:aws:s3:::b/k', context = {} }: Asked,
) {
  const lower = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]))
  return decide({ principal, action, resource, context: (key) => lower.get(key) }, policies)
}

const allows = (statements: readonly Statement[], asked: Asked = {}): boolean =>
  decided({ identity: set('identity', statements) }, asked).allowed

const allow = (more: Statement = {}): Statement => ({ Effect: 'Allow', Action: '*', Resource: '*', ...more })
const deny = (more: Statement = {}): Statement => allow({ ...more, Effect: 'Deny' })
const NOTHING = new PolicySet([])

describe('actions and resources', () => {
  test.each([
    ['s3:GetObject', 's3:GetObject', true],
    ['S3:getobject', 's3:GetObject', true],
    ['s3:Get*', 's3:GetObject', true],
    ['s3:*Object', 's3:GetObject', true],
    ['s3:Get?bject', 's3:GetObject', true],
    ['s3:Get?Object', 's3:GetObject', false],
    ['s3:GetObjectTagging', 's3:GetObject', false],
    ['ec2:*', 's3:GetObject', false],
  ])('%s covers %s: %s', (pattern, action, covered) => {
    expect(allows([allow({ Action: pattern })], { action })).toBe(covered)
    expect(allows([allow({ Action: undefined, NotAction: pattern })], { action })).toBe(!covered)
  })

  test.each([
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b/k/deep', true],
    ['arn:aws:s3:::b/?', 'arn:aws:s3:::b/k', true],
    ['arn:aws:s3:::B/k', 'arn:aws:s3:::b/k', false],
    ['arn:aws:ec2:*:*:volume/*', 'arn:aws:ec2:eu-central-1:111122223333:volume/vol-1', true],
    ['arn:aws:ec2:*:volume/*', 'arn:aws:ec2:eu-central-1:111122223333:volume/vol-1', false],
    ['arn:aws:ec2:eu-central-1:1111*:volume/*', 'arn:aws:ec2:eu-central-1:111122223333:volume/vol-1', true],
    ['arn:aws:ec2:eu-*', 'arn:aws:ec2:eu-central-1:111122223333:volume/vol-1', true],
    ['arn:aws:ec2:*::snapshot/*', 'arn:aws:ec2:eu-central-1::snapshot/snap-1', true],
    ['arn:aws:ec2:*:111122223333:snapshot/*', 'arn:aws:ec2:eu-central-1::snapshot/snap-1', false],
    ['arn:aws:states:*:*:execution:one:*', 'arn:aws:states:eu-central-1:111122223333:execution:one:two', true],
    ['arn:aws:ec2:*:*:volume/*', '*', false],
    ['*', '*', true],
  ])('%s covers %s: %s', (pattern, resource, covered) => {
    expect(allows([allow({ Resource: pattern })], { resource })).toBe(covered)
    expect(allows([allow({ Resource: undefined, NotResource: pattern })], { resource })).toBe(!covered)
  })

  it('reads variables in resources, and matches nothing while one has no value', () => {
    const own = [allow({ Resource: 'arn:aws:s3:::b/${aws:username}/*' })]
    const resource = 'arn:aws:s3:::b/a*a/x'
    expect(allows(own, { resource, context: { 'aws:username': 'a*a' } })).toBe(true)
    expect(allows(own, { resource: 'arn:aws:s3:::b/aZa/x', context: { 'aws:username': 'a*a' } })).toBe(false)
    expect(allows(own, { resource })).toBe(false)
    const withDefault = [allow({ Resource: "arn:aws:s3:::b/${aws:username, 'nobody'}/*" })]
    expect(allows(withDefault, { resource: 'arn:aws:s3:::b/nobody/x' })).toBe(true)
    const sign = [allow({ Resource: 'arn:aws:s3:::b/${*}' })]
    expect(allows(sign, { resource: 'arn:aws:s3:::b/*' })).toBe(true)
    expect(allows(sign, { resource: 'arn:aws:s3:::b/x' })).toBe(false)
  })

  it('takes variables for text in a policy of 2008', () => {
    const old = set('identity', [allow({ Resource: 'arn:aws:s3:::b/${aws:username}' })], '2008-10-17')
    const context = { 'aws:username': 'ada' }
    expect(decided({ identity: old }, { resource: 'arn:aws:s3:::b/ada', context }).allowed).toBe(false)
    expect(decided({ identity: old }, { resource: 'arn:aws:s3:::b/${aws:username}', context }).allowed).toBe(true)
  })
})

const sameTeam = (operator: string): Statement[] => [
  allow({ Condition: { [operator]: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } } }),
]
const redThingOf = (team: string): Record<string, string> => ({
  'aws:ResourceTag/team': 'red',
  'aws:PrincipalTag/team': team,
})

describe('a condition operator', () => {
  const KEY = 'aws:RequestTag/k'
  const holds = (operator: string, values: unknown, value: ContextValue | undefined, key = KEY): boolean =>
    allows([allow({ Condition: { [operator]: { [key]: values } } })], {
      context: value === undefined ? {} : { [key]: value },
    })

  test.each<[string, unknown, ContextValue, boolean]>([
    ['StringEquals', 'a', 'a', true],
    ['StringEquals', ['b', 'a'], 'a', true],
    ['StringEquals', 'A', 'a', false],
    ['StringEquals', 'a*', 'ab', false],
    ['StringNotEquals', ['b', 'a'], 'a', false],
    ['StringNotEquals', ['b', 'c'], 'a', true],
    ['StringEqualsIgnoreCase', 'A', 'a', true],
    ['StringNotEqualsIgnoreCase', 'A', 'a', false],
    ['StringLike', 'a*?', 'abc', true],
    ['StringLike', 'a?', 'abc', false],
    ['StringNotLike', 'a*', 'abc', false],
    ['NumericEquals', '10', 10, true],
    ['NumericEquals', 10, '10.0', true],
    ['NumericEquals', 0, '', false],
    ['NumericNotEquals', '10', 11, true],
    ['NumericLessThan', '10', 9, true],
    ['NumericLessThan', '10', 10, false],
    ['NumericLessThanEquals', '10', 10, true],
    ['NumericGreaterThan', '10', 10, false],
    ['NumericGreaterThanEquals', '10', 10, true],
    ['DateLessThan', '2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z', true],
    ['DateGreaterThan', '2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z', false],
    ['DateEquals', '0', '1970-01-01T00:00:00Z', true],
    ['DateNotEquals', '0', '1970-01-01T00:00:00Z', false],
    ['DateLessThanEquals', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', true],
    ['DateGreaterThanEquals', '2026-01-01T00:00:00Z', '2025-12-31T23:59:59Z', false],
    ['Bool', 'true', true, true],
    ['Bool', false, 'FALSE', true],
    ['Bool', 'true', 'yes', false],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ5', true],
    ['IpAddress', '203.0.113.0/24', '203.0.113.77', true],
    ['IpAddress', '203.0.113.0/24', '203.0.114.77', false],
    ['IpAddress', '2001:db8::/32', '2001:db8::1', true],
    ['IpAddress', '0.0.0.0/0', '2001:db8::1', false],
    ['NotIpAddress', '203.0.113.0/24', '203.0.114.77', true],
    [
      'ArnEquals',
      'arn:aws:states:*:111122223333:stateMachine:*',
      'arn:aws:states:eu-central-1:111122223333:stateMachine:m',
      true,
    ],
    ['ArnLike', 'arn:aws:events:*:rule/*', 'arn:aws:events:eu-central-1:111122223333:rule/r', false],
    ['ArnNotLike', 'arn:aws:events:*:*:rule/*', 'arn:aws:events:eu-central-1:111122223333:rule/r', false],
  ])('%s %j of %j: %s', (operator, values, value, expected) => {
    expect(holds(operator, values, value)).toBe(expected)
  })

  test.each([
    ['StringEquals', 'a', false],
    ['StringNotEquals', 'a', true],
    ['StringNotLike', 'a', true],
    ['NumericNotEquals', '1', true],
    ['DateNotEquals', '0', true],
    ['NotIpAddress', '10.0.0.0/8', true],
    ['ArnNotEquals', 'arn:aws:s3:::b', true],
    ['NumericLessThan', '1', false],
    ['Bool', 'false', false],
    ['StringEqualsIfExists', 'a', true],
    ['BoolIfExists', 'true', true],
    ['ArnLikeIfExists', 'arn:aws:s3:::b', true],
    ['Null', 'true', true],
    ['Null', 'false', false],
  ])('%s of a key that is absent: %s', (operator, values, expected) => {
    expect(holds(operator, values, undefined)).toBe(expected)
  })

  it('knows IfExists and Null of a key that is present', () => {
    expect(holds('StringEqualsIfExists', 'a', 'b')).toBe(false)
    expect(holds('Null', 'true', 'a')).toBe(false)
    expect(holds('Null', 'false', 'a')).toBe(true)
  })

  test.each<[string, readonly string[], ContextValue | undefined, boolean]>([
    ['ForAllValues:StringEquals', ['a', 'b'], ['a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAllValues:StringEquals', ['a'], undefined, true],
    ['ForAllValues:StringEquals', ['a'], [], true],
    ['ForAllValues:StringNotEquals', ['a'], ['b', 'c'], true],
    ['ForAllValues:StringNotEquals', ['a'], ['a', 'b'], false],
    ['ForAnyValue:StringEquals', ['a'], ['c', 'a'], true],
    ['ForAnyValue:StringEquals', ['a'], ['c'], false],
    ['ForAnyValue:StringEquals', ['a'], undefined, false],
    ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
    ['ForAnyValue:StringNotEquals', ['a'], ['a'], false],
    ['ForAnyValue:StringNotEquals', ['a'], undefined, false],
    ['ForAllValues:StringLike', ['tandem:*'], ['tandem:owner', 'tandem:point'], true],
  ])('%s %j of %j: %s', (operator, values, value, expected) => {
    expect(holds(operator, values, value, 'aws:TagKeys')).toBe(expected)
  })

  it('compares with variables, and says nothing while one has no value', () => {
    expect(allows(sameTeam('StringEquals'), { context: redThingOf('red') })).toBe(true)
    expect(allows(sameTeam('StringEquals'), { context: redThingOf('blue') })).toBe(false)
    expect(allows(sameTeam('StringNotEquals'), { context: redThingOf('blue') })).toBe(true)
    expect(allows(sameTeam('StringNotEquals'), { context: { 'aws:ResourceTag/team': 'red' } })).toBe(false)
  })

  it('holds only with all the others of its statement, whatever the case of the key', () => {
    const both = [allow({ Condition: { StringEquals: { 'AWS:requesttag/K': 'a', 'aws:RequestTag/l': 'b' } } })]
    expect(allows(both, { context: { [KEY]: 'a', 'aws:RequestTag/l': 'b' } })).toBe(true)
    expect(allows(both, { context: { [KEY]: 'a', 'aws:RequestTag/l': 'c' } })).toBe(false)
  })
})

const identity = (...statements: Statement[]): PolicySet => set('identity', statements)
const resource = (...statements: Statement[]): PolicySet => set('resource', statements)
const to = (AWS: string): Statement => ({ Principal: { AWS } })

describe('policies together', () => {
  it('deny, whatever else allows', () => {
    expect(decided({ identity: identity(allow(), deny()) }, {})).toEqual({
      allowed: false,
      isExplicit: true,
      sort: 'identity-based policy',
    })
    expect(decided({ identity: NOTHING }, {})).toMatchObject({ allowed: false, isExplicit: false })
    expect(decided({ identity: identity(deny()) }, { principal: ROOT }).allowed).toBe(false)
  })

  it('let the root user do everything that no policy of a resource denies', () => {
    expect(decided({ identity: NOTHING }, { principal: ROOT }).allowed).toBe(true)
    const denied = resource(deny({ Principal: '*' }))
    expect(decided({ identity: NOTHING, resource: denied }, { principal: ROOT })).toMatchObject({
      sort: 'resource-based policy',
    })
  })

  test.each<[string, Principal, string, boolean]>([
    ['a user', ADA, ADA.arn, true],
    ['another user', ADA, `arn:aws:iam::${HOME}:user/bob`, false],
    ['the role of a session', SESSION, ROLE, true],
    ['a session', SESSION, SESSION.arn, true],
    ['everybody', ADA, '*', true],
    ['the account, which only delegates', ADA, HOME, false],
    ['the account’s root, which only delegates', SESSION, `arn:aws:iam::${HOME}:root`, false],
  ])('of the resource alone are enough for %s in the same account', (_who, principal, named, allowed) => {
    expect(decided({ identity: NOTHING, resource: resource(allow(to(named))) }, { principal }).allowed).toBe(allowed)
  })

  it('of both sides are needed across accounts', () => {
    const foreign = { resourceAccountId: OTHER }
    const granted = resource(allow(to(HOME)))
    expect(decided({ identity: identity(allow()), ...foreign }, {})).toMatchObject({ sort: 'resource-based policy' })
    expect(decided({ identity: NOTHING, resource: granted, ...foreign }, {}).allowed).toBe(false)
    expect(decided({ identity: NOTHING, resource: resource(allow(to(ADA.arn))), ...foreign }, {}).allowed).toBe(false)
    expect(decided({ identity: identity(allow()), resource: granted, ...foreign }, {}).allowed).toBe(true)
    expect(decided({ identity: NOTHING, ...foreign }, { principal: ROOT }).allowed).toBe(false)
  })

  it('of a key count only as far as the key’s own policy delegates to the account (AWS facts G)', () => {
    const must = { resourceMustAllow: true }
    const others = resource(allow(to(`arn:aws:iam::${HOME}:user/bob`)))
    expect(decided({ identity: identity(allow()), resource: others, ...must }, {}).allowed).toBe(false)
    expect(decided({ identity: identity(allow()), resource: resource(allow(to(HOME))), ...must }, {}).allowed).toBe(
      true,
    )
    expect(decided({ identity: NOTHING, resource: resource(allow(to(HOME))), ...must }, {}).allowed).toBe(false)
    expect(decided({ identity: NOTHING, resource: resource(allow(to(ADA.arn))), ...must }, {}).allowed).toBe(true)
  })

  it('are limited by a boundary and by a session policy, which allow nothing themselves', () => {
    const reads = identity(allow({ Action: 's3:GetObject' }))
    const writes = identity(allow({ Action: 's3:PutObject' }))
    for (const limit of ['boundary', 'session'] as const) {
      expect(decided({ identity: identity(allow()), [limit]: reads }, {}).allowed).toBe(true)
      expect(decided({ identity: identity(allow()), [limit]: writes }, {}).allowed).toBe(false)
      expect(decided({ identity: NOTHING, [limit]: reads }, {}).allowed).toBe(false)
      const ofRole = { identity: NOTHING, resource: resource(allow(to(ROLE))), [limit]: writes }
      expect(decided(ofRole, { principal: SESSION }).allowed).toBe(false)
      const ofSession = { ...ofRole, resource: resource(allow(to(SESSION.arn))) }
      expect(decided(ofSession, { principal: SESSION }).allowed).toBe(true)
    }
  })

  it('let a service in by its name and source alone, and no star means a service', () => {
    const source = 'arn:aws:events:eu-central-1:111122223333:rule/r'
    const named = resource(
      allow({ Principal: { Service: EVENTS.arn }, Condition: { ArnLike: { 'aws:SourceArn': source } } }),
    )
    const asked = { principal: EVENTS, context: { 'aws:SourceArn': source } }
    expect(decided({ identity: NOTHING, resource: named }, asked).allowed).toBe(true)
    expect(decided({ identity: NOTHING, resource: named }, { principal: EVENTS }).allowed).toBe(false)
    expect(decided({ identity: identity(allow()), resource: resource(allow(to('*'))) }, asked).allowed).toBe(false)
  })

  it('deny all but the one that NotPrincipal names', () => {
    const denied = resource(deny({ NotPrincipal: { AWS: ADA.arn } }))
    expect(decided({ identity: identity(allow()), resource: denied }, {}).allowed).toBe(true)
    expect(decided({ identity: identity(allow()), resource: denied }, { principal: SESSION }).allowed).toBe(false)
  })
})

const parse = (document: unknown, kind: PolicyKind = 'identity') => parsePolicy(document, kind, 'tested')
const one = (statement: Statement): object => ({ Version: '2012-10-17', Statement: [statement] })

describe('a document', () => {
  test.each<[string, unknown, PolicyKind?]>([
    ['no JSON', '{'],
    ['another version', { Version: '2020-01-01', Statement: [allow()] }],
    ['no statement', { Version: '2012-10-17', Statement: [] }],
    ['an unknown element', one(allow({ Actions: 's3:*' }))],
    ['another effect', one(allow({ Effect: 'allow' }))],
    ['an action without service', one(allow({ Action: 'GetObject' }))],
    ['action and NotAction', one(allow({ NotAction: 's3:*' }))],
    ['no resource', one(allow({ Resource: undefined }))],
    ['a resource that is no ARN', one(allow({ Resource: 'b/*' }))],
    ['a principal in an identity policy', one(allow({ Principal: '*' }))],
    ['no principal in a resource policy', one(allow()), 'resource'],
    ['a resource in a trust policy', one(allow({ Principal: '*' })), 'trust'],
    ['a principal with a wildcard', one(allow({ Principal: { AWS: `arn:aws:iam::${HOME}:role/*` } })), 'resource'],
    ['a number that is none', one(allow({ Condition: { NumericEquals: { 'ec2:VolumeSize': 'ten' } } }))],
    ['a range that is none', one(allow({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/40' } } }))],
  ])('with %s is malformed', (_what, document, kind) => {
    expect(() => parse(document, kind)).toThrow(expect.objectContaining({ code: 'MalformedPolicyDocument' }))
  })

  test.each<[string, Statement]>([
    ['condition operator StringEqual', { Condition: { StringEqual: { 'aws:username': 'a' } } }],
    ['condition operator NullIfExists', { Condition: { NullIfExists: { 'aws:username': 'true' } } }],
    [
      'condition operator ForSomeValues:StringEquals',
      { Condition: { 'ForSomeValues:StringEquals': { 'aws:TagKeys': 'a' } } },
    ],
    ['condition key aws:ResourceTags/owner', { Condition: { StringEquals: { 'aws:ResourceTags/owner': 'a' } } }],
    ['condition key aws:RequestTag/', { Condition: { StringEquals: { 'aws:RequestTag/': 'a' } } }],
    ['policy variable aws:nobody', { Resource: 'arn:aws:s3:::b/${aws:nobody}' }],
    [
      'StringEquals without ForAllValues or ForAnyValue for aws:TagKeys',
      { Condition: { StringEquals: { 'aws:TagKeys': 'a' } } },
    ],
  ])('with the unknown %s is refused by name, not ignored', (what, statement) => {
    expect(() => parse(one(allow(statement)))).toThrow(
      expect.objectContaining({
        code: 'NotImplemented',
        status: 501,
        message: expect.stringContaining(what) as string,
      }),
    )
  })
})

it('decides in microseconds, so that it does not slow the account down', () => {
  const statements = Array.from({ length: 40 }, (_, index) =>
    allow({
      Action: [`ec2:Describe${index}`, 'ec2:StopInstances'],
      Resource: `arn:aws:ec2:*:${HOME}:instance/i-${index}*`,
      Condition: { StringLike: { 'aws:ResourceTag/tandem:policy': `${index}*` } },
    }),
  )
  const policies = { identity: set('identity', statements) }
  const asked = {
    action: 'ec2:StopInstances',
    resource: `arn:aws:ec2:eu-central-1:${HOME}:instance/i-39x`,
    context: { 'aws:ResourceTag/tandem:policy': '39' },
  }
  const rounds = 2000
  const began = process.cpuUsage()
  for (let round = 0; round < rounds; round += 1) expect(decided(policies, asked).allowed).toBe(true)
  const { user } = process.cpuUsage(began)
  // A generous limit of CPU time: it is some 10 µs on an idle machine, and the test must not fail on a busy one.
  expect(user / rounds).toBeLessThan(200)
})
