/** Users and their access keys. */
import type {
  CreateAccessKeyRequest,
  CreateUserRequest,
  DeleteAccessKeyRequest,
  ListUsersRequest,
  User,
} from '@aws-sdk/client-iam'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import { checkPolicyExists, findUser, type IamContext } from './context.ts'
import { uniqueId, type AccountRecords, type UserRecord } from './records.ts'
import {
  addTags,
  alreadyExists,
  checkedName,
  checkedPath,
  deleteConflict,
  limitExceeded,
  noSuchEntity,
  operation,
  pageOf,
  toTagList,
} from './request.ts'

const KEYS_MAX = 2

const describedUser = (user: UserRecord): User => ({
  Path: user.path,
  UserName: user.name,
  UserId: user.id,
  Arn: user.arn,
  CreateDate: new Date(user.createdMs),
  ...(user.tags.size > 0 ? { Tags: toTagList(user.tags) } : {}),
})

function createUser(context: IamContext, accountId: string, input: CreateUserRequest): UserRecord {
  const records = context.recordsOf(accountId)
  const name = checkedName(input.UserName, 'userName', 64)
  const path = checkedPath(input.Path)
  if (records.users.has(name)) throw alreadyExists(`User with name ${name}`)
  const arn = `arn:aws:iam::${accountId}:user${path}${name}`
  const createdMs = context.clock.now()
  const tags = new Map<string, string>()
  addTags(tags, input.Tags)
  const { PermissionsBoundary: boundary } = input
  const user: UserRecord = {
    arn,
    id: uniqueId('AIDA', arn, createdMs),
    name,
    path,
    createdMs,
    tags,
    inline: new Map(),
    attached: new Set(),
    accessKeys: new Map(),
    ...(boundary === undefined ? {} : { boundaryArn: checkPolicyExists(records, boundary) }),
  }
  records.users.set(name, user)
  return user
}

function createKey(context: IamContext, user: UserRecord): object {
  if (user.accessKeys.size >= KEYS_MAX) throw limitExceeded(`Cannot exceed quota for AccessKeysPerUser: ${KEYS_MAX}`)
  const createdMs = context.clock.now()
  const { accessKeyId, secretAccessKey } = context.createKey(user.arn, createdMs + user.accessKeys.size)
  user.accessKeys.set(accessKeyId, { id: accessKeyId, createdMs, isActive: true })
  return {
    AccessKey: {
      UserName: user.name,
      AccessKeyId: accessKeyId,
      Status: 'Active',
      SecretAccessKey: secretAccessKey,
      CreateDate: new Date(createdMs),
    },
  }
}

function deleteKey(context: IamContext, user: UserRecord, { AccessKeyId = '' }: DeleteAccessKeyRequest): object {
  if (!user.accessKeys.delete(AccessKeyId)) throw noSuchEntity(`The Access Key with id ${AccessKeyId}`)
  context.deleteKey(AccessKeyId)
  return {}
}

function deleteUser(records: AccountRecords, user: UserRecord): object {
  if (user.inline.size > 0) throw deleteConflict('Cannot delete entity, must delete policies first.')
  if (user.attached.size > 0) throw deleteConflict('Cannot delete entity, must detach all policies first.')
  if (user.accessKeys.size > 0) throw deleteConflict('Cannot delete entity, must delete access keys first.')
  records.users.delete(user.name)
  return {}
}

export function userOperations(context: IamContext): Operations {
  const of = ({ accountId }: Caller): AccountRecords => context.recordsOf(accountId)
  /** Without a name, the caller himself. */
  const named = (name: string | undefined, caller: Caller): UserRecord => {
    const own = /:user\/(?:.+\/)?([^/]+)$/.exec(caller.arn)?.[1]
    if (name === undefined && own === undefined)
      throw new AwsError('ValidationError', 'Must specify userName when calling with non-User credentials')
    return findUser(of(caller), name ?? own)
  }
  return {
    CreateUser: operation<CreateUserRequest>(['UserName', 'Path', 'PermissionsBoundary', 'Tags'], (input, caller) => ({
      User: describedUser(createUser(context, caller.accountId, input)),
    })),
    GetUser: operation<CreateAccessKeyRequest>(['UserName'], ({ UserName }, caller) => ({
      User: describedUser(named(UserName, caller)),
    })),
    ListUsers: operation<ListUsersRequest>(['PathPrefix', 'Marker', 'MaxItems'], (input, caller) => {
      const { page, more } = pageOf(of(caller).users.values(), input)
      return { Users: page.map(describedUser), ...more }
    }),
    DeleteUser: operation<CreateAccessKeyRequest>(['UserName'], ({ UserName }, caller) => {
      context.changed()
      return deleteUser(of(caller), findUser(of(caller), UserName))
    }),
    CreateAccessKey: operation<CreateAccessKeyRequest>(['UserName'], ({ UserName }, caller) =>
      createKey(context, named(UserName, caller)),
    ),
    ListAccessKeys: operation<CreateAccessKeyRequest>(['UserName'], ({ UserName }, caller) => {
      const user = named(UserName, caller)
      return {
        AccessKeyMetadata: [...user.accessKeys.values()].map(({ id, createdMs }) => ({
          UserName: user.name,
          AccessKeyId: id,
          Status: 'Active',
          CreateDate: new Date(createdMs),
        })),
        IsTruncated: false,
      }
    }),
    DeleteAccessKey: operation<DeleteAccessKeyRequest>(['UserName', 'AccessKeyId'], (input, caller) =>
      deleteKey(context, named(input.UserName, caller), input),
    ),
  }
}
