import {
  DescribeInstancesCommand,
  paginateDescribeInstances,
  TerminateInstancesCommand,
  type EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2'
import type { ObservedProxy, Proxies } from '../core/copy-ports.ts'
import { calling, codeOf } from './calling.ts'
import { collect, PAGE_SIZE, tagFilters } from './paging.ts'

/** What still has disks; a terminated instance is shown for an hour. */
const ALIVE = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }

const toObserved = ({ InstanceId = '', State, StateReason }: Instance): ObservedProxy => ({
  instance: InstanceId,
  state: State?.Name ?? 'pending',
  ...(StateReason?.Message === undefined ? {} : { stateReason: StateReason.Message }),
})

export function ec2Proxies({ ec2 }: { readonly ec2: EC2Client }): Proxies {
  return {
    observe: (instance) =>
      calling({ operation: 'DescribeInstances', subject: instance }, async () => {
        try {
          const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }))
          const found = Reservations?.[0]?.Instances?.[0]
          return found && toObserved(found)
        } catch (error) {
          if (codeOf(error) === 'InvalidInstanceID.NotFound') return undefined
          throw error
        }
      }),
    tagged: (tags) =>
      calling({ operation: 'DescribeInstances', subject: 'proxies' }, async () => {
        const pages = paginateDescribeInstances(
          { client: ec2, pageSize: PAGE_SIZE },
          { Filters: [...tagFilters(tags), ALIVE] },
        )
        const found = await collect(pages, ({ Reservations }) =>
          (Reservations ?? []).flatMap(({ Instances }) => Instances ?? []),
        )
        return found.map(toObserved)
      }),
    ensureTerminated: (instance) =>
      calling({ operation: 'TerminateInstances', subject: instance }, async () => {
        try {
          await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance] }))
        } catch (error) {
          if (codeOf(error) !== 'InvalidInstanceID.NotFound') throw error
        }
      }),
  }
}
