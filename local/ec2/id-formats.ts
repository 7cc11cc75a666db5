/**
 * How ids must look, and how each kind is refused that looks otherwise: before a request is looked at any further. Codes and texts
 * are AWS facts A.4, A.21 and A.23; those of volumes are from answers of EC2, those of the network from memory.
 */
import { AwsError } from '../wire/service.ts'

interface IdFormat {
  readonly prefix: string
  /** `parameter` as EC2 names it in messages, e.g. `volumeId`. */
  readonly refusal: (id: string, parameter: string) => AwsError
}

/** 17 hexadecimal digits; 8 are the ids of old, and those of images of demos. */
const DIGITS = /^[0-9a-f]{8}([0-9a-f]{9})?$/

export const isId = (prefix: string, id: string): boolean =>
  id.startsWith(`${prefix}-`) && DIGITS.test(id.slice(prefix.length + 1))

const format = (prefix: string, code: string): IdFormat => ({
  prefix,
  refusal: (id) => new AwsError(code, `Invalid id: "${id}" (expecting "${prefix}-...")`),
})

const unexpected = (id: string, parameter: string, prefix: string): AwsError =>
  new AwsError(
    'InvalidParameterValue',
    `Value (${id}) for parameter ${parameter} is invalid. Expected: '${prefix}-...'.`,
  )

const INSTANCE: IdFormat = {
  prefix: 'i',
  refusal: (id) => new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${id}"`),
}
const VOLUME: IdFormat = { prefix: 'vol', refusal: (id, parameter) => unexpected(id, parameter, 'vol') }
const SNAPSHOT = format('snap', 'InvalidSnapshotID.Malformed')
const IMAGE = format('ami', 'InvalidAMIID.Malformed')
const VPC = format('vpc', 'InvalidVpcId.Malformed')
const SUBNET = format('subnet', 'InvalidSubnetId.Malformed')
const GROUP = format('sg', 'InvalidGroupId.Malformed')
const GROUP_RULE = format('sgr', 'InvalidSecurityGroupRuleId.Malformed')
const INTERFACE = format('eni', 'InvalidNetworkInterfaceId.Malformed')
const ROOT_TASK = format('replacevol', 'InvalidReplaceRootVolumeTaskId.Malformed')
const SPOT_REQUEST = format('sir', 'InvalidSpotInstanceRequestID.Malformed')

/**
 * By the name of the member that holds one, or a list of them. Ids of addresses, key pairs and attachments are not among them: EC2
 * has no code for malformed ones, and does not find them.
 */
const FORMATS: ReadonlyMap<string, IdFormat> = new Map([
  ['AssociatedSubnetIds', SUBNET],
  ['ExcludeDataVolumeIds', VOLUME],
  ['GroupId', GROUP],
  ['GroupIds', GROUP],
  ['Groups', GROUP],
  ['ImageId', IMAGE],
  ['ImageIds', IMAGE],
  ['InstanceId', INSTANCE],
  ['InstanceIds', INSTANCE],
  ['NetworkInterfaceId', INTERFACE],
  ['NetworkInterfaceIds', INTERFACE],
  ['ReplaceRootVolumeTaskIds', ROOT_TASK],
  ['SecurityGroupIds', GROUP],
  ['SecurityGroupRuleIds', GROUP_RULE],
  ['SnapshotId', SNAPSHOT],
  ['SnapshotIds', SNAPSHOT],
  ['SourceImageId', IMAGE],
  ['SourceSnapshotId', SNAPSHOT],
  ['SourceVolumeId', VOLUME],
  ['SpotInstanceRequestIds', SPOT_REQUEST],
  ['SubnetId', SUBNET],
  ['SubnetIds', SUBNET],
  ['VolumeId', VOLUME],
  ['VolumeIds', VOLUME],
  ['VpcId', VPC],
  ['VpcIds', VPC],
])

/** Its GroupId is that of a placement group. */
const OTHERWISE = 'Placement'

/** Checks all ids of a request, at any depth; an empty one is left to who asks for it. @throws AwsError the kind's Malformed code */
export function checkIds(request: object): void {
  for (const [name, value] of Object.entries(request)) {
    const known = FORMATS.get(name)
    for (const item of [value].flat() as readonly unknown[]) {
      if (typeof item === 'string') {
        if (known && item !== '' && !isId(known.prefix, item)) throw known.refusal(item, parameterOf(name))
      } else if (typeof item === 'object' && item !== null && name !== OTHERWISE) checkIds(item)
    }
  }
}

/** `VolumeIds` is `volumes` in messages, `VolumeId` is `volumeId`. */
const parameterOf = (name: string): string => (name.charAt(0).toLowerCase() + name.slice(1)).replace(/Ids$/, 's')
