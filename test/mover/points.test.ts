import { expect, it } from 'vitest'
import { commitPoint, listPoints, readPoint } from '../../mover/points.ts'
import { verifyPoints } from '../../mover/verify-vault.ts'
import { image } from './vault-folder.ts'
import { makeVaultInMemory, TAKEN_AT_MS } from './vault-memory.ts'

async function twoDisks() {
  const vault = makeVaultInMemory()
  const opened = vault.vaultOf(vault.store)
  const copies: string[] = []
  for (const disk of ['vol-1', 'vol-2']) copies.push((await vault.copy(image('A'), vault.store, { disk })).name)
  const machineConfiguration = { instanceType: 't3.micro' }
  const commit = { machine: 'i-1', pointId: 'pt-1', capturedAtMs: TAKEN_AT_MS, copies, machineConfiguration }
  return { vault, opened, copies, commit }
}

it('a point is its copies and what the machine was, committed together', async () => {
  const { opened, copies, commit } = await twoDisks()
  const { name } = await commitPoint(opened, commit)
  expect(name).toBe('points/i-1/20261123T100000Z-pt-1')
  expect(await listPoints(opened)).toMatchObject([{ name, machine: 'i-1', pointId: 'pt-1', time: '20261123T100000Z' }])
  expect(await readPoint(opened, name)).toMatchObject({
    capturedAt: '2026-11-23T10:00:00.000Z',
    disks: [
      { disk: 'vol-1', copy: copies[0] },
      { disk: 'vol-2', copy: copies[1] },
    ],
    machineConfiguration: { instanceType: 't3.micro' },
  })
  expect(await verifyPoints(opened)).toEqual([])
})

it('a point may be committed twice, by two at once as well, but not with other copies', async () => {
  const { opened, copies, commit } = await twoDisks()
  const [one, other] = await Promise.all([commitPoint(opened, commit), commitPoint(opened, commit)])
  expect(other).toEqual(one)
  expect(await commitPoint(opened, { ...commit, copies: copies.toReversed() })).toEqual(one)
  await expect(commitPoint(opened, { ...commit, copies: copies.slice(1) })).rejects.toMatchObject({ name: 'LostRace' })
})

it('a point of which a copy is missing is not committed', async () => {
  const { vault, opened, copies, commit } = await twoDisks()
  await vault.store.remove(copies[1] ?? '')
  await expect(commitPoint(opened, commit)).rejects.toMatchObject({
    name: 'CopyNotFound',
    message: expect.stringContaining(copies[1] ?? ''),
  })
  expect(await listPoints(opened)).toEqual([])
})

it('verification names a point whose copy is gone, or is another one', async () => {
  const { vault, opened, copies, commit } = await twoDisks()
  await commitPoint(opened, commit)
  const [first = '', second = ''] = copies
  const object = vault.store.objects.get(first)
  vault.store.objects.delete(first)
  expect(await verifyPoints(opened)).toMatchObject([
    { message: expect.stringContaining(`needs ${first}, which is missing`) },
  ])
  if (object)
    vault.store.objects.set(first, { ...object, bytes: vault.store.objects.get(second)?.bytes ?? Buffer.of() })
  expect(await verifyPoints(opened)).toMatchObject([{ message: expect.stringContaining(`with another ${first}`) }])
})
