import { expect, test } from 'vitest'
import { resourcesOf } from '../../core/events.ts'

const arn = (resource: string): string => `arn:aws:ec2::eu-west-1:${resource}`

/** The shapes of AWS facts A.18, D.3 and F. */
test.each<[string, Parameters<typeof resourcesOf>[0], string[]]>([
  [
    'EBS Snapshot Notification',
    {
      resources: [arn('snapshot/snap-0aaa')],
      detail: {
        event: 'createSnapshot',
        result: 'succeeded',
        snapshot_id: arn('snapshot/snap-0aaa'),
        source: arn('volume/vol-0bbb'),
      },
    },
    ['snap-0aaa'],
  ],
  [
    'EBS Multi-Volume Snapshots Completion Status',
    {
      resources: [arn('snapshot/snap-0aaa')],
      detail: {
        event: 'createSnapshots',
        snapshots: [
          { snapshot_id: arn('snapshot/snap-0aaa'), source: arn('volume/vol-0bbb'), status: 'completed' },
          { snapshot_id: arn('snapshot/snap-0ccc'), source: arn('volume/vol-0ddd'), status: 'completed' },
        ],
      },
    },
    ['snap-0aaa', 'snap-0ccc'],
  ],
  [
    'EBS Volume Notification',
    {
      resources: ['arn:aws:ec2:eu-west-1:111122223333:volume/vol-0bbb'],
      detail: { event: 'createVolume', result: 'available', cause: '' },
    },
    ['vol-0bbb'],
  ],
  [
    'EC2 Instance State-change Notification',
    {
      resources: ['arn:aws:ec2:eu-west-1:111122223333:instance/i-0aaa'],
      detail: { 'instance-id': 'i-0aaa', state: 'stopped' },
    },
    ['i-0aaa'],
  ],
  [
    'EC2 Command Invocation Status-change Notification',
    {
      resources: ['arn:aws:ec2:eu-west-1:111122223333:instance/i-0aaa'],
      detail: { 'command-id': '6f6f0b66-0000-0000-0000-000000000000', 'instance-id': 'i-0aaa', status: 'Success' },
    },
    ['i-0aaa', '6f6f0b66-0000-0000-0000-000000000000'],
  ],
  ['an event without resources', { resources: [], detail: { 'instance-id': 'i-0aaa' } }, ['i-0aaa']],
  ['an event about nothing', { resources: [], detail: {} }, []],
  [
    'details of other types than promised',
    { resources: [], detail: { snapshot_id: 7, snapshots: [null, 'x', { snapshot_id: 1 }] } },
    [],
  ],
])('%s names its resources, each once', (_, event, ids) => {
  expect(resourcesOf(event)).toEqual(ids)
})
