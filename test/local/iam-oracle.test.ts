/** Our evaluator of policies against a plain one, over random policies and requests. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { decide, PolicySet } from '../../local/iam/decision.ts'
import { parsePolicy, type PolicyKind } from '../../local/iam/policy.ts'
import type { Principal } from '../../local/iam/principals.ts'
import { oracle, type OracleRequest, type OracleStatement } from './iam-oracle.ts'

const HOME = '111122223333'
const OTHER = '444455556666'
const ADA = `arn:aws:iam::${HOME}:user/ada`
const ROLE = `arn:aws:iam::${HOME}:role/made/worker`
const SESSION = `arn:aws:sts::${HOME}:assumed-role/worker/one`
const ROOT = `arn:aws:iam::${HOME}:root`

const PRINCIPALS: readonly { readonly principal: Principal; readonly names: OracleRequest['names'] }[] = [
  {
    principal: { kind: 'user', accountId: HOME, arn: ADA },
    names: { itself: ADA, account: HOME, isService: false, isRoot: false },
  },
  {
    principal: { kind: 'session', accountId: HOME, arn: SESSION, roleArn: ROLE },
    names: { itself: SESSION, role: ROLE, account: HOME, isService: false, isRoot: false },
  },
  {
    principal: { kind: 'root', accountId: HOME, arn: ROOT },
    names: { itself: ROOT, account: HOME, isService: false, isRoot: true },
  },
  {
    principal: { kind: 'service', accountId: '', arn: 'events.amazonaws.com' },
    names: { itself: 'events.amazonaws.com', isService: true, isRoot: false },
  },
]

/** Few words, so that policies and requests often meet. */
const ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:GetObjectTagging', 'sqs:SendMessage']
const ACTION_PATTERNS = [...ACTIONS, '*', 's3:*', 's3:Get*', 'S3:getobject', 's3:???Object', 'sqs:Send*ge']
const RESOURCES = ['arn:aws:s3:::one/a', 'arn:aws:s3:::one/a/b', 'arn:aws:s3:::two/a', 'arn:aws:s3:::one']
const RESOURCE_PATTERNS = [
  ...RESOURCES,
  '*',
  'arn:aws:s3:::one/*',
  'arn:aws:s3:::*/a',
  'arn:aws:s3:::one/?',
  'arn:aws:s3:::one*',
]
const TEXTS = ['a', 'ab', 'b', 'A']
const TEXT_PATTERNS = ['a', 'A', 'b', 'a*', '?', '*']
const NUMBERS = ['1', '2', '3']
const BOOLS = ['true', 'false']
const WHO = [
  '*',
  { AWS: '*' },
  { AWS: ADA },
  { AWS: ROLE },
  { AWS: SESSION },
  { AWS: HOME },
  { AWS: ROOT },
  { AWS: OTHER },
] as const
const SERVICES = [{ Service: 'events.amazonaws.com' }, { Service: 'ec2.amazonaws.com' }] as const

const oneOrMore = <T>(from: readonly T[]): fc.Arbitrary<T | T[]> =>
  fc.oneof(fc.constantFrom(...from), fc.uniqueArray(fc.constantFrom(...from), { minLength: 1, maxLength: 3 }))

const test = (operators: readonly string[], keys: readonly string[], values: readonly string[]) =>
  fc.tuple(fc.constantFrom(...operators), fc.constantFrom(...keys), oneOrMore(values))

/** `[operator, key, values]` of single-valued keys, and of one that has many. */
const conditionTest = fc.oneof(
  test(
    [
      'StringEquals',
      'StringNotEquals',
      'StringLike',
      'StringNotLike',
      'StringEqualsIgnoreCase',
      'StringNotEqualsIgnoreCase',
    ].flatMap((name) => [name, `${name}IfExists`]),
    ['aws:ResourceTag/t', 's3:prefix'],
    TEXT_PATTERNS,
  ),
  test(
    ['NumericEquals', 'NumericNotEquals', 'NumericLessThan', 'NumericGreaterThanEqualsIfExists'],
    ['s3:max-keys'],
    NUMBERS,
  ),
  test(['Bool', 'BoolIfExists'], ['aws:SecureTransport'], BOOLS),
  test(['Null'], ['aws:ResourceTag/t', 's3:max-keys', 'aws:TagKeys'], BOOLS),
  test(
    ['StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike'].flatMap((name) => [
      `ForAllValues:${name}`,
      `ForAnyValue:${name}`,
    ]),
    ['aws:TagKeys'],
    TEXT_PATTERNS,
  ),
)

const condition = fc
  .array(conditionTest, { maxLength: 2 })
  .map((tests) =>
    Object.fromEntries(
      tests.map(([operator]) => [
        operator,
        Object.fromEntries(tests.filter(([o]) => o === operator).map(([, key, values]) => [key, values])),
      ]),
    ),
  )

const statement = (isOfResource: boolean): fc.Arbitrary<OracleStatement> =>
  fc
    .record({
      Effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
      actions: oneOrMore(ACTION_PATTERNS),
      resources: oneOrMore(RESOURCE_PATTERNS),
      notAction: fc.integer({ min: 0, max: 9 }),
      notResource: fc.integer({ min: 0, max: 9 }),
      Condition: condition,
      who: fc.constantFrom(...WHO, ...SERVICES),
    })
    .map(({ Effect, actions, resources, notAction, notResource, Condition, who }) => ({
      Effect,
      ...(notAction === 0 ? { NotAction: actions } : { Action: actions }),
      ...(notResource === 0 ? { NotResource: resources } : { Resource: resources }),
      ...(Object.keys(Condition).length > 0 ? { Condition } : {}),
      ...(isOfResource ? { Principal: who } : {}),
    }))

const statements = (isOfResource = false) => fc.array(statement(isOfResource), { minLength: 1, maxLength: 3 })
const perhaps = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })

const request = fc.record({
  action: fc.constantFrom(...ACTIONS),
  resource: fc.constantFrom(...RESOURCES),
  context: fc.record(
    {
      'aws:ResourceTag/t': fc.constantFrom(...TEXTS),
      's3:prefix': fc.constantFrom(...TEXTS),
      's3:max-keys': fc.constantFrom(...NUMBERS),
      'aws:SecureTransport': fc.constantFrom(...BOOLS),
      'aws:TagKeys': fc.uniqueArray(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
})

const setOf = (kind: PolicyKind, found: readonly OracleStatement[] = []): PolicySet =>
  new PolicySet(found.length > 0 ? [parsePolicy({ Version: '2012-10-17', Statement: found }, kind, kind)] : [])

it('decides as the evaluation logic of the user guide does, for whatever policies and requests', () => {
  const seen = { allowed: 0, denied: 0, 'not allowed': 0 }
  fc.assert(
    fc.property(
      fc.constantFrom(...PRINCIPALS),
      request,
      statements(),
      perhaps(statements()),
      perhaps(statements()),
      perhaps(statements(true)),
      fc.boolean(),
      fc.boolean(),
      ({ principal, names }, asked, identity, boundary, session, resource, isCrossAccount, mustAllow) => {
        const own = names.isService ? [] : identity
        // Nobody is limited who has no policies of his own.
        const limits =
          names.isService || names.isRoot ? {} : { ...(boundary ? { boundary } : {}), ...(session ? { session } : {}) }
        const expected = oracle(
          { ...asked, names },
          { identity: names.isRoot ? [] : own, ...limits, resource, isCrossAccount, resourceMustAllow: mustAllow },
        )
        const lower = new Map(Object.entries(asked.context).map(([key, value]) => [key.toLowerCase(), value]))
        const decision = decide(
          { principal, action: asked.action, resource: asked.resource, context: (key) => lower.get(key) },
          {
            identity: setOf('identity', names.isRoot ? [] : own),
            ...(limits.boundary ? { boundary: setOf('identity', limits.boundary) } : {}),
            ...(limits.session ? { session: setOf('identity', limits.session) } : {}),
            ...(resource ? { resource: setOf('resource', resource) } : {}),
            resourceAccountId: isCrossAccount ? OTHER : HOME,
            resourceMustAllow: mustAllow,
          },
        )
        const found = decision.allowed ? 'allowed' : decision.isExplicit ? 'denied' : 'not allowed'
        seen[found] += 1
        expect(found).toBe(expected)
      },
    ),
    { numRuns: 3000, seed: 20_261_127 },
  )
  // Random policies that decide nothing would agree about everything.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(200)
})
