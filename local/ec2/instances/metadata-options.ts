/** ModifyInstanceMetadataOptions, and what a launch may say of them. */
import type {
  InstanceMetadataOptionsRequest,
  InstanceMetadataOptionsResponse,
  ModifyInstanceMetadataOptionsRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { INSTANCE, find } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Instance } from './model.ts'
import { invalidValue, operation, required, supportOnly } from '../request.ts'

const HOPS_MAX = 64
const OPTIONS = [
  'HttpTokens',
  'HttpPutResponseHopLimit',
  'HttpEndpoint',
  'InstanceMetadataTags',
  'HttpProtocolIpv6',
] as const

/** @throws AwsError InvalidParameterValue */
export function checkMetadataOptions(options: InstanceMetadataOptionsRequest): void {
  supportOnly(options, OPTIONS, 'MetadataOptions.')
  const { HttpPutResponseHopLimit: hops } = options
  if (hops !== undefined && (hops < 1 || hops > HOPS_MAX))
    throw invalidValue(`Invalid value '${hops}' for HttpPutResponseHopLimit. Must be between 1 and ${HOPS_MAX}.`)
}

export const toMetadataOptions = ({ metadataOptions, image }: Instance): InstanceMetadataOptionsResponse => ({
  State: 'applied',
  // An image may demand tokens of whatever is launched from it.
  HttpTokens: image.imdsSupport === undefined ? 'optional' : 'required',
  HttpPutResponseHopLimit: image.imdsSupport === undefined ? 1 : 2,
  HttpEndpoint: 'enabled',
  HttpProtocolIpv6: 'disabled',
  InstanceMetadataTags: 'disabled',
  ...metadataOptions,
})

function modifyOptions(account: Account, request: ModifyInstanceMetadataOptionsRequest): object {
  const { InstanceId, DryRun: _, ...options } = request
  const instance = find(INSTANCE, account.instances, required(InstanceId, 'InstanceId'))
  checkMetadataOptions(options)
  if (instance.state !== 'running' && instance.state !== 'stopped' && instance.state !== 'pending')
    throw new AwsError('IncorrectInstanceState', `The instance '${instance.id}' is in the '${instance.state}' state.`)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  instance.metadataOptions = { ...instance.metadataOptions, ...Object.fromEntries(given) }
  return { InstanceId: instance.id, InstanceMetadataOptions: { ...toMetadataOptions(instance), State: 'pending' } }
}

export const metadataOptionsOperations = (account: Account): Operations => ({
  ModifyInstanceMetadataOptions: operation<ModifyInstanceMetadataOptionsRequest>(['InstanceId', ...OPTIONS], (input) =>
    modifyOptions(account, input),
  ),
})
