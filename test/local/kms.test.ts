import { isDeepStrictEqual } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import type * as Sdk from '@aws-sdk/client-kms'
import { assert, dictionary, pre, property, string, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import { createKms } from '../../local/kms/kms.ts'
import type { Kms } from '../../local/kms/kms.ts'
import type { Caller } from '../../local/wire/service.ts'

const DAY_MS = 86_400_000
const START_MS = Date.parse('2026-01-02T03:04:05Z')
const REGION = 'eu-central-1'
const OURS = '111122223333'
const THEIRS = '444455556666'

const callerOf = (accountId: string): Caller => ({
  accountId,
  region: REGION,
  arn: `arn:aws:iam::${accountId}:user/test`,
  accessKeyId: 'AKIATEST',
  requestId: 'request-1',
})

interface Api {
  CreateKey: [Sdk.CreateKeyRequest, Sdk.CreateKeyResponse]
  DescribeKey: [Sdk.DescribeKeyRequest, Sdk.DescribeKeyResponse]
  ListKeys: [Sdk.ListKeysRequest, Sdk.ListKeysResponse]
  DisableKey: [Sdk.DisableKeyRequest, object]
  EnableKey: [Sdk.EnableKeyRequest, object]
  ScheduleKeyDeletion: [Sdk.ScheduleKeyDeletionRequest, Sdk.ScheduleKeyDeletionResponse]
  CancelKeyDeletion: [Sdk.CancelKeyDeletionRequest, object]
  CreateAlias: [Sdk.CreateAliasRequest, object]
  DeleteAlias: [Sdk.DeleteAliasRequest, object]
  UpdateAlias: [Sdk.UpdateAliasRequest, object]
  ListAliases: [Sdk.ListAliasesRequest, Sdk.ListAliasesResponse]
  PutKeyPolicy: [Sdk.PutKeyPolicyRequest, object]
  GetKeyPolicy: [Sdk.GetKeyPolicyRequest, Sdk.GetKeyPolicyResponse]
  EnableKeyRotation: [Sdk.EnableKeyRotationRequest, object]
  GetKeyRotationStatus: [Sdk.GetKeyRotationStatusRequest, Sdk.GetKeyRotationStatusResponse]
  CreateGrant: [Sdk.CreateGrantRequest, Sdk.CreateGrantResponse]
  ListGrants: [Sdk.ListGrantsRequest, Sdk.ListGrantsResponse]
  RevokeGrant: [Sdk.RevokeGrantRequest, object]
  RetireGrant: [Sdk.RetireGrantRequest, object]
  Encrypt: [Sdk.EncryptRequest, Sdk.EncryptResponse]
  Decrypt: [Sdk.DecryptRequest, Sdk.DecryptResponse]
  ReEncrypt: [Sdk.ReEncryptRequest, Sdk.ReEncryptResponse]
  GenerateDataKey: [Sdk.GenerateDataKeyRequest, Sdk.GenerateDataKeyResponse]
  GenerateDataKeyWithoutPlaintext: [
    Sdk.GenerateDataKeyWithoutPlaintextRequest,
    Sdk.GenerateDataKeyWithoutPlaintextResponse,
  ]
}

interface TestKms {
  readonly kms: Kms
  readonly clock: Clock
  readonly call: <Name extends keyof Api>(name: Name, input: Api[Name][0]) => Api[Name][1]
  readonly newKey: (request?: Sdk.CreateKeyRequest) => string
}

function testKms(clock = manualClock(START_MS), accountId = OURS, elsewhere?: () => Kms): TestKms {
  const kms = createKms({ clock, accountId, region: REGION, ...(elsewhere ? { elsewhere } : {}) })
  const call: TestKms['call'] = (name, input) => {
    const operation = kms.service.operations[name]
    if (!operation) throw new Error(`${name} is not implemented`)
    return operation(input as never, callerOf(accountId)) as never
  }
  return { kms, clock, call, newKey: (request = {}) => call('CreateKey', request).KeyMetadata!.Arn! }
}

const failing = (code: string) => expect.objectContaining({ code })
const secret = new Uint8Array(Buffer.from('a disk of a machine'))

describe('encryption', () => {
  it('gives back what was encrypted, for any bytes and context, and under no other context', () => {
    const { call, newKey } = testKms()
    const key = newKey()
    const contexts = dictionary(string({ minLength: 1 }), string(), { maxKeys: 4 })
    assert(
      property(uint8Array({ minLength: 1, maxLength: 4_096 }), contexts, contexts, (bytes, context, other) => {
        const { CiphertextBlob } = call('Encrypt', { KeyId: key, Plaintext: bytes, EncryptionContext: context })
        expect(call('Decrypt', { CiphertextBlob, EncryptionContext: context })).toMatchObject({
          KeyId: key,
          Plaintext: bytes,
        })
        pre(!isDeepStrictEqual({ ...context }, { ...other }))
        expect(() => call('Decrypt', { CiphertextBlob, EncryptionContext: other })).toThrow(
          failing('InvalidCiphertextException'),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('refuses to decrypt bytes that were tampered with, and names the wrong key', () => {
    const { call, newKey } = testKms()
    const [key, other] = [newKey(), newKey()]
    const { CiphertextBlob } = call('Encrypt', { KeyId: key, Plaintext: secret })
    const tampered = new Uint8Array(CiphertextBlob!)
    tampered[tampered.length - 1]! ^= 1
    expect(() => call('Decrypt', { CiphertextBlob: tampered })).toThrow(failing('InvalidCiphertextException'))
    expect(() => call('Decrypt', { CiphertextBlob: secret })).toThrow(failing('InvalidCiphertextException'))
    expect(() => call('Decrypt', { CiphertextBlob, KeyId: other })).toThrow(failing('IncorrectKeyException'))
    expect(call('Decrypt', { CiphertextBlob, KeyId: key }).Plaintext).toEqual(secret)
  })

  it('re-encrypts under another key and context without showing the plaintext', () => {
    const { call, newKey } = testKms()
    const [source, target] = [newKey(), newKey()]
    const { CiphertextBlob } = call('Encrypt', { KeyId: source, Plaintext: secret, EncryptionContext: { id: 'a' } })
    const moved = call('ReEncrypt', {
      CiphertextBlob,
      SourceEncryptionContext: { id: 'a' },
      DestinationKeyId: target,
      DestinationEncryptionContext: { id: 'b' },
    })
    expect(moved).toMatchObject({ SourceKeyId: source, KeyId: target })
    expect(moved).not.toHaveProperty('Plaintext')
    const context = { EncryptionContext: { id: 'b' } }
    expect(call('Decrypt', { CiphertextBlob: moved.CiphertextBlob, ...context }).Plaintext).toEqual(secret)
  })

  it('makes data keys of the asked length, and shows none where none is asked for', () => {
    const { call, newKey } = testKms()
    const KeyId = newKey()
    const { Plaintext, CiphertextBlob } = call('GenerateDataKey', { KeyId, KeySpec: 'AES_256' })
    expect(Plaintext).toHaveLength(32)
    expect(call('Decrypt', { CiphertextBlob }).Plaintext).toEqual(Plaintext)
    const hidden = call('GenerateDataKeyWithoutPlaintext', { KeyId, NumberOfBytes: 16 })
    expect(hidden).toMatchObject({ KeyId, Plaintext: undefined })
    expect(call('Decrypt', { CiphertextBlob: hidden.CiphertextBlob }).Plaintext).toHaveLength(16)
    for (const wrong of [{}, { KeySpec: 'AES_256', NumberOfBytes: 32 }, { NumberOfBytes: 1_025 }] as const)
      expect(() => call('GenerateDataKey', { KeyId, ...wrong })).toThrow(failing('ValidationException'))
  })

  it('answers a DryRun with what would have been, and does nothing', () => {
    const { call, newKey } = testKms()
    const KeyId = newKey()
    expect(() => call('DisableKey', { KeyId, DryRun: true } as Sdk.DisableKeyRequest)).toThrow(
      failing('DryRunOperationException'),
    )
    expect(call('DescribeKey', { KeyId }).KeyMetadata?.KeyState).toBe('Enabled')
  })
})

describe('the life of a key', () => {
  it('is found by id, ARN, alias and alias ARN, and by nothing else', () => {
    const { call, newKey } = testKms()
    const arn = newKey()
    call('CreateAlias', { AliasName: 'alias/vault', TargetKeyId: arn })
    for (const KeyId of [arn, arn.split('/')[1]!, 'alias/vault', `arn:aws:kms:${REGION}:${OURS}:alias/vault`])
      expect(call('DescribeKey', { KeyId }).KeyMetadata?.Arn).toBe(arn)
    for (const KeyId of ['vault', 'alias/other', arn.replace(REGION, 'us-east-1')])
      expect(() => call('DescribeKey', { KeyId })).toThrow(failing('NotFoundException'))
    const second = newKey()
    call('UpdateAlias', { AliasName: 'alias/vault', TargetKeyId: second })
    expect(call('DescribeKey', { KeyId: 'alias/vault' }).KeyMetadata?.Arn).toBe(second)
  })

  it('encrypts nothing while it is disabled or pending deletion (AWS facts G)', () => {
    const { call, newKey } = testKms()
    const KeyId = newKey()
    const { CiphertextBlob } = call('Encrypt', { KeyId, Plaintext: secret })
    call('DisableKey', { KeyId })
    expect(() => call('Encrypt', { KeyId, Plaintext: secret })).toThrow(failing('DisabledException'))
    expect(() => call('Decrypt', { CiphertextBlob })).toThrow(failing('DisabledException'))
    call('EnableKey', { KeyId })
    call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 })
    expect(() => call('Decrypt', { CiphertextBlob })).toThrow(failing('KMSInvalidStateException'))
    call('CancelKeyDeletion', { KeyId })
    expect(call('DescribeKey', { KeyId }).KeyMetadata?.KeyState).toBe('Disabled')
  })

  it('ends with its aliases when its waiting time is over, and takes what it encrypted with it', async () => {
    const { call, newKey, clock } = testKms()
    const KeyId = newKey()
    const { CiphertextBlob } = call('Encrypt', { KeyId, Plaintext: secret })
    call('CreateAlias', { AliasName: 'alias/vault', TargetKeyId: KeyId })
    call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 })
    await clock.advance(7 * DAY_MS - 1)
    expect(call('DescribeKey', { KeyId }).KeyMetadata?.KeyState).toBe('PendingDeletion')
    await clock.advance(1)
    expect(() => call('DescribeKey', { KeyId })).toThrow(failing('NotFoundException'))
    expect(() => call('DescribeKey', { KeyId: 'alias/vault' })).toThrow(failing('NotFoundException'))
    expect(() => call('Decrypt', { CiphertextBlob })).toThrow(failing('AccessDeniedException'))
  })

  it('keeps decrypting across rotations', async () => {
    const { call, newKey, clock } = testKms()
    const KeyId = newKey()
    const before = call('Encrypt', { KeyId, Plaintext: secret }).CiphertextBlob
    call('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 })
    await clock.advance(91 * DAY_MS)
    const after = call('Encrypt', { KeyId, Plaintext: secret }).CiphertextBlob
    for (const CiphertextBlob of [before, after]) expect(call('Decrypt', { CiphertextBlob }).Plaintext).toEqual(secret)
    expect(call('GetKeyRotationStatus', { KeyId })).toMatchObject({
      KeyRotationEnabled: true,
      NextRotationDate: new Date(START_MS + 180 * DAY_MS),
    })
  })

  it('makes the keys of services when they are first used, and lets nobody change them', () => {
    const { call, kms } = testKms()
    expect(call('ListKeys', {}).Keys).toEqual([])
    expect(call('ListAliases', {}).Aliases).toContainEqual(
      expect.objectContaining({ AliasName: 'alias/aws/ebs', TargetKeyId: undefined }),
    )
    const { arn } = kms.managedKey('alias/aws/ebs')
    expect(call('DescribeKey', { KeyId: 'alias/aws/ebs' }).KeyMetadata).toMatchObject({ Arn: arn, KeyManager: 'AWS' })
    expect(() => call('DisableKey', { KeyId: arn })).toThrow(failing('AccessDeniedException'))
  })

  it('is listed page by page, none twice and none left out though others vanish meanwhile; a made-up marker is refused', () => {
    const { call, newKey } = testKms()
    const TargetKeyId = newKey()
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `alias/${name}`)
    for (const AliasName of names) call('CreateAlias', { AliasName, TargetKeyId })
    const first = call('ListAliases', { KeyId: TargetKeyId, Limit: 2 })
    expect([first.Aliases?.map(({ AliasName }) => AliasName), first.Truncated]).toEqual([names.slice(0, 2), true])
    call('DeleteAlias', { AliasName: 'alias/b' })
    const rest = call('ListAliases', { KeyId: TargetKeyId, Marker: first.NextMarker })
    expect([rest.Aliases?.map(({ AliasName }) => AliasName), rest.Truncated]).toEqual([names.slice(2), false])
    expect(() => call('ListAliases', { Marker: 'made-up' })).toThrow(failing('InvalidMarkerException'))
  })

  it('refuses kinds of keys that are not here, and policies that lock everybody out', () => {
    const { call, newKey } = testKms()
    for (const request of [{ MultiRegion: true }, { KeySpec: 'RSA_2048' }, { Origin: 'EXTERNAL' }] as const)
      expect(() => newKey(request)).toThrow(failing('UnsupportedOperationException'))
    const KeyId = newKey()
    const statement = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${OURS}:root` }, Resource: '*' }
    const policy = (Action: string) => JSON.stringify({ Version: '2012-10-17', Statement: [{ ...statement, Action }] })
    for (const Policy of ['{', '{}', policy('kms:Decrypt')])
      expect(() => call('PutKeyPolicy', { KeyId, Policy })).toThrow(failing('MalformedPolicyDocumentException'))
    call('PutKeyPolicy', { KeyId, Policy: policy('kms:*') })
    expect(call('GetKeyPolicy', { KeyId }).Policy).toBe(policy('kms:*'))
  })
})

describe('grants and places', () => {
  it('gives one grant for one name, lists it, revokes it and retires it', () => {
    const { call, newKey } = testKms()
    const KeyId = newKey()
    const granted = () => call('ListGrants', { KeyId }).Grants
    const request: Sdk.CreateGrantRequest = {
      KeyId,
      GranteePrincipal: `arn:aws:iam::${OURS}:role/proxy`,
      Operations: ['Decrypt'],
      Name: 'proxy',
    }
    const first = call('CreateGrant', request)
    expect(call('CreateGrant', request).GrantId).toBe(first.GrantId)
    expect(granted()).toMatchObject([{ GrantId: first.GrantId, Operations: ['Decrypt'] }])
    call('RevokeGrant', { KeyId, GrantId: first.GrantId })
    expect(granted()).toHaveLength(0)
    call('RetireGrant', { GrantToken: call('CreateGrant', request).GrantToken })
    expect(granted()).toHaveLength(0)
    expect(() => call('RevokeGrant', { KeyId, GrantId: first.GrantId })).toThrow(failing('NotFoundException'))
  })

  it('grants for an encryption context alone, where a grant is constrained to one', () => {
    const { call, newKey, kms } = testKms()
    const KeyId = newKey()
    const role = `arn:aws:iam::${OURS}:role/proxy`
    const asked = (pairs: object, action = 'kms:Decrypt', principals = [role]) => {
      const context = Object.fromEntries(
        Object.entries(pairs).map(([name, value]) => [`kms:EncryptionContext:${name}`, String(value)]),
      )
      return kms.isGranted({ action, resource: KeyId, context }, principals)
    }
    const grant = (Constraints: Sdk.GrantConstraints) =>
      call('CreateGrant', { KeyId, GranteePrincipal: role, Operations: ['Decrypt'], Constraints }).GrantId
    const GrantId = grant({ EncryptionContextSubset: { disk: 'a' } })
    expect(asked({ disk: 'a', more: 'b' })).toBe(true)
    expect(asked({ disk: 'b' })).toBe(false)
    expect(asked({})).toBe(false)
    expect(asked({ disk: 'a' }, 'kms:Encrypt')).toBe(false)
    expect(asked({ disk: 'a' }, 'kms:Decrypt', [`${role}2`])).toBe(false)
    call('RevokeGrant', { KeyId, GrantId })
    grant({ EncryptionContextEquals: { disk: 'a' } })
    expect(asked({ disk: 'a', more: 'b' })).toBe(false)
    expect(asked({ disk: 'a' })).toBe(true)
  })

  it('lets another account name a key by its ARN, and by nothing else (AWS facts G)', () => {
    const ours = testKms()
    const theirs = testKms(ours.clock, THEIRS, () => ours.kms)
    const arn = ours.newKey()
    const { CiphertextBlob } = theirs.call('Encrypt', { KeyId: arn, Plaintext: secret })
    expect(ours.call('Decrypt', { CiphertextBlob }).Plaintext).toEqual(secret)
    expect(() => theirs.call('Encrypt', { KeyId: arn.split('/')[1], Plaintext: secret })).toThrow(
      failing('NotFoundException'),
    )
    expect(() => theirs.call('DisableKey', { KeyId: arn })).toThrow(failing('NotFoundException'))
  })

  it('goes on after a restart with the same keys, and deletes what was to be deleted', async () => {
    const before = testKms()
    const [kept, doomed] = [before.newKey(), before.newKey()]
    const { CiphertextBlob } = before.call('Encrypt', { KeyId: kept, Plaintext: secret })
    before.call('ScheduleKeyDeletion', { KeyId: doomed, PendingWindowInDays: 7 })
    const after = testKms(manualClock(before.clock.now()))
    after.kms.durable.restore(deserialize(serialize(before.kms.durable.save())))
    after.kms.durable.resume?.()
    expect(after.call('Decrypt', { CiphertextBlob }).Plaintext).toEqual(secret)
    await after.clock.advance(7 * DAY_MS)
    expect(after.call('ListKeys', {}).Keys).toEqual([expect.objectContaining({ KeyArn: kept })])
  })
})
