import { describe, expect, it } from 'vitest'
import { IMAGE_ID, MINUTE_MS, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

const refused = (call: Promise<unknown>, code: string): Promise<void> => expect(call).rejects.toMatchObject({ code })

const instancesOf = async (account: TestAccount, request: object = {}): Promise<string[]> =>
  ((await account.call('DescribeInstances', request)).Reservations ?? []).flatMap(({ Instances = [] }) =>
    Instances.map(({ InstanceId }) => InstanceId!),
  )

describe('an EC2 that is late (AWS facts A.19)', () => {
  it('does not know a new id for a while, in no operation and no list, and knows it after', async () => {
    const account = testAccount({ consistency: { idsMs: 20_000, seed: 'late' } })
    const { Instances = [] } = await account.call('RunInstances', { ImageId: IMAGE_ID, MinCount: 8, MaxCount: 8 })
    const ids = Instances.map(({ InstanceId }) => InstanceId!)
    const listed = await instancesOf(account)
    expect(listed.length).toBeLessThan(8)
    const unknown = ids.find((id) => !listed.includes(id))!
    await refused(account.call('DescribeInstances', { InstanceIds: [unknown] }), 'InvalidInstanceID.NotFound')
    await refused(account.call('TerminateInstances', { InstanceIds: [unknown] }), 'InvalidInstanceID.NotFound')
    await account.clock.advance(20_000)
    expect((await instancesOf(account)).toSorted()).toEqual(ids.toSorted())
    await account.call('TerminateInstances', { InstanceIds: [unknown] })
  })

  it('gives empty pages with a token and items in any order, and every item once', async () => {
    const account = testAccount({ consistency: { ragged: true, seed: 'ragged' } })
    const { Instances = [] } = await account.call('RunInstances', { ImageId: IMAGE_ID, MinCount: 40, MaxCount: 40 })
    const ids = Instances.map(({ InstanceId }) => InstanceId!)
    const seen: string[] = []
    let emptyCount = 0
    let NextToken: string | undefined
    do {
      const page = await account.call('DescribeInstances', { MaxResults: 5, NextToken })
      const found = (page.Reservations ?? []).flatMap((one) => one.Instances!.map(({ InstanceId }) => InstanceId!))
      if (found.length === 0) emptyCount += 1
      seen.push(...found)
      NextToken = page.NextToken
    } while (NextToken)
    expect(emptyCount).toBeGreaterThan(0)
    expect(seen).not.toEqual(ids)
    expect(seen.toSorted()).toEqual(ids.toSorted())
  })

  it('refuses a token that was tampered with', async () => {
    const account = testAccount()
    await account.call('RunInstances', { ImageId: IMAGE_ID, MinCount: 6, MaxCount: 6 })
    const { NextToken = '' } = await account.call('DescribeInstances', { MaxResults: 5 })
    const text = Buffer.from(NextToken, 'base64url').toString()
    const tampered = Buffer.from(text.replace(/\d+/, '0')).toString('base64url')
    await refused(account.call('DescribeInstances', { MaxResults: 5, NextToken: tampered }), 'InvalidPaginationToken')
  })
})

describe('tags of AWS’s own services', () => {
  it('are set by the host alone, do not count, and cannot be deleted', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    account.host.setTags(id, { 'aws:autoscaling:groupName': 'web' })
    await refused(
      account.call('DeleteTags', { Resources: [id], Tags: [{ Key: 'aws:autoscaling:groupName' }] }),
      'InvalidParameterValue',
    )
    const fifty = Array.from({ length: 50 }, (_, index) => ({ Key: `k${index}`, Value: '' }))
    await account.call('CreateTags', { Resources: [id], Tags: fifty })
    await account.call('DeleteTags', { Resources: [id] })
    const { Tags } = await account.call('DescribeTags', { Filters: [{ Name: 'resource-id', Values: [id] }] })
    expect(Tags).toMatchObject([{ Key: 'aws:autoscaling:groupName', Value: 'web' }])
    const found = await instancesOf(account, { Filters: [{ Name: 'tag:aws:autoscaling:groupName', Values: ['web'] }] })
    expect(found).toEqual([id])
  })
})

describe('what an instance says and is told', () => {
  it('changes type only while stopped, and only to one that it fits', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance({ InstanceType: 'm5.large' })
    const change = (Value: string) =>
      account.call('ModifyInstanceAttribute', { InstanceId: id, InstanceType: { Value } })
    await refused(change('m5.xlarge'), 'IncorrectInstanceState')
    await account.call('StopInstances', { InstanceIds: [id] })
    await account.clock.advance(MINUTE_MS)
    await refused(change('m6g.large'), 'InvalidParameterValue')
    await change('m5.xlarge')
    const read = await account.call('DescribeInstanceAttribute', { InstanceId: id, Attribute: 'instanceType' })
    expect(read.InstanceType).toEqual({ Value: 'm5.xlarge' })
  })

  it('keeps its state over a reboot, which only a running one takes', async () => {
    const account = testAccount()
    const { id, guest } = await account.runningInstance()
    account.told()
    await account.call('RebootInstances', { InstanceIds: [id] })
    await account.clock.advance(1_000)
    expect(guest.notes).toContain('reboot')
    expect(account.told()).toEqual([])
    await account.call('StopInstances', { InstanceIds: [id] })
    await refused(account.call('RebootInstances', { InstanceIds: [id] }), 'IncorrectState')
  })

  it('has its console read, also after it stopped; the latest on Nitro alone (AWS facts A.17)', async () => {
    const account = testAccount()
    const { id, guest } = await account.runningInstance()
    guest.said = 'login:'
    await refused(account.call('GetConsoleOutput', { InstanceId: id, Latest: true }), 'UnsupportedOperation')
    await account.call('StopInstances', { InstanceIds: [id] })
    await account.clock.advance(MINUTE_MS)
    const { Output = '' } = await account.call('GetConsoleOutput', { InstanceId: id })
    expect(Buffer.from(Output, 'base64').toString()).toBe('login:')
  })

  it('takes metadata options within their bounds', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    await refused(
      account.call('ModifyInstanceMetadataOptions', { InstanceId: id, HttpPutResponseHopLimit: 65 }),
      'InvalidParameterValue',
    )
    const { InstanceMetadataOptions } = await account.call('ModifyInstanceMetadataOptions', {
      InstanceId: id,
      HttpTokens: 'required',
    })
    expect(InstanceMetadataOptions).toMatchObject({ State: 'pending', HttpTokens: 'required', HttpEndpoint: 'enabled' })
  })
})
