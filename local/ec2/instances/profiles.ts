/** Instance profiles: which one an instance has, and its association with it. */
import { createHash } from 'node:crypto'
import type {
  AssociateIamInstanceProfileRequest,
  DescribeIamInstanceProfileAssociationsRequest,
  DisassociateIamInstanceProfileRequest,
  IamInstanceProfileAssociation,
  IamInstanceProfileSpecification,
  ReplaceIamInstanceProfileAssociationRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { filterBy } from '../filters.ts'
import { INSTANCE, find } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Instance, ProfileAssociation } from './model.ts'
import { pageOf } from '../paging.ts'
import { invalidValue, operation, required } from '../request.ts'

/** For an account without IAM: every profile exists. */
export const profilesTakenOnTrust =
  (accountId: string): Account['profileOf'] =>
  (nameOrArn) => ({
    arn: nameOrArn.startsWith('arn:') ? nameOrArn : `arn:aws:iam::${accountId}:instance-profile/${nameOrArn}`,
    id: `AIPA${createHash('sha256').update(nameOrArn).digest('hex').toUpperCase().slice(0, 17)}`,
  })

/** @throws AwsError InvalidParameterValue for a profile that IAM does not know, or not yet (AWS facts A.17) */
export function associationWith(
  account: Account,
  specification: IamInstanceProfileSpecification | undefined,
): ProfileAssociation | undefined {
  if (!specification) return undefined
  const { Arn, Name } = specification
  if (Arn !== undefined && Name !== undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
    )
  const wanted = Arn ?? required(Name, 'IamInstanceProfile.Name')
  const profile = account.profileOf(wanted)
  const [parameter, called] = Arn === undefined ? ['name', 'name'] : ['arn', 'ARN']
  if (!profile)
    throw invalidValue(
      `Value (${wanted}) for parameter iamInstanceProfile.${parameter} is invalid. Invalid IAM Instance Profile ${called}`,
    )
  return {
    id: account.ids.next('iip-assoc'),
    arn: profile.arn,
    profileId: profile.id,
    sinceMs: account.clock.now(),
  }
}

const toOutput = (
  { id }: Pick<Instance, 'id'>,
  profile: ProfileAssociation,
  state: IamInstanceProfileAssociation['State'],
): IamInstanceProfileAssociation => ({
  AssociationId: profile.id,
  InstanceId: id,
  IamInstanceProfile: { Arn: profile.arn, Id: profile.profileId },
  State: state,
  Timestamp: new Date(profile.sinceMs),
})

function associated(
  account: Account,
  associationId: string | undefined,
): { instance: Instance; profile: ProfileAssociation } {
  const id = required(associationId, 'associationId')
  for (const instance of account.instances.values())
    if (instance.profile?.id === id) return { instance, profile: instance.profile }
  throw new AwsError('NoSuchAssociation', `The association '${id}' does not exist.`)
}

function associate(account: Account, request: AssociateIamInstanceProfileRequest): object {
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'instanceId'))
  const profile = associationWith(account, required(request.IamInstanceProfile, 'iamInstanceProfile'))
  if (instance.state === 'terminated' || instance.state === 'shutting-down')
    throw new AwsError('IncorrectInstanceState', `The instance '${instance.id}' is in the '${instance.state}' state.`)
  if (instance.profile)
    throw new AwsError('IncorrectState', `There is an existing association for instance ${instance.id}`)
  instance.profile = profile
  return { IamInstanceProfileAssociation: profile && toOutput(instance, profile, 'associating') }
}

function disassociate(account: Account, { AssociationId }: DisassociateIamInstanceProfileRequest): object {
  const { instance, profile } = associated(account, AssociationId)
  instance.profile = undefined
  return { IamInstanceProfileAssociation: toOutput(instance, profile, 'disassociating') }
}

function replace(account: Account, request: ReplaceIamInstanceProfileAssociationRequest): object {
  const { instance } = associated(account, request.AssociationId)
  const profile = associationWith(account, required(request.IamInstanceProfile, 'iamInstanceProfile'))
  instance.profile = profile
  return { IamInstanceProfileAssociation: profile && toOutput(instance, profile, 'associating') }
}

function describeAssociations(account: Account, request: DescribeIamInstanceProfileAssociationsRequest): object {
  const { AssociationIds = [] } = request
  for (const id of AssociationIds) associated(account, id)
  const passes = filterBy<Instance>(request.Filters, {
    'instance-id': ({ id }) => id,
    state: ({ profile }) => profile && 'associated',
  })
  const { items, nextToken } = pageOf(
    account.instances.values(),
    request,
    (instance) =>
      instance.profile !== undefined &&
      (AssociationIds.length === 0 || AssociationIds.includes(instance.profile.id)) &&
      passes(instance),
    AssociationIds.length > 0 ? 'associationIdSet' : undefined,
  )
  return {
    IamInstanceProfileAssociations: items.flatMap((instance) =>
      instance.profile ? [toOutput(instance, instance.profile, 'associated')] : [],
    ),
    NextToken: nextToken,
  }
}

export const profileOperations = (account: Account): Operations => ({
  AssociateIamInstanceProfile: operation<AssociateIamInstanceProfileRequest>(
    ['InstanceId', 'IamInstanceProfile'],
    (input) => associate(account, input),
  ),
  DisassociateIamInstanceProfile: operation<DisassociateIamInstanceProfileRequest>(['AssociationId'], (input) =>
    disassociate(account, input),
  ),
  ReplaceIamInstanceProfileAssociation: operation<ReplaceIamInstanceProfileAssociationRequest>(
    ['AssociationId', 'IamInstanceProfile'],
    (input) => replace(account, input),
  ),
  DescribeIamInstanceProfileAssociations: operation<DescribeIamInstanceProfileAssociationsRequest>(
    ['AssociationIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeAssociations(account, input),
  ),
})
