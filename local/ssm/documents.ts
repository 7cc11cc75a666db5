/** Command documents: AWS's own and the account's, by name and version. */
import { createHash } from 'node:crypto'
import type {
  CreateDocumentRequest,
  CreateDocumentResult,
  DeleteDocumentRequest,
  DescribeDocumentRequest,
  DescribeDocumentResult,
  GetDocumentRequest,
  GetDocumentResult,
  ListDocumentsRequest,
  ListDocumentsResult,
  UpdateDocumentDefaultVersionRequest,
  UpdateDocumentDefaultVersionResult,
  UpdateDocumentRequest,
  UpdateDocumentResult,
} from '@aws-sdk/client-ssm'
import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { RUN_SHELL_SCRIPT, SHELL_SCRIPT, WINDOWS_DOCUMENTS } from './aws-documents.ts'
import { parseDocument, platformsOf } from './document-content.ts'
import type { DocumentContent } from './document-content.ts'
import { describeContent, describeVersion, identifierOf, matcherOf } from './document-descriptions.ts'
import type { Document, DocumentVersion, SsmState } from './model.ts'
import { pageOf } from './paging.ts'
import { invalidValue, notImplemented, refuseUnknownMembers } from './refusals.ts'

const NAME = /^[a-zA-Z0-9_\-.]{3,128}$/
const RESERVED_NAME = /^(aws|amazon|amzn)/i
/** Documents of AWS itself: they exist there and not here. Any other name would have to be created first. */
const DOCUMENT_OF_AWS = /^(AWS|Amazon)/
const LARGEST_BYTES = 64 * 1024
const MOST_VERSIONS = 1000
const SMALLEST_PAGE = 1

export interface DocumentsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
}

const noSuchDocument = (name: string): AwsError =>
  new AwsError('InvalidDocument', `Document with name ${name} does not exist.`)

function versionIn(document: Document, wanted: string): DocumentVersion {
  const { versions, defaultVersion, name } = document
  const number = wanted === '$DEFAULT' ? defaultVersion : wanted
  const found = wanted === '$LATEST' ? versions.at(-1) : versions.find(({ version }) => version === number)
  if (!found) throw new AwsError('InvalidDocumentVersion', `Document version ${wanted} of ${name} does not exist.`)
  return found
}

const bareName = (name: string): string => name.replace(/^arn:aws:ssm:[^:]*:\d*:document\//, '')

export class Documents {
  readonly #options: DocumentsOptions
  readonly #state: SsmState

  constructor(options: DocumentsOptions, state: SsmState) {
    this.#options = options
    this.#state = state
  }

  /**
   * What a command on Linux nodes would run.
   *
   * @throws AwsError InvalidDocument, InvalidDocumentVersion, UnsupportedPlatformType
   */
  toRun(nameOrArn: string, version: string): { name: string; content: DocumentContent } {
    const name = bareName(nameOrArn)
    if (WINDOWS_DOCUMENTS.has(name)) throw unsupportedPlatform(name)
    if (name === SHELL_SCRIPT) {
      if (!['$DEFAULT', '$LATEST', '1'].includes(version))
        throw new AwsError('InvalidDocumentVersion', `Document version ${version} of ${name} does not exist.`)
      return { name, content: RUN_SHELL_SCRIPT }
    }
    const content = parseDocument(versionIn(this.#find(name), version).content)
    if (!platformsOf(content).includes('Linux')) throw unsupportedPlatform(name)
    return { name, content }
  }

  #find(nameOrArn: string): Document {
    const name = bareName(nameOrArn)
    const document = this.#state.documents.get(name)
    if (document) return document
    if (DOCUMENT_OF_AWS.test(name)) throw notImplemented(`the document ${name}`)
    throw noSuchDocument(name)
  }

  operations(): Operations {
    return {
      CreateDocument: (input: CreateDocumentRequest) => this.#create(input),
      UpdateDocument: (input: UpdateDocumentRequest) => this.#update(input),
      UpdateDocumentDefaultVersion: (input: UpdateDocumentDefaultVersionRequest) => this.#updateDefault(input),
      DescribeDocument: (input: DescribeDocumentRequest) => this.#describe(input),
      GetDocument: (input: GetDocumentRequest) => this.#get(input),
      ListDocuments: (input: ListDocumentsRequest) => this.#list(input),
      DeleteDocument: (input: DeleteDocumentRequest) => this.#delete(input),
    }
  }

  #create(input: CreateDocumentRequest): CreateDocumentResult {
    refuseUnknownMembers('CreateDocument', input, [
      'Content',
      'Name',
      'DocumentType',
      'DocumentFormat',
      'VersionName',
      'Tags',
      'TargetType',
    ])
    const {
      Name: name = '',
      Content: content = '',
      DocumentType: type = 'Command',
      DocumentFormat: format = 'JSON',
    } = input
    if (!NAME.test(name))
      throw invalidValue('name', name, `Member must satisfy regular expression pattern: ${NAME.source}`)
    if (RESERVED_NAME.test(name))
      throw new AwsError('ValidationException', `The name ${name} begins with a prefix that is reserved by AWS.`)
    if (type !== 'Command') throw notImplemented(`documents of type ${type}`)
    if (format !== 'JSON') throw notImplemented(`documents in ${format}`)
    if (this.#state.documents.has(name))
      throw new AwsError('DocumentAlreadyExists', `Document with same name ${name} already exists`)
    const version = this.#newVersion(content, '1', input.VersionName)
    const document: Document = {
      name,
      tags: new Map((input.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
      versions: [version],
      defaultVersion: '1',
      versionCount: 1,
    }
    this.#state.documents.set(name, document)
    return { DocumentDescription: describeVersion(document, version, this.#options.accountId) }
  }

  #newVersion(content: string, version: string, versionName: string | undefined): DocumentVersion {
    if (Buffer.byteLength(content) > LARGEST_BYTES)
      throw new AwsError('MaxDocumentSizeExceeded', 'The size limit of a document is 64 KB.')
    parseDocument(content)
    const hash = createHash('sha256').update(content).digest('hex')
    return { version, content, hash, createdMs: this.#options.clock.now(), ...(versionName ? { versionName } : {}) }
  }

  #update(input: UpdateDocumentRequest): UpdateDocumentResult {
    refuseUnknownMembers('UpdateDocument', input, [
      'Content',
      'Name',
      'DocumentVersion',
      'DocumentFormat',
      'VersionName',
      'TargetType',
    ])
    const document = this.#find(input.Name ?? '')
    if ((input.DocumentFormat ?? 'JSON') !== 'JSON') throw notImplemented(`documents in ${input.DocumentFormat ?? ''}`)
    const latest = versionIn(document, '$LATEST')
    if (input.DocumentVersion !== '$LATEST' && input.DocumentVersion !== latest.version)
      throw new AwsError('InvalidDocumentVersion', `Only the latest version of ${document.name} can be updated.`)
    const version = this.#newVersion(input.Content ?? '', String(document.versionCount + 1), input.VersionName)
    if (version.hash === latest.hash)
      throw new AwsError(
        'DuplicateDocumentContent',
        'The content of the association document matches another document.',
      )
    if (version.versionName && document.versions.some((one) => one.versionName === version.versionName))
      throw new AwsError('DuplicateDocumentVersionName', 'The version name has already been used in this document.')
    if (document.versions.length >= MOST_VERSIONS)
      throw new AwsError('DocumentVersionLimitExceeded', 'The document has too many versions.')
    document.versions.push(version)
    document.versionCount += 1
    return { DocumentDescription: describeVersion(document, version, this.#options.accountId) }
  }

  #updateDefault({
    Name = '',
    DocumentVersion = '',
  }: UpdateDocumentDefaultVersionRequest): UpdateDocumentDefaultVersionResult {
    const document = this.#find(Name)
    const { version, versionName } = versionIn(document, DocumentVersion)
    document.defaultVersion = version
    return { Description: { Name: document.name, DefaultVersion: version, DefaultVersionName: versionName } }
  }

  #describe(input: DescribeDocumentRequest): DescribeDocumentResult {
    refuseUnknownMembers('DescribeDocument', input, ['Name', 'DocumentVersion'])
    const name = bareName(input.Name ?? '')
    if (name === SHELL_SCRIPT) return { Document: describeContent(name, RUN_SHELL_SCRIPT, 'Amazon') }
    const document = this.#find(name)
    return {
      Document: describeVersion(
        document,
        versionIn(document, input.DocumentVersion ?? '$DEFAULT'),
        this.#options.accountId,
      ),
    }
  }

  #get(input: GetDocumentRequest): GetDocumentResult {
    refuseUnknownMembers('GetDocument', input, ['Name', 'DocumentVersion', 'VersionName', 'DocumentFormat'])
    if ((input.DocumentFormat ?? 'JSON') !== 'JSON') throw notImplemented(`documents in ${input.DocumentFormat ?? ''}`)
    const name = bareName(input.Name ?? '')
    const common = { Name: name, Status: 'Active', DocumentType: 'Command', DocumentFormat: 'JSON' } as const
    if (name === SHELL_SCRIPT) return { ...common, DocumentVersion: '1', Content: JSON.stringify(RUN_SHELL_SCRIPT) }
    const document = this.#find(name)
    const version =
      input.VersionName === undefined
        ? versionIn(document, input.DocumentVersion ?? '$DEFAULT')
        : document.versions.find(({ versionName }) => versionName === input.VersionName)
    if (!version) throw new AwsError('InvalidDocumentVersion', `There is no version named ${input.VersionName ?? ''}.`)
    return {
      ...common,
      DocumentVersion: version.version,
      VersionName: version.versionName,
      CreatedDate: new Date(version.createdMs),
      Content: version.content,
    }
  }

  #list(input: ListDocumentsRequest): ListDocumentsResult {
    refuseUnknownMembers('ListDocuments', input, ['Filters', 'MaxResults', 'NextToken'])
    const own = [...this.#state.documents.values()].map((one) =>
      describeVersion(one, versionIn(one, '$DEFAULT'), this.#options.accountId),
    )
    const all = [describeContent(SHELL_SCRIPT, RUN_SHELL_SCRIPT, 'Amazon'), ...own]
    const matchers = (input.Filters ?? []).map(({ Key: key = '', Values: values = [] }) => matcherOf(key, values))
    const page = pageOf(
      all.filter((one) => matchers.every((matches) => matches(one))),
      input,
      SMALLEST_PAGE,
    )
    return { DocumentIdentifiers: page.items.map(identifierOf), NextToken: page.nextToken }
  }

  #delete(input: DeleteDocumentRequest): Record<string, never> {
    refuseUnknownMembers('DeleteDocument', input, ['Name', 'DocumentVersion'])
    const document = this.#find(input.Name ?? '')
    if (input.DocumentVersion === undefined) {
      this.#state.documents.delete(document.name)
      return {}
    }
    const { version } = versionIn(document, input.DocumentVersion)
    if (version === document.defaultVersion)
      throw new AwsError('InvalidDocumentOperation', 'The default version of a document cannot be deleted.')
    document.versions.splice(
      document.versions.findIndex((one) => one.version === version),
      1,
    )
    return {}
  }
}

const unsupportedPlatform = (name: string): AwsError =>
  new AwsError('UnsupportedPlatformType', `The document ${name} does not support the platform type of the instances.`)
