/** What is asked of images. */
import type {
  CopyImageRequest,
  CreateImageRequest,
  DeregisterImageRequest,
  DescribeImageAttributeRequest,
  ModifyImageAttributeRequest,
  RegisterImageRequest,
  ResetImageAttributeRequest,
} from '@aws-sdk/client-ec2'
import type { AccessMap } from '../../wire/access.ts'
import type { Account } from '../model.ts'
import { asks, asksToMake, imageTarget, instanceTarget, snapshotTarget } from './resources.ts'

export const imageAccess = (account: Account): AccessMap => ({
  RegisterImage: ({ BlockDeviceMappings = [], TagSpecifications }: RegisterImageRequest) => [
    ...asksToMake(account, 'RegisterImage', 'image', TagSpecifications),
    ...asks(
      'RegisterImage',
      BlockDeviceMappings.flatMap(({ Ebs }) =>
        Ebs?.SnapshotId === undefined ? [] : [snapshotTarget(account, Ebs.SnapshotId)],
      ),
    ),
  ],
  CreateImage: ({ InstanceId, TagSpecifications }: CreateImageRequest) => [
    ...asks('CreateImage', [instanceTarget(account, InstanceId)]),
    ...asksToMake(account, 'CreateImage', 'image', TagSpecifications),
    ...asksToMake(account, 'CreateImage', 'snapshot', TagSpecifications),
  ],
  // The source is not asked about: its owner's leave decides (Service Authorization Reference).
  CopyImage: ({ TagSpecifications }: CopyImageRequest) => [
    ...asksToMake(account, 'CopyImage', 'image', TagSpecifications),
    ...asksToMake(account, 'CopyImage', 'snapshot', TagSpecifications),
  ],
  DeregisterImage: ({ ImageId }: DeregisterImageRequest) => asks('DeregisterImage', [imageTarget(account, ImageId)]),
  DescribeImageAttribute: ({ ImageId }: DescribeImageAttributeRequest) =>
    asks('DescribeImageAttribute', [imageTarget(account, ImageId)]),
  ModifyImageAttribute: ({ ImageId, Attribute, LaunchPermission }: ModifyImageAttributeRequest) =>
    asks('ModifyImageAttribute', [imageTarget(account, ImageId)], {
      'ec2:Attribute': Attribute ?? (LaunchPermission ? 'LaunchPermission' : ''),
    }),
  ResetImageAttribute: ({ ImageId, Attribute }: ResetImageAttributeRequest) =>
    asks('ResetImageAttribute', [imageTarget(account, ImageId)], { 'ec2:Attribute': Attribute ?? '' }),
})
