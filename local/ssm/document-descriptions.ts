/** Documents as they are described, listed and filtered. */
import type { DocumentDescription, DocumentIdentifier } from '@aws-sdk/client-ssm'
import { AwsError } from '../wire/service.ts'
import { parseDocument, platformsOf } from './document-content.ts'
import type { DocumentContent } from './document-content.ts'
import type { Document, DocumentVersion } from './model.ts'

export function describeContent(name: string, content: DocumentContent, owner: string): DocumentDescription {
  return {
    Name: name,
    Owner: owner,
    Status: 'Active',
    Description: content.description,
    DocumentType: 'Command',
    DocumentFormat: 'JSON',
    SchemaVersion: content.schemaVersion,
    PlatformTypes: platformsOf(content),
    DocumentVersion: '1',
    LatestVersion: '1',
    DefaultVersion: '1',
    Parameters: Object.entries(content.parameters).map(([Name, rule]) => ({
      Name,
      Type: rule.type === 'StringList' ? 'StringList' : 'String',
      DefaultValue:
        rule.default === undefined
          ? undefined
          : typeof rule.default === 'string'
            ? rule.default
            : JSON.stringify(rule.default),
    })),
  }
}

/** @param accountId of who made it */
export function describeVersion(document: Document, version: DocumentVersion, accountId: string): DocumentDescription {
  return {
    ...describeContent(document.name, parseDocument(version.content), accountId),
    Hash: version.hash,
    HashType: 'Sha256',
    CreatedDate: new Date(version.createdMs),
    VersionName: version.versionName,
    DocumentVersion: version.version,
    LatestVersion: document.versions.at(-1)?.version,
    DefaultVersion: document.defaultVersion,
    Tags: [...document.tags].map(([Key, Value]) => ({ Key, Value })),
  }
}

/** What a list tells of a document. */
export const identifierOf = ({
  Name,
  Owner,
  PlatformTypes,
  DocumentVersion,
  DocumentType,
  SchemaVersion,
  DocumentFormat,
  Tags,
  CreatedDate,
}: DocumentDescription): DocumentIdentifier => ({
  Name,
  Owner,
  PlatformTypes,
  DocumentVersion,
  DocumentType,
  SchemaVersion,
  DocumentFormat,
  Tags,
  CreatedDate,
})

/** Whether a filter of ListDocuments lets a document through. @throws AwsError InvalidFilterKey */
export function matcherOf(key: string, values: readonly string[]): (document: DocumentDescription) => boolean {
  if (key === 'Name') return ({ Name = '' }) => values.some((prefix) => Name.startsWith(prefix))
  if (key === 'Owner')
    return ({ Owner }) =>
      values.some((value) => value === 'All' || (Owner === 'Amazon' ? value === 'Amazon' : value === 'Self'))
  if (key === 'PlatformTypes') return ({ PlatformTypes = [] }) => PlatformTypes.some((one) => values.includes(one))
  if (key === 'DocumentType') return ({ DocumentType = '' }) => values.includes(DocumentType)
  if (key.startsWith('tag:'))
    return ({ Tags = [] }) => Tags.some(({ Key, Value = '' }) => `tag:${Key}` === key && values.includes(Value))
  throw new AwsError('InvalidFilterKey', `The specified key ${key} is not valid.`)
}
