import type { Account } from '../local/account.ts'
import type { Result } from '../local/states/states.ts'
import { stateMachineArn } from './state-machines.ts'

/** Reverts as from the console. `look` is called at the last moment before the machine starts on its new disks. */
export async function revertAndLook(account: Account, machine: string, look: () => Promise<void>): Promise<Result> {
  const { states, clock } = account
  let run: string | undefined
  states.observe(({ executionArn, state, event }) => {
    if (executionArn === run && state === 'StartMachine' && event === 'entered') void clock.holding(look)
  })
  run = states.start(stateMachineArn(account, 'revert-machine'), { machine })
  return states.waitFor(run)
}
