import { proxyPorts } from '../aws/proxy-ports.ts'
import { runRecoveryProxy as contract } from '../core/contracts/recovery-tasks.ts'
import { runRecoveryProxy } from '../core/use-cases/run-proxy.ts'
import { task } from './task.ts'

export const handler = task(contract, runRecoveryProxy, proxyPorts)
