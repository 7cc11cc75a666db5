/** What the access maps of all services have in common. */
import type { AccessOf, AccessRequest } from './service.ts'

export type AccessContext = AccessRequest['context']
export type AccessMap = Readonly<Record<string, AccessOf>>

interface NamedTag {
  readonly Key?: string | undefined
  readonly Value?: string | undefined
}

export const request = (action: string, resource: string, context: AccessContext = {}): AccessRequest => ({
  action,
  resource,
  context,
})

/** An action that AWS cannot restrict to a resource. */
export const anyResource =
  (action: string): AccessOf =>
  () => [request(action, '*')]

/** Nothing is asked, as of GetCallerIdentity. */
export const nothing: AccessOf = () => []

/** `aws:RequestTag/…` and `aws:TagKeys` of the tags that a request gives. */
export function requestTags(tags: readonly NamedTag[] | undefined): AccessContext {
  if (!tags || tags.length === 0) return {}
  return {
    'aws:TagKeys': tags.map(({ Key = '' }) => Key),
    ...Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [`aws:RequestTag/${Key}`, Value])),
  }
}

/** `aws:ResourceTag/…`, and the same under the prefixes of a service's own, e.g. `ec2:ResourceTag/`. */
export function resourceTags(tags: ReadonlyMap<string, string>, ...ownPrefixes: readonly string[]): AccessContext {
  return Object.fromEntries(
    [...tags].flatMap(([key, value]) =>
      ['aws:ResourceTag/', ...ownPrefixes].map((prefix): [string, string] => [prefix + key, value]),
    ),
  )
}

/** The permission to hand a role to a service. */
export const passRole = (roleArn: string, service: string): AccessRequest =>
  request('iam:PassRole', roleArn, { 'iam:PassedToService': service })

/** The accesses of several operations that have the same name as their action and are about the same resource. */
export const operationsOn = (
  prefix: string,
  names: readonly string[],
  resourceOf: (input: never) => AccessRequest['resource'],
): AccessMap =>
  Object.fromEntries(names.map((name) => [name, (input: never) => [request(`${prefix}:${name}`, resourceOf(input))]]))
