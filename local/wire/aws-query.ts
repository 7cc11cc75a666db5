import type { NormalizedSchema } from '@smithy/core/schema'

import { valueSchema } from './model.ts'
import type { OperationModel, ServiceModel } from './model.ts'
import { INVALID_TOKEN_MESSAGE, nullMember, validationError } from './protocol.ts'
import type { Protocol, Violation, WireReply, WireRequest } from './protocol.ts'
import { QueryProtocol } from './query.ts'
import type { ParameterNode } from './query.ts'
import { AwsError } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { escapeXml } from './simple-values.ts'
import { XmlWriter } from './xml-writer.ts'

class AwsQueryProtocol extends QueryProtocol {
  readonly #writer = new XmlWriter('shortest')
  readonly unknownKey = new AwsError('InvalidClientTokenId', INVALID_TOKEN_MESSAGE, { status: 403 })

  refuseSignature({ kind, message }: SignatureFault): AwsError {
    if (kind === 'incomplete') return new AwsError('IncompleteSignature', message)
    return new AwsError('SignatureDoesNotMatch', message, { status: 403 })
  }

  /** IAM shows no values. */
  refuseInput(violations: readonly Violation[]): AwsError {
    const texts = violations.map(({ constraint, path }) =>
      constraint === 'required'
        ? nullMember(path)
        : `Value at '${path}' failed to satisfy constraint: Member must satisfy enum value set`,
    )
    return validationError('ValidationError', texts)
  }

  encode({ name, output: schema }: OperationModel, output: unknown, request: WireRequest): WireReply {
    const body = this.document(`${name}Response`, (to) => {
      if (!schema.isUnitSchema()) {
        to.add(`<${name}Result>`)
        this.#writer.write(schema, output ?? {}, to)
        to.add(`</${name}Result>`)
      }
      to.add(`<ResponseMetadata><RequestId>${request.requestId}</RequestId></ResponseMetadata>`)
    })
    return { status: 200, headers: { 'content-type': 'text/xml' }, body }
  }

  encodeError(error: AwsError, request: WireRequest): WireReply {
    const code = this.model.queryCodes?.get(error.code) ?? error.code
    const body =
      `<ErrorResponse><Error><Type>${error.status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${escapeXml(code)}</Code>` +
      `<Message>${escapeXml(error.message)}</Message></Error><RequestId>${request.requestId}</RequestId></ErrorResponse>`
    return { status: error.status, headers: { 'content-type': 'text/xml' }, body, errorCode: error.code }
  }

  protected override memberName(member: NormalizedSchema): string {
    return member.getMergedTraits().xmlName ?? member.getMemberName()
  }

  protected override listNode(list: NormalizedSchema, node: ParameterNode): ParameterNode | undefined {
    if (list.getMergedTraits().xmlFlattened) return node
    return node.children.get(valueSchema(list).getMergedTraits().xmlName ?? 'member')
  }

  override malformed(message: string): AwsError {
    return new AwsError('MalformedInput', message)
  }

  protected override unknownAction(action: string, version: string | undefined): AwsError {
    return this.model.signingName === 'sqs'
      ? new AwsError('InvalidAction', `The action ${action} is not valid for this endpoint.`)
      : this.unknownVersion(action, version)
  }

  /** Services look for actions by their version. */
  protected override unknownVersion(action: string, version = 'NO_VERSION_SPECIFIED'): AwsError {
    return new AwsError('InvalidAction', `Could not find operation ${action} for version ${version}`)
  }

  /** Query services other than EC2 ignore parameters that they do not know. */
  protected override refuseUnknown(): void {}
}

export const awsQuery = (model: ServiceModel): Protocol => new AwsQueryProtocol(model)
