import assert from 'node:assert/strict'
import { IMAGE } from '../../../demo/machines.ts'
import type { Suite } from '../suite.ts'

export const systemsManager: Suite = {
  name: 'systems manager',
  async run({ run, refused }) {
    const launched = await run('launches a machine', [
      'ec2',
      'run-instances',
      '--image-id',
      IMAGE,
      '--instance-type',
      'm5.large',
      '--user-data',
      '#!/bin/bash\n',
    ])
    const machine = launched.text('Instances.0.InstanceId')
    await run('waits until it runs', `ec2 wait instance-status-ok --instance-ids ${machine}`)
    await run(
      'sees its agent',
      `ssm describe-instance-information --filters Key=InstanceIds,Values=${machine}`,
      (answer) => answer.is('InstanceInformationList.0.PingStatus', 'Online'),
    )
    const send = (script: string): string[] => [
      'ssm',
      'send-command',
      '--document-name',
      'AWS-RunShellScript',
      '--instance-ids',
      machine,
      '--parameters',
      JSON.stringify({ commands: [script] }),
    ]
    const sent = await run('runs a script on it', send('echo out; echo err >&2; lsblk -J -o NAME,SERIAL | grep -c vol'))
    const command = ['--command-id', sent.text('Command.CommandId'), '--instance-id', machine]
    await run('waits until it has run', ['ssm', 'wait', 'command-executed', ...command])
    await run('shows what it printed', ['ssm', 'get-command-invocation', ...command], (answer) => {
      answer.is('Status', 'Success')
      answer.is('ResponseCode', 0)
      assert.match(answer.text('StandardOutputContent'), /^out\n1\n/)
      answer.is('StandardErrorContent', 'err\n')
    })
    const failing = await run('runs a script that fails', send('exit 7'))
    await run(
      'lists how it ended',
      `ssm list-command-invocations --command-id ${failing.text('Command.CommandId')} --details`,
      (answer) => assert.ok(['Failed', 'InProgress'].includes(answer.text('CommandInvocations.0.Status'))),
    )
    await refused(
      'knows documents that are not there',
      `ssm send-command --document-name Nothing --instance-ids ${machine}`,
      'InvalidDocument',
    )
    await run('keeps a parameter', 'ssm put-parameter --name /conformance/size --type String --value 42')
    await run('reads it', 'ssm get-parameter --name /conformance/size', (answer) => answer.is('Parameter.Value', '42'))
    await refused(
      'overwrites nothing unasked',
      'ssm put-parameter --name /conformance/size --type String --value 43',
      'ParameterAlreadyExists',
    )
    await run('deletes it', 'ssm delete-parameter --name /conformance/size')
  },
}
