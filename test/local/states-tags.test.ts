import type { ListTagsForResourceOutput } from '@aws-sdk/client-sfn'
import { expect, it } from 'vitest'
import { statesAccess } from '../../local/states/access.ts'
import { machine, statesAccount } from './states-account.ts'

const done = machine({ Done: { Type: 'Succeed' } })
const refusedWith = (code: string) => expect.objectContaining({ code })

function tagged() {
  const account = statesAccount()
  const tagsOf = async (resourceArn: string) =>
    (await account.api<ListTagsForResourceOutput>('ListTagsForResource', { resourceArn })).tags
  return { ...account, tagsOf }
}

it('keeps the tags of a state machine: those that it was made with, and those that were given and taken later', async () => {
  const { api, create, tagsOf } = tagged()
  const arn = await create('m', done, { tags: [{ key: 'team', value: 'one' }] })
  expect(await create('m', done, { tags: [{ key: 'other', value: '' }] })).toBe(arn)
  expect(await tagsOf(arn)).toEqual([{ key: 'team', value: 'one' }])
  const tags = [
    { key: 'team', value: 'two' },
    { key: 'cost', value: '' },
  ]
  await api('TagResource', { resourceArn: arn, tags })
  expect(await tagsOf(arn)).toEqual(tags)
  await api('UntagResource', { resourceArn: arn, tagKeys: ['team', 'never'] })
  expect(await tagsOf(arn)).toEqual([{ key: 'cost', value: '' }])
})

it('refuses tags that cannot be, more than 50, and resources that are not there', async () => {
  const { api, create, tagsOf, states } = tagged()
  const arn = await create('m', done)
  const tag = (...tags: { key: string; value?: string }[]) => api('TagResource', { resourceArn: arn, tags })
  await expect(tag({ key: '' })).rejects.toEqual(refusedWith('ValidationException'))
  await expect(tag({ key: 'k'.repeat(129) })).rejects.toEqual(refusedWith('ValidationException'))
  await expect(tag({ key: 'k', value: 'v'.repeat(257) })).rejects.toEqual(refusedWith('ValidationException'))
  await expect(tag({ key: 'aws:k' })).rejects.toEqual(refusedWith('ValidationException'))
  await expect(tag({ key: 'a;b' })).rejects.toEqual(refusedWith('ValidationException'))
  await expect(tag({ key: 'a' }, { key: 'a' })).rejects.toEqual(refusedWith('ValidationException'))
  const many = Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' }))
  await expect(tag(...many)).rejects.toEqual(refusedWith('TooManyTags'))
  await expect(create('n', done, { tags: many })).rejects.toEqual(refusedWith('TooManyTags'))
  expect(await tagsOf(arn)).toEqual([])
  await expect(tagsOf(`${arn}x`)).rejects.toEqual(refusedWith('ResourceNotFound'))
  await expect(tagsOf('m')).rejects.toEqual(refusedWith('InvalidArn'))
  const kept: unknown = structuredClone(states.durable.save())
  await tag({ key: 'later' })
  states.durable.restore(kept)
  expect(await tagsOf(arn)).toEqual([])
})

it('tells IAM the tags of the machine, and those that a request gives', () => {
  const tags = new Map([['team', 'one']])
  const place = { accountId: '111122223333', region: 'eu-west-1' }
  const access = statesAccess(place, { machineOf: () => undefined, tagsOf: () => tags })
  const contextOf = (operation: string, input: object) =>
    access[operation]?.(input as never, {} as never).map(({ context }) => context)
  const ofMachine = { 'aws:ResourceTag/team': 'one' }
  expect(contextOf('StartExecution', { stateMachineArn: 'arn:m' })).toEqual([ofMachine])
  expect(contextOf('ListTagsForResource', { resourceArn: 'arn:m' })).toEqual([ofMachine])
  expect(contextOf('TagResource', { resourceArn: 'arn:m', tags: [{ key: 'a', value: 'b' }] })).toEqual([
    { ...ofMachine, 'aws:TagKeys': ['a'], 'aws:RequestTag/a': 'b' },
  ])
  expect(contextOf('UntagResource', { resourceArn: 'arn:m', tagKeys: ['a'] })).toEqual([
    { ...ofMachine, 'aws:TagKeys': ['a'] },
  ])
})
