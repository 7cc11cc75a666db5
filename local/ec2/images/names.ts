/** Names of images: unique in an account and Region, which makes them an idempotency token of a kind (AWS facts A.17). */
import { AwsError } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { invalidValue } from '../request.ts'

const NAME = /^[a-zA-Z0-9()[\] ./\-'@_]{3,128}$/
const DESCRIPTION_MAX = 255

/** @throws AwsError InvalidAMIName.Malformed, InvalidAMIName.Duplicate, InvalidParameterValue, ResourceLimitExceeded */
export function checkNewImage(account: Account, name: string, description = ''): void {
  if (!NAME.test(name))
    throw new AwsError(
      'InvalidAMIName.Malformed',
      "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'",
    )
  if (description.length > DESCRIPTION_MAX)
    throw invalidValue(`Character sets beyond ${DESCRIPTION_MAX} characters are not supported for description.`)
  const own = [...account.images.values()].filter(({ ownerId }) => ownerId === account.accountId)
  const present = own.find((image) => image.name === name)
  if (present) throw new AwsError('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by AMI ${present.id}`)
  if (own.length >= account.quotas.images)
    throw new AwsError('AMIQuotaExceeded', 'The maximum number of AMIs has been reached.')
}
