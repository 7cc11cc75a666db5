/** Encryption by default, and the key for it: settings of the account in this Region (AWS facts G). */
import type { ModifyEbsDefaultKmsKeyIdRequest } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { defaultKeyArn } from './encryption.ts'
import type { Account } from './model.ts'
import { operation, required } from './request.ts'

function setEncryption({ state }: Account, enabled: boolean): object {
  state.ebs.encryptsByDefault = enabled
  return { EbsEncryptionByDefault: enabled }
}

function modifyDefaultKey(account: Account, request: ModifyEbsDefaultKmsKeyIdRequest): object {
  const name = required(request.KmsKeyId, 'kmsKeyId')
  const key = account.keys.find(name)
  if (key?.state !== 'Enabled')
    throw new AwsError(
      'InvalidParameterValue',
      `The key '${name}' does not exist, is not enabled or is not accessible.`,
    )
  account.state.ebs.defaultKeyId = key.arn
  return { KmsKeyId: key.arn }
}

export const encryptionOperations = (account: Account): Operations => ({
  EnableEbsEncryptionByDefault: operation<object>([], () => setEncryption(account, true)),
  DisableEbsEncryptionByDefault: operation<object>([], () => setEncryption(account, false)),
  GetEbsEncryptionByDefault: operation<object>([], () => ({
    EbsEncryptionByDefault: account.state.ebs.encryptsByDefault,
    SseType: account.state.ebs.encryptsByDefault ? 'sse-kms' : 'none',
  })),
  GetEbsDefaultKmsKeyId: operation<object>([], () => ({ KmsKeyId: defaultKeyArn(account) })),
  ModifyEbsDefaultKmsKeyId: operation<ModifyEbsDefaultKmsKeyIdRequest>(['KmsKeyId'], (input) =>
    modifyDefaultKey(account, input),
  ),
  ResetEbsDefaultKmsKeyId: operation<object>([], () => {
    account.state.ebs.defaultKeyId = undefined
    return { KmsKeyId: defaultKeyArn(account) }
  }),
})
