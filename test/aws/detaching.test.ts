import { EC2Client } from '@aws-sdk/client-ec2'
import { expect, test } from 'vitest'
import { ec2Machines } from '../../aws/machines.ts'
import type { ObservedVolume } from '../../core/ports.ts'
import { MACHINE, observedVolume, volumeOf } from '../core/samples.ts'

/** EC2 answers nothing here: a detachment that is asked for fails, and one that is not needed does not. */
const ec2 = new EC2Client({
  endpoint: 'http://127.0.0.1:1',
  region: 'eu-west-1',
  credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
  maxAttempts: 1,
})
const at = (state: ObservedVolume['attachedTo'][number]['state'], machine = MACHINE) =>
  observedVolume(volumeOf(1), { attachedTo: [{ machine, device: '/dev/sdf', state }] })
const detach = (seen: ObservedVolume[]) =>
  ec2Machines({ ec2 }, { observe: async () => seen }).ensureDetaching(MACHINE, volumeOf(1))

test.each([
  ['is gone: the way back does not stop at a new disk that somebody deleted', []],
  ['is attached nowhere', [observedVolume(volumeOf(1), { state: 'available' })]],
  ['is on its way off', [at('detaching')]],
  ['is attached to another machine', [at('attached', 'i-0000000000000000b')]],
])('a volume is not asked to be detached when it %s', async (_, seen) => {
  await expect(detach(seen)).resolves.toBeUndefined()
})

test.each(['attached', 'attaching', 'busy'] as const)('a volume that is %s is asked to be detached', async (state) => {
  await expect(detach([at(state)])).rejects.toMatchObject({ name: 'AwsUnavailable' })
})
