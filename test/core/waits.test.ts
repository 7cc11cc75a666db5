import { beforeEach, describe, expect, test } from 'vitest'
import type { WaitRecord } from '../../core/contracts/records.ts'
import { TandemError } from '../../core/errors.ts'
import type { ObservedSnapshot, ObservedVolume, PowerState, Waits } from '../../core/ports.ts'
import {
  judgeProxy,
  judgeRunning,
  judgeSnapshots,
  judgeStopped,
  judgeVolumes,
  startWait,
  wakeWaits,
  type WaitPorts,
} from '../../core/waits.ts'
import { memoryWaits } from './memory.ts'
import { MACHINE, NOW, observedMachine, observedSnapshot, observedVolume, snapshotOf, volumeOf } from './samples.ts'

describe('the verdict on snapshots', () => {
  const [one, two] = [snapshotOf(1), snapshotOf(2)]
  test.each<[string, ObservedSnapshot['state'] | 'not shown', string]>([
    ['both completed', 'completed', 'there'],
    ['one pending', 'pending', 'waiting'],
    ['one not shown', 'not shown', 'waiting'],
    ['one in error', 'error', 'failed'],
    ['one in the recycle bin', 'recoverable', 'failed'],
    ['one coming out of it', 'recovering', 'failed'],
  ])('%s: the other is %s, so %s', (_, state, verdict) => {
    const second = state === 'not shown' ? [] : [observedSnapshot(two, volumeOf(2), { state })]
    expect(judgeSnapshots([one, two], [observedSnapshot(one, volumeOf(1)), ...second]).state).toBe(verdict)
  })
})

describe('the verdict on volumes', () => {
  test.each<[ObservedVolume['state'] | 'not shown', string]>([
    ['available', 'there'],
    ['in-use', 'there'],
    ['creating', 'waiting'],
    ['not shown', 'waiting'],
    ['error', 'failed'],
    ['deleting', 'failed'],
    ['deleted', 'failed'],
  ])('%s: %s', (state, verdict) => {
    const second = state === 'not shown' ? [] : [observedVolume(volumeOf(2), { state })]
    const first = observedVolume(volumeOf(1), { state: 'available' })
    expect(judgeVolumes([volumeOf(1), volumeOf(2)], [first, ...second]).state).toBe(verdict)
  })
})

test.each<[PowerState, string, string]>([
  ['pending', 'waiting', 'waiting'],
  ['running', 'waiting', 'there'],
  ['stopping', 'waiting', 'failed'],
  ['stopped', 'there', 'failed'],
  ['shutting-down', 'failed', 'failed'],
  ['terminated', 'failed', 'failed'],
])('a machine that is %s: waiting for its stop says %s, waiting for its start says %s', (power, stopped, running) => {
  expect(judgeStopped(MACHINE, power).state).toBe(stopped)
  expect(judgeRunning(MACHINE, power, undefined).state).toBe(running)
})

test('a machine that did not start is answered for with the reason that EC2 gives', () => {
  expect(judgeRunning(MACHINE, 'stopped', 'Server.InternalError')).toMatchObject({
    error: 'MachineDidNotStart',
    cause: expect.stringContaining('Server.InternalError'),
  })
})

describe('a wait', () => {
  let registered: Map<string, WaitRecord>
  let answers: { token: string; answer: unknown }[]
  let snapshots: ObservedSnapshot[]
  let power: PowerState
  let command: 'running' | 'succeeded' | 'failed'
  let onRegister: () => Promise<unknown>
  let ports: WaitPorts

  beforeEach(() => {
    registered = new Map()
    answers = []
    snapshots = [1, 2, 3].map((number) => observedSnapshot(snapshotOf(number), volumeOf(number), { state: 'pending' }))
    power = 'stopping'
    command = 'running'
    onRegister = async () => {}
    const answer = async (token: string, given: unknown): Promise<'sent' | 'gone'> => {
      if (answers.some((earlier) => earlier.token === token)) return 'gone'
      answers.push({ token, answer: given })
      return 'sent'
    }
    ports = {
      machines: { observe: async () => observedMachine([], { power }) },
      volumes: { observe: async () => [] },
      snapshots: { observe: async (ids) => snapshots.filter(({ snapshot }) => ids.includes(snapshot)) },
      proxies: { observe: async () => undefined },
      guests: { result: async () => ({ state: command, output: '' }) },
      waits: memoryWaits(registered, () => onRegister()),
      executions: { succeed: answer, fail: async (token, error, cause) => answer(token, { error, cause }) },
    }
  })

  const ids = [snapshotOf(1), snapshotOf(2), snapshotOf(3)]
  const forSnapshots = (token = 'token-1', resources = ids) =>
    startWait(ports, { kind: 'snapshots-completed', token, resources, registeredAt: NOW })
  const complete = (...numbers: number[]): void => {
    snapshots = snapshots.map((found) =>
      numbers.some((number) => found.snapshot === snapshotOf(number)) ? { ...found, state: 'completed' } : found,
    )
  }

  test('is filed under each of its resources until it is decided, and under none after', async () => {
    await forSnapshots()
    expect([...registered.values()].map(({ resource }) => resource)).toEqual(ids)
    complete(1, 2, 3)
    expect(await wakeWaits(ports, [snapshotOf(2)])).toBe(1)
    expect(answers).toEqual([{ token: 'token-1', answer: {} }])
    expect(registered.size).toBe(0)
  })

  test('ends at once, and leaves nothing behind, when all is there before it is registered', async () => {
    complete(1, 2, 3)
    await forSnapshots()
    expect(answers).toHaveLength(1)
    expect(registered.size).toBe(0)
  })

  test('is ended by an event that comes between registration and look, once', async () => {
    onRegister = async () => {
      complete(1, 2, 3)
      await wakeWaits(ports, ids)
    }
    await forSnapshots()
    expect(answers).toHaveLength(1)
    expect(registered.size).toBe(0)
  })

  test('is not missed when the event came before the registration', async () => {
    complete(1, 2, 3)
    expect(await wakeWaits(ports, ids)).toBe(0)
    await forSnapshots()
    expect(answers).toHaveLength(1)
  })

  test('is not ended by an event while one resource is missing, however often it comes', async () => {
    await forSnapshots()
    complete(1, 2)
    for (let time = 0; time < 3; time += 1) expect(await wakeWaits(ports, ids)).toBe(0)
    expect(answers).toEqual([])
  })

  test('is answered once when its event comes twice, and at the same time', async () => {
    await forSnapshots()
    complete(1, 2, 3)
    const ended = await Promise.all([wakeWaits(ports, ids), wakeWaits(ports, ids)])
    expect(ended.toSorted()).toEqual([0, 1])
    expect(await wakeWaits(ports, ids)).toBe(0)
    expect(answers).toHaveLength(1)
  })

  test('whose task is gone is tidied away by the next event', async () => {
    await forSnapshots()
    answers.push({ token: 'token-1', answer: 'timed out' })
    complete(1, 2, 3)
    expect(await wakeWaits(ports, [snapshotOf(3)])).toBe(0)
    expect(registered.size).toBe(0)
  })

  test('fails with the name and the reason when a snapshot fails', async () => {
    await forSnapshots()
    snapshots = [{ ...snapshots[0]!, state: 'error', stateMessage: 'key disabled' }, ...snapshots.slice(1)]
    await wakeWaits(ports, [snapshotOf(1)])
    expect(answers).toMatchObject([
      { answer: { error: 'SnapshotFailed', cause: expect.stringContaining('key disabled') } },
    ])
  })

  test('that cannot be looked at does not keep the others waiting, and its error is told', async () => {
    await startWait(ports, {
      kind: 'snapshots-completed',
      token: 'broken',
      resources: [snapshotOf(1)],
      registeredAt: NOW,
    })
    await forSnapshots('fine', [snapshotOf(1), snapshotOf(2)])
    complete(1, 2, 3)
    const observe = ports.snapshots.observe
    const failing = async (wanted: readonly string[]) => {
      if (wanted.length === 1) throw new TandemError('AwsThrottled', 'slow down')
      return observe(wanted)
    }
    await expect(wakeWaits({ ...ports, snapshots: { observe: failing } }, ids)).rejects.toMatchObject({
      name: 'AwsThrottled',
    })
    expect(answers.map(({ token }) => token)).toEqual(['fine'])
    await wakeWaits(ports, ids)
    expect(answers.map(({ token }) => token)).toEqual(['fine', 'broken'])
  })

  test('is ended although the records of another resource of the same event cannot be read', async () => {
    await forSnapshots()
    complete(1, 2, 3)
    const waitingFor: Waits['waitingFor'] = async (resource) => {
      if (resource === snapshotOf(1)) throw new TandemError('ContractBroken', 'does not parse')
      return ports.waits.waitingFor(resource)
    }
    await expect(wakeWaits({ ...ports, waits: { ...ports.waits, waitingFor } }, ids)).rejects.toMatchObject({
      name: 'ContractBroken',
    })
    expect(answers).toHaveLength(1)
  })

  test('for a machine ends when the machine is where it should be', async () => {
    await startWait(ports, { kind: 'machine-stopped', token: 'stop', resources: [MACHINE], registeredAt: NOW })
    expect(answers).toEqual([])
    power = 'stopped'
    expect(await wakeWaits(ports, [MACHINE])).toBe(1)
  })

  test.each([
    ['succeeded', 'command-1'],
    ['failed', null],
  ] as const)('for a command that %s ends with %s', async (state, output) => {
    await startWait(ports, {
      kind: 'command-finished',
      token: 'ssm',
      machine: MACHINE,
      resources: ['command-1'],
      registeredAt: NOW,
    })
    command = state
    await wakeWaits(ports, ['command-1', MACHINE])
    expect(answers).toEqual([{ token: 'ssm', answer: { command: output } }])
  })

  test('for nothing is our mistake', async () => {
    await expect(forSnapshots('token-1', [])).rejects.toMatchObject({ name: 'ContractBroken' })
  })
})

describe('a proxy', () => {
  const instance = 'i-0123456789abcdef0'

  test.each([undefined, 'pending', 'running', 'shutting-down'] as const)('that is %s is waited for', (state) => {
    expect(judgeProxy(instance, state && { instance, state })).toEqual({ state: 'waiting' })
  })

  test('that has ended was lost, for its token still waits', () => {
    expect(
      judgeProxy(instance, { instance, state: 'terminated', stateReason: 'Server.SpotInstanceTermination' }),
    ).toEqual({
      state: 'failed',
      error: 'ProxyLost',
      cause: expect.stringContaining('Server.SpotInstanceTermination'),
    })
  })
})
