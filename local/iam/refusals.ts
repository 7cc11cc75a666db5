import { AwsError } from '../wire/service.ts'

/** @see CreatePolicy, PutRolePolicy … of IAM */
export const malformed = (message: string): AwsError => new AwsError('MalformedPolicyDocument', message)

/** AWS knows it; guessing would be an allowance or a denial that AWS would not give. */
export const unknownToEvaluator = (what: string): AwsError =>
  new AwsError('NotImplemented', `The embedded account does not evaluate ${what}.`, { status: 501 })
