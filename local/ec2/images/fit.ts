/** Whether an image can run on an instance type. */
import { AwsError } from '../../wire/service.ts'
import type { InstanceType } from '../instances/instance-types.ts'
import { invalidValue } from '../request.ts'
import type { Image, ImageDisk } from './model.ts'

/** @throws AwsError InvalidParameterValue, InvalidParameterCombination */
export function checkFits(image: Image, type: InstanceType): void {
  // 32-bit images run on the types of old alone.
  const isOld = image.architecture === 'i386' && type.architecture === 'x86_64' && type.hypervisor === 'xen'
  if (image.architecture !== type.architecture && !isOld)
    throw invalidValue(
      `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.`,
    )
  if (type.hypervisor === 'xen') return
  if (image.virtualizationType !== 'hvm')
    throw new AwsError(
      'InvalidParameterCombination',
      `Virtualization type 'hvm' is required for instances of type '${type.name}'. Ensure that you are using an AMI with virtualization type 'hvm'.`,
    )
  if (!image.enaSupport)
    throw new AwsError(
      'InvalidParameterCombination',
      `Enhanced networking with the Elastic Network Adapter (ENA) is required for the '${type.name}' instance type. Ensure that you are using an AMI that is enabled for ENA.`,
    )
}

export const rootDiskOf = ({ disks, rootDeviceName }: Image): ImageDisk | undefined =>
  disks.find(({ device }) => device === rootDeviceName)
