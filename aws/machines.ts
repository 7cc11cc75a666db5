import {
  AttachVolumeCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeInstanceTypesCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  paginateDescribeInstances,
  StartInstancesCommand,
  StopInstancesCommand,
  type _InstanceType,
  type EC2Client,
  type Filter,
  type Instance,
} from '@aws-sdk/client-ec2'
import { TandemError } from '../core/errors.ts'
import type { Attachment, Machines, ObservedMachine, Volumes } from '../core/ports.ts'
import { TAGS } from '../core/tags.ts'
import { calling } from './calling.ts'
import { toConfiguration, toTags } from './machine-configuration.ts'
import { PAGE_SIZE } from './paging.ts'

const ALIVE: Filter = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }

export function ec2Machines(clients: { readonly ec2: EC2Client }, volumes: Pick<Volumes, 'observe'>): Machines {
  return { ...readingMachines(clients), ...poweringMachines(clients), ...swappingDisks(clients, volumes) }
}

function toObserved(instance: Instance): ObservedMachine {
  const attachments = (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }): Attachment[] =>
    DeviceName && Ebs?.VolumeId
      ? [
          {
            device: DeviceName,
            volume: Ebs.VolumeId,
            deleteOnTermination: Ebs.DeleteOnTermination ?? false,
            state: (Ebs.Status as Attachment['state'] | undefined) ?? 'attached',
          },
        ]
      : [],
  )
  return {
    machine: instance.InstanceId ?? '',
    power: instance.State?.Name ?? 'pending',
    ...(instance.StateReason?.Code ? { stateReason: instance.StateReason.Code } : {}),
    tags: toTags(instance.Tags),
    rootDeviceType: instance.RootDeviceType === 'instance-store' ? 'instance-store' : 'ebs',
    attachments,
    configuration: toConfiguration(instance),
  }
}

type Reading = Pick<
  Machines,
  'optedIn' | 'allOptedIn' | 'observe' | 'userData' | 'instanceStoreDevices' | 'isStopProtected' | 'health'
>

function readingMachines({ ec2 }: { readonly ec2: EC2Client }): Reading {
  async function* pages(filter: Filter, subject: string): AsyncIterable<Instance[]> {
    const all = paginateDescribeInstances({ client: ec2, pageSize: PAGE_SIZE }, { Filters: [filter, ALIVE] })
    const next = () => calling({ operation: 'DescribeInstances', subject }, () => all.next())
    for (let page = await next(); !page.done; page = await next())
      yield (page.value.Reservations ?? []).flatMap(({ Instances }) => Instances ?? [])
  }
  const attribute = (machine: string, name: 'userData' | 'disableApiStop') =>
    calling({ operation: 'DescribeInstanceAttribute', subject: machine }, () =>
      ec2.send(new DescribeInstanceAttributeCommand({ InstanceId: machine, Attribute: name })),
    )
  return {
    async *optedIn(policy) {
      for await (const page of pages({ Name: `tag:${TAGS.policy}`, Values: [policy] }, `policy ${policy}`))
        yield page.flatMap(({ InstanceId }) => InstanceId ?? [])
    },
    async *allOptedIn() {
      for await (const page of pages({ Name: 'tag-key', Values: [TAGS.policy] }, 'opted-in machines'))
        yield page.map(toObserved)
    },
    async observe(machine) {
      const { Reservations } = await calling({ operation: 'DescribeInstances', subject: machine }, () =>
        ec2.send(new DescribeInstancesCommand({ InstanceIds: [machine] })),
      )
      const instance = Reservations?.[0]?.Instances?.[0]
      if (!instance)
        throw new TandemError('MachineNotFound', `There is no instance ${machine} in this account and Region.`)
      return toObserved(instance)
    },
    async userData(machine) {
      return (await attribute(machine, 'userData')).UserData?.Value || undefined
    },
    async instanceStoreDevices(instanceType) {
      if (!instanceType) return []
      const { InstanceTypes } = await calling({ operation: 'DescribeInstanceTypes', subject: instanceType }, () =>
        ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: [instanceType as _InstanceType] })),
      )
      const disks = InstanceTypes?.[0]?.InstanceStorageInfo?.Disks ?? []
      const diskCount = disks.reduce((sum, { Count }) => sum + (Count ?? 0), 0)
      return Array.from({ length: diskCount }, (_, index) => `ephemeral${index}`)
    },
    async isStopProtected(machine) {
      return (await attribute(machine, 'disableApiStop')).DisableApiStop?.Value ?? false
    },
    async health(machine) {
      const { InstanceStatuses } = await calling({ operation: 'DescribeInstanceStatus', subject: machine }, () =>
        ec2.send(new DescribeInstanceStatusCommand({ InstanceIds: [machine] })),
      )
      const status = InstanceStatuses?.[0]
      const checks = [status?.SystemStatus?.Status, status?.InstanceStatus?.Status]
      if (checks.includes('impaired') || status?.AttachedEbsStatus?.Status === 'impaired') return 'impaired'
      return checks.every((check) => check === 'ok' || check === 'not-applicable') ? 'ok' : 'starting'
    },
  }
}

function poweringMachines({ ec2 }: { readonly ec2: EC2Client }): Pick<Machines, 'ensureStopping' | 'ensureStarting'> {
  return {
    async ensureStopping(machine) {
      const meaning = { IncorrectInstanceState: 'MachineInTransition', OperationNotPermitted: 'StopProtected' } as const
      await calling({ operation: 'StopInstances', subject: machine, meaning }, () =>
        ec2.send(new StopInstancesCommand({ InstanceIds: [machine] })),
      )
    },
    async ensureStarting(machine) {
      const meaning = {
        IncorrectInstanceState: 'MachineInTransition',
        // The root disk is not at the root device (AWS facts A.14).
        InvalidParameterValue: 'MachineDidNotStart',
      } as const
      await calling({ operation: 'StartInstances', subject: machine, meaning }, () =>
        ec2.send(new StartInstancesCommand({ InstanceIds: [machine] })),
      )
    },
  }
}

type Swapping = Pick<Machines, 'ensureDetaching' | 'ensureAttaching' | 'setDeleteOnTermination'>

function swappingDisks({ ec2 }: { readonly ec2: EC2Client }, volumes: Pick<Volumes, 'observe'>): Swapping {
  return {
    async ensureDetaching(machine, volume) {
      // A volume that is gone is detached: the way back must not stop at a new disk that somebody deleted.
      const [found] = await volumes.observe([volume])
      const here = found?.attachedTo.find((attachment) => attachment.machine === machine)
      if (!here || here.state === 'detaching' || here.state === 'detached') return
      const meaning = { IncorrectState: 'DisksStillMoving', 'InvalidAttachment.NotFound': 'DisksStillMoving' } as const
      await calling({ operation: 'DetachVolume', subject: `${volume} of ${machine}`, meaning }, () =>
        ec2.send(new DetachVolumeCommand({ VolumeId: volume, InstanceId: machine })),
      )
    },
    async ensureAttaching(machine, device, volume) {
      const [found] = await volumes.observe([volume])
      if (!found) throw new TandemError('VolumeMissing', `${volume} does not exist any more.`)
      const { attachedTo, state } = found
      const [attachment] = attachedTo.filter((candidate) => candidate.state !== 'detached')
      if (attachment) {
        if (attachment.state === 'detaching')
          throw new TandemError('DisksStillMoving', `${volume} is still being detached from ${attachment.machine}.`)
        if (attachment.machine === machine && attachment.device === device) return
        throw new TandemError(
          'DiskLayoutChanged',
          `${volume} is attached to ${attachment.machine} at ${attachment.device}: somebody else is working on the disks of ${machine}.`,
        )
      }
      if (state !== 'available') throw new TandemError('DisksStillMoving', `${volume} is ${state}.`)
      const meaning = {
        VolumeInUse: 'DisksStillMoving',
        IncorrectState: 'DisksStillMoving',
        IncorrectInstanceState: 'MachineInTransition',
        // The device is still taken by the disk that is on its way out (AWS facts A.14).
        InvalidParameterValue: 'DisksStillMoving',
      } as const
      await calling({ operation: 'AttachVolume', subject: `${volume} to ${machine} at ${device}`, meaning }, () =>
        ec2.send(new AttachVolumeCommand({ VolumeId: volume, InstanceId: machine, Device: device })),
      )
    },
    async setDeleteOnTermination(machine, flags) {
      const mappings = Object.entries(flags).map(([DeviceName, DeleteOnTermination]) => ({
        DeviceName,
        Ebs: { DeleteOnTermination },
      }))
      await calling({ operation: 'ModifyInstanceAttribute', subject: machine }, () =>
        ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: machine, BlockDeviceMappings: mappings })),
      )
    },
  }
}
