/** GetConsoleOutput, MonitorInstances and UnmonitorInstances (AWS facts A.17). */
import type {
  GetConsoleOutputRequest,
  GetConsoleOutputResult,
  MonitorInstancesRequest,
  UnmonitorInstancesRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { INSTANCE, find, findAll } from '../ids.ts'
import { keepConsole } from './instance-states.ts'
import { instanceTypeOf } from './instance-types.ts'
import type { Account } from '../model.ts'
import { operation, required } from '../request.ts'

/** EC2 keeps the last 64 KB. */
const CONSOLE_MAX_BYTES = 65_536

function consoleOutput(account: Account, { InstanceId, Latest }: GetConsoleOutputRequest): GetConsoleOutputResult {
  const instance = find(INSTANCE, account.instances, required(InstanceId, 'InstanceId'))
  if (Latest && instanceTypeOf(instance.type).hypervisor === 'xen')
    throw new AwsError(
      'UnsupportedOperation',
      'This instance type does not support retrieving the latest console logs. Only instances on the Nitro hypervisor are supported.',
    )
  keepConsole(account, instance)
  const text = Buffer.from(instance.console?.text ?? '')
  return {
    InstanceId: instance.id,
    Timestamp: new Date(instance.console?.atMs ?? account.clock.now()),
    Output: text.subarray(Math.max(0, text.length - CONSOLE_MAX_BYTES)).toString('base64'),
  }
}

function monitor(account: Account, ids: readonly string[] | undefined, isOn: boolean): object {
  const instances = findAll(INSTANCE, account.instances, required(ids?.length ? ids : undefined, 'InstanceId'))
  for (const instance of instances) instance.monitored = isOn
  const State = isOn ? 'pending' : 'disabling'
  return { InstanceMonitorings: instances.map(({ id }) => ({ InstanceId: id, Monitoring: { State } })) }
}

export const monitoringOperations = (account: Account): Operations => ({
  GetConsoleOutput: operation<GetConsoleOutputRequest>(['InstanceId', 'Latest'], (input) =>
    consoleOutput(account, input),
  ),
  MonitorInstances: operation<MonitorInstancesRequest>(['InstanceIds'], ({ InstanceIds }) =>
    monitor(account, InstanceIds, true),
  ),
  UnmonitorInstances: operation<UnmonitorInstancesRequest>(['InstanceIds'], ({ InstanceIds }) =>
    monitor(account, InstanceIds, false),
  ),
})
