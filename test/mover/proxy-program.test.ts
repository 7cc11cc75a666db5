import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ProxyJob } from '../../core/contracts/jobs.ts'

const MOVER = resolve(import.meta.dirname, '../../mover/proxy.ts')
/** The first heartbeat is sent at once instead of after a minute, so that nobody waits for it. */
const HASTE = 'data:text/javascript,globalThis.setInterval = (beat) => setTimeout(beat, 0)'

const job: ProxyJob = {
  version: 1,
  kind: 'copy',
  token: 'token',
  vault: { bucket: 'vault', prefix: '' },
  takenAt: '2026-11-23T10:00:00.000Z',
  progress: 'progress/run/main/proxy-0.json',
  disks: [
    {
      device: '/dev/sdb',
      volume: 'vol-0123456789abcdef0',
      snapshot: 'snap-0123456789abcdef0',
      sizeBytes: 1024 ** 3,
      diskCopyId: '0'.repeat(32),
      blockCount: 2048,
      lineageBroken: false,
    },
  ],
}

test('a proxy that nobody waits for any more ends, whatever it is at', async () => {
  const asked: string[] = []
  const { promise: vaultAsked, resolve: noteVault } = Promise.withResolvers<void>()
  // A vault that never answers: the work does not end by itself.
  const server = createServer(({ headers, url = '' }, answer) => {
    const [, target] = String(headers['x-amz-target'] ?? '').split('.')
    if (target) {
      asked.push(target)
      void vaultAsked.then(() => answer.writeHead(400).end(JSON.stringify({ __type: 'TaskTimedOut' })))
    } else if (url.startsWith('/reports/')) answer.end(JSON.stringify(job))
    else noteVault()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const words = ['--bucket', 'reports', '--job', 'jobs/one.json']
  const proxy = spawn(process.execPath, ['--import', HASTE, MOVER, ...words], {
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
    stdio: 'inherit',
  })
  onTestFinished(() => {
    proxy.kill()
    server.closeAllConnections()
    server.close()
  })
  expect(await once(proxy, 'close')).toEqual([1, null])
  expect(asked).toEqual(['SendTaskHeartbeat', 'SendTaskFailure'])
})
