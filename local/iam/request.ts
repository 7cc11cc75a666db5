/** What every request of IAM has in common. */
import type { Tag } from '@aws-sdk/client-iam'
import { pageAfter } from '../marked-pages.ts'
import { taking } from '../refusals.ts'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operation } from '../wire/service.ts'

/** An operation that takes these parameters alone. @throws AwsError NotImplemented for any other that is set */
export const operation = <Input extends object>(
  parameters: readonly Extract<keyof Input, string>[],
  run: (input: Input, caller: Caller) => unknown,
): Operation => taking(parameters, unsupported, run)

/** How IAM and STS refuse a parameter that is not here. */
export const unsupported = (name: string): AwsError =>
  new AwsError('NotImplemented', `The parameter ${name} is not supported by this account.`, { status: 501 })

export const noSuchEntity = (what: string): AwsError =>
  new AwsError('NoSuchEntity', `${what} cannot be found.`, { status: 404 })

export const alreadyExists = (what: string): AwsError =>
  new AwsError('EntityAlreadyExists', `${what} already exists.`, { status: 409 })

export const deleteConflict = (message: string): AwsError => new AwsError('DeleteConflict', message, { status: 409 })

export const limitExceeded = (message: string): AwsError => new AwsError('LimitExceeded', message, { status: 409 })

const invalid = (message: string): AwsError => new AwsError('ValidationError', message)

/** @throws AwsError ValidationError */
export function checkedName(name: string | undefined, member: string, longest: number): string {
  if (!name || name.length > longest || !/^[\w+=,.@-]+$/.test(name))
    throw invalid(
      `The specified value for ${member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`,
    )
  return name
}

/** @throws AwsError ValidationError */
export function checkedPath(path = '/'): string {
  if (!/^\/([!-~]+\/)?$/.test(path) || path.length > 512)
    throw invalid(
      'The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.',
    )
  return path
}

const TAGS_MAX = 50

/** The given tags added to those that are there. @throws AwsError InvalidInput, LimitExceeded */
export function addTags(present: Map<string, string>, added: readonly Tag[] = []): void {
  const merged = new Map(present)
  for (const { Key = '', Value = '' } of added) {
    if (Key === '' || Key.length > 128 || Value.length > 256 || Key.toLowerCase().startsWith('aws:'))
      throw new AwsError('InvalidInput', `The tag ${Key} is not valid.`)
    merged.set(Key, Value)
  }
  if (merged.size > TAGS_MAX) throw limitExceeded(`The number of tags has reached the maximum limit of ${TAGS_MAX}.`)
  for (const [key, value] of merged) present.set(key, value)
}

export const toTagList = (tags: ReadonlyMap<string, string>): Tag[] => [...tags].map(([Key, Value]) => ({ Key, Value }))

/** Documents are percent-encoded in answers (RFC 3986). */
export const encodedDocument = (document: string): string =>
  encodeURIComponent(document).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

interface Paged {
  readonly Marker?: string | undefined
  readonly MaxItems?: number | undefined
  readonly PathPrefix?: string | undefined
}

/** One page in the order of names. @throws AwsError ValidationError */
export function pageOf<Item extends { readonly name: string; readonly path: string }>(
  items: Iterable<Item>,
  { Marker, MaxItems = 100, PathPrefix = '/' }: Paged,
): { readonly page: readonly Item[]; readonly more: { readonly IsTruncated: boolean; readonly Marker?: string } } {
  const { page, nextMarker } = pageAfter(
    [...items].filter(({ path }) => path.startsWith(PathPrefix)),
    ({ name }) => name,
    { marker: Marker, size: MaxItems },
    invalid('Invalid Marker.'),
  )
  return {
    page,
    more: nextMarker === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: nextMarker },
  }
}
