import { proxyPorts } from '../aws/proxy-ports.ts'
import { runProxy as contract } from '../core/contracts/copy-tasks.ts'
import { runProxy } from '../core/use-cases/run-proxy.ts'
import { task } from './task.ts'

export const handler = task(contract, runProxy, proxyPorts)
