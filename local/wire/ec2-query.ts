import type { NormalizedSchema } from '@smithy/core/schema'

import type { OperationModel, ServiceModel } from './model.ts'
import type { Protocol, Violation, WireReply, WireRequest } from './protocol.ts'
import { QueryProtocol, XML_DECLARATION } from './query.ts'
import type { ParameterNode } from './query.ts'
import { AwsError } from './service.ts'
import type { SignatureFault } from './signature.ts'
import { escapeXml } from './simple-values.ts'
import { XmlWriter } from './xml-writer.ts'

class Ec2QueryProtocol extends QueryProtocol {
  readonly #writer = new XmlWriter('milliseconds')
  /** AWS facts A.21. */
  readonly unknownKey = new AwsError('AuthFailure', 'AWS was not able to validate the provided access credentials', {
    status: 401,
  })

  /** EC2 says the same of an unknown key and of a wrong signature. */
  refuseSignature({ kind, message }: SignatureFault): AwsError {
    return kind === 'incomplete' ? new AwsError('IncompleteSignature', message) : this.unknownKey
  }

  /** Only the first of them is told. Texts of enumerations other than attributes and types to tag are from memory. */
  refuseInput([violation]: readonly [Violation, ...Violation[]]): AwsError {
    const name = violation.path.replace(/^.*\./, '')
    if (violation.constraint === 'required')
      return new AwsError('MissingParameter', `The request must contain the parameter ${capitalize(name)}`)
    const { value, allowed } = violation
    const wrong = [value].flat().find((item) => !allowed.includes(item)) ?? ''
    if (name === 'resourceType')
      return new AwsError(
        'InvalidParameterValue',
        `'${wrong}' is not a valid taggable resource type for this operation.`,
      )
    const why = name === 'attribute' ? ' Unknown attribute.' : ''
    return new AwsError('InvalidParameterValue', `Value (${wrong}) for parameter ${name} is invalid.${why}`)
  }

  /** Operations without output send `<return>true</return>`; replies have `requestId` first. */
  encode(operation: OperationModel, output: unknown, request: WireRequest): WireReply {
    const body = this.document(`${operation.name}Response`, (to) => {
      to.add(`<requestId>${request.requestId}</requestId>`)
      if (operation.output.isUnitSchema()) to.add('<return>true</return>')
      else this.#writer.write(operation.output, output ?? {}, to)
    })
    return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body }
  }

  encodeError(error: AwsError, request: WireRequest): WireReply {
    const body =
      `${XML_DECLARATION}<Response><Errors><Error><Code>${escapeXml(error.code)}</Code>` +
      `<Message>${escapeXml(error.message)}</Message></Error></Errors><RequestID>${request.requestId}</RequestID></Response>`
    return { status: error.status, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body, errorCode: error.code }
  }

  protected override memberName(member: NormalizedSchema): string {
    const traits = member.getMergedTraits()
    if (typeof traits['ec2QueryName'] === 'string') return traits['ec2QueryName']
    return capitalize(traits.xmlName ?? member.getMemberName())
  }

  protected override listNode(_list: NormalizedSchema, node: ParameterNode): ParameterNode {
    return node
  }

  override malformed(message: string): AwsError {
    return new AwsError('InvalidParameterValue', message)
  }

  protected override unknownAction(action: string): AwsError {
    return new AwsError('InvalidAction', `The action ${action} is not valid for this web service.`)
  }

  /** AWS still takes versions of before; the schemas here are those of the last one. */
  protected override unknownVersion(_action: string, version: string | undefined): AwsError {
    if (!version) return new AwsError('MissingParameter', 'The request must contain the parameter Version')
    return new AwsError('NoSuchVersion', `The requested version (${version}) of service AmazonEC2 does not exist`)
  }

  protected override refuseUnknown(name: string): void {
    throw new AwsError('UnknownParameter', `The parameter ${name} is not recognized`)
  }
}

const capitalize = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

export const ec2Query = (model: ServiceModel): Protocol => new Ec2QueryProtocol(model)
