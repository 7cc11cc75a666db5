import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { IMAGE } from '../../../demo/machines.ts'
import type { Suite } from '../suite.ts'

const DISKS = JSON.stringify([
  { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, VolumeType: 'gp3', DeleteOnTermination: true } },
])
const USER_DATA = '#!/bin/bash\necho "hello from $(uname -s)"\n'

export const instances: Suite = {
  name: 'instances',
  async run({ run, refused, spoken, folder }) {
    writeFileSync(join(folder, 'user-data'), USER_DATA)
    const launch = [
      'ec2',
      'run-instances',
      '--image-id',
      IMAGE,
      '--instance-type',
      'm5.large',
      '--count',
      '2',
      '--block-device-mappings',
      DISKS,
      '--user-data',
      `file://${join(folder, 'user-data')}`,
      '--tag-specifications',
      'ResourceType=instance,Tags=[{Key=Name,Value=conformance}]',
      '--client-token',
      'conformance-1',
    ]
    const launched = await run('launches two machines with a data disk', launch, (answer) => {
      answer.is('Instances.0.State.Name', 'pending')
      answer.is('Instances.0.RootDeviceName', '/dev/sda1')
    })
    const ids = [launched.text('Instances.0.InstanceId'), launched.text('Instances.1.InstanceId')]
    const [first = '', second = ''] = ids
    await run('answers the same machines to the same client token', launch, (answer) => {
      answer.is('Instances.0.InstanceId', first)
      answer.is('Instances.1.InstanceId', second)
    })
    await refused(
      'refuses other parameters under the same client token',
      launch.map((arg) => (arg === 'm5.large' ? 'm5.xlarge' : arg)),
      'IdempotentParameterMismatch',
    )
    await run('waits until their checks pass', `ec2 wait instance-status-ok --instance-ids ${ids.join(' ')}`)
    const named = ['--filters', 'Name=tag:Name,Values=conf*', 'Name=instance-state-name,Values=running']
    const query = 'Reservations[].Instances[].InstanceId'
    const list = ['ec2', 'describe-instances', ...named, '--query', query]
    await spoken(
      'finds them by a tag with a wildcard, as text',
      [...list, '--output', 'text'],
      ({ exitCode, stdout }) => {
        assert.equal(exitCode, 0)
        assert.deepEqual(new Set(stdout.trim().split(/\s+/)), new Set(ids))
      },
    )
    await spoken(
      'shows them as a table',
      ['ec2', 'describe-instances', ...named, '--output', 'table'],
      ({ stdout }) => {
        assert.match(stdout, /\|\s+DescribeInstances\s+\|/)
        assert.ok(stdout.includes(first))
      },
    )
    await run('pages by the size that it is told', 'ec2 describe-instances --page-size 5', (answer) =>
      assert.ok(JSON.stringify(answer.at('Reservations')).includes(second)),
    )
    const some = ['ec2', 'describe-volumes', '--filters', `Name=attachment.instance-id,Values=${ids.join(',')}`]
    const page = await run('stops after so many items', [...some, '--max-items', '3'], (answer) =>
      assert.equal((answer.at('Volumes') as unknown[]).length, 3),
    )
    const rest = [...some, '--starting-token', page.text('NextToken')]
    await run('goes on where it stopped', rest, (answer) => assert.equal((answer.at('Volumes') as unknown[]).length, 1))
    const userData = ['describe-instance-attribute', '--instance-id', first, '--attribute', 'userData']
    await run('keeps the user data', ['ec2', ...userData], (answer) =>
      answer.is('UserData.Value', Buffer.from(USER_DATA).toString('base64')),
    )
    await refusals()
    await powerCycle()

    async function refusals(): Promise<void> {
      await refused(
        'says that a dry run would have worked',
        `ec2 stop-instances --dry-run --instance-ids ${first}`,
        'DryRunOperation',
      )
      await refused(
        'knows ids that are none',
        'ec2 describe-instances --instance-ids i-12',
        'InvalidInstanceID.Malformed',
      )
      await refused(
        'knows machines that are not there',
        'ec2 describe-instances --instance-ids i-0123456789abcdef9',
        'InvalidInstanceID.NotFound',
      )
      await refused('knows types that are none', [...launch.slice(0, 5), 'm5.enormous'], 'InvalidParameterValue')
      const protect = ['ec2', 'modify-instance-attribute', '--instance-id', first]
      await run('protects a machine from termination', [...protect, '--disable-api-termination'])
      await refused(
        'does not terminate a protected machine',
        `ec2 terminate-instances --instance-ids ${ids.join(' ')}`,
        'OperationNotPermitted',
      )
      await run('lifts the protection', [...protect, '--no-disable-api-termination'])
    }

    async function powerCycle(): Promise<void> {
      await run('stops a machine', `ec2 stop-instances --instance-ids ${first}`, (answer) =>
        answer.is('StoppingInstances.0.PreviousState.Name', 'running'),
      )
      await run('waits until it has stopped', `ec2 wait instance-stopped --instance-ids ${first}`)
      await run('changes the type of a stopped machine', [
        'ec2',
        'modify-instance-attribute',
        '--instance-id',
        first,
        '--instance-type',
        '{"Value": "m5.xlarge"}',
      ])
      await refused(
        'does not change the type of a running one',
        ['ec2', 'modify-instance-attribute', '--instance-id', second, '--instance-type', '{"Value": "m5.xlarge"}'],
        'IncorrectInstanceState',
      )
      await run('shows its new type', `ec2 describe-instances --instance-ids ${first}`, (answer) =>
        answer.is('Reservations.0.Instances.0.InstanceType', 'm5.xlarge'),
      )
      await run('terminates both', `ec2 terminate-instances --instance-ids ${ids.join(' ')}`)
      await run('waits until they are gone', `ec2 wait instance-terminated --instance-ids ${ids.join(' ')}`)
      await run('took their disks with them', some, (answer) => answer.is('Volumes', []))
    }
  },
}
