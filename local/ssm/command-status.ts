/** What becomes of a command as a whole, from what has become of its invocations. */
import type { CommandStatus } from '@aws-sdk/client-ssm'
import type { Command, Invocation } from './model.ts'

export interface WholeStatus {
  readonly status: CommandStatus
  readonly details: string
}

/** A share or a number of `all`; at least `least`. */
function countOf(text: string, all: number, least: number): number {
  const number = Number.parseInt(text, 10)
  return text.endsWith('%') ? Math.max(least, Math.floor((all * number) / 100)) : number
}

export const concurrencyOf = ({ maxConcurrency, invocations }: Command): number =>
  countOf(maxConcurrency, invocations.length, 1)

export const errorsAllowed = ({ maxErrors, invocations }: Command): number => countOf(maxErrors, invocations.length, 0)

/** What was never delivered does not count against MaxErrors. */
const isError = ({ isOver, statusDetails }: Invocation): boolean =>
  isOver && ['Failed', 'ExecutionTimedOut'].includes(statusDetails)

export const errorCountOf = ({ invocations }: Command): number => invocations.filter(isError).length
export const completedCountOf = ({ invocations }: Command): number => invocations.filter(({ isOver }) => isOver).length
export const undeliveredCountOf = ({ invocations }: Command): number =>
  invocations.filter(({ statusDetails }) => statusDetails === 'DeliveryTimedOut').length

const same = (status: CommandStatus): WholeStatus => ({ status, details: status })

export function statusOf(command: Command): WholeStatus {
  const { invocations, isCancelled } = command
  if (invocations.length === 0) return { status: 'Success', details: 'NoInstancesInTag' }
  if (invocations.some(({ isOver }) => !isOver)) {
    if (isCancelled) return same('Cancelling')
    return same(invocations.every(({ status }) => status === 'Pending') ? 'Pending' : 'InProgress')
  }
  if (invocations.every(({ status }) => status === 'Success')) return same('Success')
  if (isCancelled) return same('Cancelled')
  if (errorCountOf(command) > errorsAllowed(command)) return same('Failed')
  if (undeliveredCountOf(command) === invocations.length) return { status: 'TimedOut', details: 'DeliveryTimedOut' }
  return { status: 'Failed', details: 'Incomplete' }
}
