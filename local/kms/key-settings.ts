/** Policies and rotation of keys. */
import type {
  DisableKeyRotationRequest,
  EnableKeyRotationRequest,
  GetKeyPolicyRequest,
  GetKeyPolicyResponse,
  GetKeyRotationStatusRequest,
  GetKeyRotationStatusResponse,
  ListKeyPoliciesRequest,
  PutKeyPolicyRequest,
} from '@aws-sdk/client-kms'
import type { Caller, Operations } from '../wire/service.ts'
import { checkKeyPolicy } from './key-policy.ts'
import { checkUsable, customerKey, findOwnKey, findOwnKeyById, newMaterial } from './lookup.ts'
import type { Key, KmsPlace } from './model.ts'
import { days, invalid, notFound, operation, required } from './request.ts'

const POLICY_NAME = 'default'
const ROTATION_DAYS = { min: 90, max: 2_560, usual: 365 }

/** Adds the materials of the rotations that have come due since the key was last looked at. */
export function rotateIfDue(key: Key, nowMs: number): void {
  const { rotation } = key
  if (!rotation || !key.enabled || key.deletesMs !== undefined) return
  for (; rotation.nextMs <= nowMs; rotation.nextMs += days(rotation.periodDays))
    key.materials.push(newMaterial(rotation.nextMs))
}

function checkPolicyName(name: string | undefined): void {
  if (name !== undefined && name !== POLICY_NAME) throw notFound(`No such policy exists`)
}

function getKeyPolicy(place: KmsPlace, request: GetKeyPolicyRequest): GetKeyPolicyResponse {
  const { policy } = findOwnKeyById(place, required(request.KeyId, 'keyId'))
  checkPolicyName(request.PolicyName)
  return { Policy: policy, PolicyName: POLICY_NAME }
}

function putKeyPolicy(place: KmsPlace, request: PutKeyPolicyRequest, caller: Caller): () => object {
  const key = customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId')))
  checkPolicyName(request.PolicyName)
  const policy = checkKeyPolicy(
    required(request.Policy, 'policy'),
    caller,
    request.BypassPolicyLockoutSafetyCheck ?? false,
  )
  return () => {
    key.policy = policy
    return {}
  }
}

function enableKeyRotation(place: KmsPlace, request: EnableKeyRotationRequest): () => object {
  const key = checkUsable(customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId'))))
  const periodDays = request.RotationPeriodInDays ?? key.rotation?.periodDays ?? ROTATION_DAYS.usual
  if (periodDays < ROTATION_DAYS.min || periodDays > ROTATION_DAYS.max)
    throw invalid(`RotationPeriodInDays must be between ${ROTATION_DAYS.min} and ${ROTATION_DAYS.max}.`)
  return () => {
    rotateIfDue(key, place.clock.now())
    key.rotation = { periodDays, nextMs: place.clock.now() + days(periodDays) }
    return {}
  }
}

function disableKeyRotation(place: KmsPlace, request: DisableKeyRotationRequest): () => object {
  const key = checkUsable(customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId'))))
  return () => {
    rotateIfDue(key, place.clock.now())
    key.rotation = undefined
    return {}
  }
}

function getKeyRotationStatus(place: KmsPlace, request: GetKeyRotationStatusRequest): GetKeyRotationStatusResponse {
  const key = findOwnKey(place, required(request.KeyId, 'keyId'))
  rotateIfDue(key, place.clock.now())
  // A key that is about to go is not rotated any more.
  const rotation = key.deletesMs === undefined ? key.rotation : undefined
  return {
    KeyId: key.arn,
    KeyRotationEnabled: rotation !== undefined,
    RotationPeriodInDays: rotation?.periodDays,
    NextRotationDate: rotation && new Date(rotation.nextMs),
  }
}

export const keySettingOperations = (place: KmsPlace): Operations => ({
  GetKeyPolicy: operation<GetKeyPolicyRequest>(['KeyId', 'PolicyName'], (input) => () => getKeyPolicy(place, input)),
  PutKeyPolicy: operation<PutKeyPolicyRequest>(
    ['KeyId', 'PolicyName', 'Policy', 'BypassPolicyLockoutSafetyCheck'],
    (input, caller) => putKeyPolicy(place, input, caller),
  ),
  ListKeyPolicies: operation<ListKeyPoliciesRequest>(['KeyId', 'Limit', 'Marker'], (input) => () => {
    findOwnKeyById(place, required(input.KeyId, 'keyId'))
    return { PolicyNames: [POLICY_NAME], Truncated: false }
  }),
  EnableKeyRotation: operation<EnableKeyRotationRequest>(['KeyId', 'RotationPeriodInDays'], (input) =>
    enableKeyRotation(place, input),
  ),
  DisableKeyRotation: operation<DisableKeyRotationRequest>(['KeyId'], (input) => disableKeyRotation(place, input)),
  GetKeyRotationStatus: operation<GetKeyRotationStatusRequest>(
    ['KeyId'],
    (input) => () => getKeyRotationStatus(place, input),
  ),
})
