import { awsPorts } from '../aws/ports.ts'
import { wakeWaits as contract } from '../core/contracts/tasks.ts'
import { resourcesOf } from '../core/events.ts'
import { wakeWaits, type WaitPorts } from '../core/waits.ts'
import { task } from './task.ts'

/** Behind the EventBridge rules: the event says only where to look. */
const onEvent = (ports: WaitPorts) => async (event: Parameters<typeof resourcesOf>[0]) => ({
  endedWaitCount: await wakeWaits(ports, resourcesOf(event)),
})

export const handler = task(contract, onEvent, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
