/** Roles and instance profiles. */
import type {
  AddRoleToInstanceProfileRequest,
  CreateInstanceProfileRequest,
  CreateRoleRequest,
  DeleteRoleRequest,
  GetInstanceProfileRequest,
  InstanceProfile,
  ListInstanceProfilesRequest,
  ListRolesRequest,
  ListRoleTagsRequest,
  Role,
  TagRoleRequest,
  UntagRoleRequest,
  UpdateAssumeRolePolicyRequest,
} from '@aws-sdk/client-iam'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { checkPolicyExists, findProfile, findRole, type IamContext } from './context.ts'
import { parsePolicy } from './policy.ts'
import { uniqueId, type AccountRecords, type ProfileRecord, type RoleRecord } from './records.ts'
import {
  addTags,
  alreadyExists,
  checkedName,
  checkedPath,
  deleteConflict,
  encodedDocument,
  limitExceeded,
  operation,
  pageOf,
  toTagList,
} from './request.ts'

const HOUR_SECONDS = 3600
const SESSION_MAX_SECONDS = 12 * HOUR_SECONDS
const NAME_MAX = 64
const PROFILE_NAME_MAX = 128

const described = (role: RoleRecord): Role => ({
  Path: role.path,
  RoleName: role.name,
  RoleId: role.id,
  Arn: role.arn,
  CreateDate: new Date(role.createdMs),
  AssumeRolePolicyDocument: encodedDocument(role.trust),
  MaxSessionDuration: role.maxSessionSeconds,
  ...(role.description === undefined ? {} : { Description: role.description }),
  ...(role.boundaryArn === undefined
    ? {}
    : {
        PermissionsBoundary: {
          PermissionsBoundaryType: 'PermissionsBoundaryPolicy',
          PermissionsBoundaryArn: role.boundaryArn,
        },
      }),
  ...(role.tags.size > 0 ? { Tags: toTagList(role.tags) } : {}),
})

function createRole(context: IamContext, accountId: string, input: CreateRoleRequest): Role {
  const records = context.recordsOf(accountId)
  const name = checkedName(input.RoleName, 'roleName', NAME_MAX)
  const path = checkedPath(input.Path)
  const { AssumeRolePolicyDocument: trust = '', MaxSessionDuration: seconds = HOUR_SECONDS } = input
  if (seconds < HOUR_SECONDS || seconds > SESSION_MAX_SECONDS)
    throw new AwsError(
      'ValidationError',
      `MaxSessionDuration must be between ${HOUR_SECONDS} and ${SESSION_MAX_SECONDS}`,
    )
  parsePolicy(trust, 'trust', `trust of ${name}`)
  if (records.roles.has(name)) throw alreadyExists(`Role with name ${name}`)
  const arn = `arn:aws:iam::${accountId}:role${path}${name}`
  const createdMs = context.clock.now()
  const { PermissionsBoundary: boundary } = input
  const tags = new Map<string, string>()
  addTags(tags, input.Tags)
  const role: RoleRecord = {
    arn,
    id: uniqueId('AROA', arn, createdMs),
    name,
    path,
    createdMs,
    tags,
    inline: new Map(),
    attached: new Set(),
    trust,
    maxSessionSeconds: seconds,
    ...(input.Description === undefined ? {} : { description: input.Description }),
    ...(boundary === undefined ? {} : { boundaryArn: checkPolicyExists(records, boundary) }),
  }
  records.roles.set(name, role)
  context.changed()
  return described(role)
}

function deleteRole(records: AccountRecords, { RoleName }: DeleteRoleRequest): object {
  const role = findRole(records, RoleName)
  if (role.inline.size > 0) throw deleteConflict('Cannot delete entity, must delete policies first.')
  if (role.attached.size > 0) throw deleteConflict('Cannot delete entity, must detach all policies first.')
  if ([...records.profiles.values()].some(({ roleName }) => roleName === role.name))
    throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.')
  records.roles.delete(role.name)
  return {}
}

export function roleOperations(context: IamContext): Operations {
  const of = ({ accountId }: { readonly accountId: string }): AccountRecords => context.recordsOf(accountId)
  return {
    CreateRole: operation<CreateRoleRequest>(
      [
        'RoleName',
        'Path',
        'AssumeRolePolicyDocument',
        'Description',
        'MaxSessionDuration',
        'PermissionsBoundary',
        'Tags',
      ],
      (input, { accountId }) => ({ Role: createRole(context, accountId, input) }),
    ),
    GetRole: operation<DeleteRoleRequest>(['RoleName'], ({ RoleName }, caller) => ({
      Role: described(findRole(of(caller), RoleName)),
    })),
    ListRoles: operation<ListRolesRequest>(['PathPrefix', 'Marker', 'MaxItems'], (input, caller) => {
      const { page, more } = pageOf(of(caller).roles.values(), input)
      return { Roles: page.map(described), ...more }
    }),
    DeleteRole: operation<DeleteRoleRequest>(['RoleName'], (input, caller) => {
      context.changed()
      return deleteRole(of(caller), input)
    }),
    UpdateAssumeRolePolicy: operation<UpdateAssumeRolePolicyRequest>(
      ['RoleName', 'PolicyDocument'],
      ({ RoleName, PolicyDocument = '' }, caller) => {
        const role = findRole(of(caller), RoleName)
        parsePolicy(PolicyDocument, 'trust', `trust of ${role.name}`)
        role.trust = PolicyDocument
        return {}
      },
    ),
    TagRole: operation<TagRoleRequest>(['RoleName', 'Tags'], ({ RoleName, Tags }, caller) => {
      addTags(findRole(of(caller), RoleName).tags, Tags)
      return {}
    }),
    UntagRole: operation<UntagRoleRequest>(['RoleName', 'TagKeys'], ({ RoleName, TagKeys }, caller) => {
      const { tags } = findRole(of(caller), RoleName)
      for (const key of TagKeys ?? []) tags.delete(key)
      return {}
    }),
    ListRoleTags: operation<ListRoleTagsRequest>(['RoleName'], ({ RoleName }, caller) => ({
      Tags: toTagList(findRole(of(caller), RoleName).tags),
      IsTruncated: false,
    })),
  }
}

const describedProfile = (records: AccountRecords, profile: ProfileRecord): InstanceProfile => ({
  Path: profile.path,
  InstanceProfileName: profile.name,
  InstanceProfileId: profile.id,
  Arn: profile.arn,
  CreateDate: new Date(profile.createdMs),
  Roles: profile.roleName === undefined ? [] : [described(findRole(records, profile.roleName))],
  ...(profile.tags.size > 0 ? { Tags: toTagList(profile.tags) } : {}),
})

function createProfile(context: IamContext, accountId: string, input: CreateInstanceProfileRequest): ProfileRecord {
  const { profiles } = context.recordsOf(accountId)
  const name = checkedName(input.InstanceProfileName, 'instanceProfileName', PROFILE_NAME_MAX)
  const path = checkedPath(input.Path)
  if (profiles.has(name)) throw alreadyExists(`Instance Profile ${name}`)
  const arn = `arn:aws:iam::${accountId}:instance-profile${path}${name}`
  const createdMs = context.clock.now()
  const tags = new Map<string, string>()
  addTags(tags, input.Tags)
  const profile: ProfileRecord = { arn, id: uniqueId('AIPA', arn, createdMs), name, path, createdMs, tags }
  profiles.set(name, profile)
  return profile
}

export function profileOperations(context: IamContext): Operations {
  const of = ({ accountId }: { readonly accountId: string }): AccountRecords => context.recordsOf(accountId)
  return {
    CreateInstanceProfile: operation<CreateInstanceProfileRequest>(
      ['InstanceProfileName', 'Path', 'Tags'],
      (input, caller) => ({
        InstanceProfile: describedProfile(of(caller), createProfile(context, caller.accountId, input)),
      }),
    ),
    AddRoleToInstanceProfile: operation<AddRoleToInstanceProfileRequest>(
      ['InstanceProfileName', 'RoleName'],
      ({ InstanceProfileName, RoleName }, caller) => {
        const profile = findProfile(of(caller), InstanceProfileName)
        const role = findRole(of(caller), RoleName)
        if (profile.roleName !== undefined)
          throw limitExceeded('Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1')
        profile.roleName = role.name
        return {}
      },
    ),
    RemoveRoleFromInstanceProfile: operation<AddRoleToInstanceProfileRequest>(
      ['InstanceProfileName', 'RoleName'],
      ({ InstanceProfileName, RoleName }, caller) => {
        const profile = findProfile(of(caller), InstanceProfileName)
        findRole(of(caller), RoleName)
        delete profile.roleName
        return {}
      },
    ),
    GetInstanceProfile: operation<GetInstanceProfileRequest>(
      ['InstanceProfileName'],
      ({ InstanceProfileName }, caller) => ({
        InstanceProfile: describedProfile(of(caller), findProfile(of(caller), InstanceProfileName)),
      }),
    ),
    ListInstanceProfiles: operation<ListInstanceProfilesRequest>(
      ['PathPrefix', 'Marker', 'MaxItems'],
      (input, caller) => {
        const { page, more } = pageOf(of(caller).profiles.values(), input)
        return { InstanceProfiles: page.map((profile) => describedProfile(of(caller), profile)), ...more }
      },
    ),
    DeleteInstanceProfile: operation<GetInstanceProfileRequest>(
      ['InstanceProfileName'],
      ({ InstanceProfileName }, caller) => {
        const profile = findProfile(of(caller), InstanceProfileName)
        if (profile.roleName !== undefined)
          throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.')
        of(caller).profiles.delete(profile.name)
        return {}
      },
    ),
  }
}
