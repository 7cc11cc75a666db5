/** How a denial reads, service by service (AWS facts A.21). */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { AwsError } from '../wire/service.ts'
import type { Decision, Question } from './decision.ts'

export type Denial = Question & Extract<Decision, { allowed: false }>

/** The service whose API refuses: usually that of the action, but not for what it asks on the way (PassRole, KMS). */
export function denialOf(service: string, denial: Denial): AwsError {
  const message = sentence(denial, service === 's3')
  switch (service) {
    case 'ec2':
      return new AwsError(
        'UnauthorizedOperation',
        `You are not authorized to perform this operation. ${message}. Encoded authorization failure message: ${encoded(denial)}`,
        { status: 403 },
      )
    case 's3':
    case 'iam':
    case 'sts':
    case 'sqs':
      return new AwsError('AccessDenied', message, { status: 403 })
    case 'lambda':
    case 'scheduler':
    case 'ebs':
      return new AwsError('AccessDeniedException', message, { status: 403 })
    default:
      return new AwsError('AccessDeniedException', message)
  }
}

function sentence({ principal, action, resource, isExplicit, sort }: Denial, isQuoted: boolean): string {
  const place = resource === '*' ? '' : ` on resource: ${isQuoted ? `"${resource}"` : resource}`
  const article = sort === 'identity-based policy' ? 'an' : 'a'
  const reason = isExplicit
    ? `with an explicit deny in ${article} ${sort}`
    : `because no ${sort} allows the ${action} action`
  return `User: ${principal.arn} is not authorized to perform: ${action}${place} ${reason}`
}

/** Opaque to whoever is denied; DecodeAuthorizationMessage reads it, for who may call that. */
function encoded({ principal, action, resource, isExplicit }: Denial): string {
  const said = {
    allowed: false,
    explicitDeny: isExplicit,
    matchedStatements: { items: [] },
    failures: { items: [] },
    context: { principal: { id: principal.arn, arn: principal.arn }, action, resource, conditions: { items: [] } },
  }
  return deflateRawSync(JSON.stringify(said)).toString('base64url')
}

/** @throws AwsError InvalidAuthorizationMessageException */
export function decodeDenial(message: string): string {
  try {
    const text = inflateRawSync(Buffer.from(message, 'base64url')).toString()
    JSON.parse(text)
    return text
  } catch {
    throw new AwsError('InvalidAuthorizationMessageException', 'Message is not valid')
  }
}
