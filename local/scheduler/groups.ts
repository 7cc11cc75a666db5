import type {
  CreateScheduleGroupInput,
  GetScheduleGroupOutput,
  ListScheduleGroupsInput,
  ListScheduleGroupsOutput,
  ScheduleGroupSummary,
} from '@aws-sdk/client-scheduler'
import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import { checkName } from './schedule.ts'

export interface Group {
  readonly name: string
  readonly arn: string
  readonly createdMs: number
  readonly clientToken?: string | undefined
  readonly tags: Map<string, string>
}

/** AWS facts D.1. */
const GROUP_LIMIT = 500
const PAGE_SIZE = 100

export const missing = (what: string): AwsError =>
  new AwsError('ResourceNotFoundException', `${what} does not exist.`, { status: 404 })
export const conflict = (what: string): AwsError =>
  new AwsError('ConflictException', `${what} already exists.`, { status: 409 })

/** One page in the order of `keyOf`; the token is the key of the last item shown. */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  input: { readonly NextToken?: string | undefined; readonly MaxResults?: number | undefined },
): { readonly page: Item[]; readonly next: { NextToken?: string } } {
  const after = input.NextToken === undefined ? '' : Buffer.from(input.NextToken, 'base64url').toString()
  const left = items.filter((item) => keyOf(item) > after).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const page = left.slice(0, Math.min(input.MaxResults ?? PAGE_SIZE, PAGE_SIZE))
  const last = page.at(-1)
  return {
    page,
    next: last && page.length < left.length ? { NextToken: Buffer.from(keyOf(last)).toString('base64url') } : {},
  }
}

/** Groups of schedules by name; `default` is always there. */
export class Groups {
  readonly #clock: Clock
  readonly #arnPrefix: string
  readonly #groups = new Map<string, Group>()

  constructor({ clock, accountId, region }: { clock: Clock; accountId: string; region: string }) {
    this.#clock = clock
    this.#arnPrefix = `arn:aws:scheduler:${region}:${accountId}:schedule-group/`
    this.#add('default', {})
  }

  create(input: CreateScheduleGroupInput): { ScheduleGroupArn: string } {
    const name = checkName('name', input.Name)
    const existing = this.#groups.get(name)
    if (existing && (input.ClientToken === undefined || existing.clientToken !== input.ClientToken))
      throw conflict(`Schedule group ${name}`)
    if (!existing && this.#groups.size >= GROUP_LIMIT)
      throw new AwsError('ServiceQuotaExceededException', 'The request exceeds the quota of schedule groups.', {
        status: 402,
      })
    return { ScheduleGroupArn: (existing ?? this.#add(name, input)).arn }
  }

  get(name: string): Group {
    const group = this.#groups.get(checkName('groupName', name))
    if (!group) throw missing(`Schedule group ${name}`)
    return group
  }

  list(input: ListScheduleGroupsInput): ListScheduleGroupsOutput {
    const named = [...this.#groups.values()].filter(({ name }) => name.startsWith(input.NamePrefix ?? ''))
    const { page, next } = pageOf(named, ({ name }) => name, input)
    return { ScheduleGroups: page.map(described), ...next }
  }

  /** Tags of the group of an ARN; nothing else of Scheduler has tags. */
  tagsOf(arn: string | undefined): Map<string, string> {
    const group = [...this.#groups.values()].find((candidate) => candidate.arn === arn)
    if (!group) throw missing(`The resource ${arn ?? ''}`)
    return group.tags
  }

  /** @throws AwsError for the default group, which is always there */
  delete(name: string): void {
    if (name === 'default') throw new AwsError('ValidationException', 'The default schedule group cannot be deleted.')
    this.#groups.delete(name)
  }

  save(): ReadonlyMap<string, Group> {
    return this.#groups
  }

  restore(saved: ReadonlyMap<string, Group>): void {
    for (const [name, group] of saved) this.#groups.set(name, group)
  }

  #add(name: string, { ClientToken, Tags = [] }: Partial<CreateScheduleGroupInput>): Group {
    const group: Group = {
      name,
      arn: this.#arnPrefix + name,
      createdMs: this.#clock.now(),
      clientToken: ClientToken,
      tags: new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
    }
    this.#groups.set(name, group)
    return group
  }
}

export function described({ name, arn, createdMs }: Group): GetScheduleGroupOutput & ScheduleGroupSummary {
  const date = new Date(createdMs)
  return { Arn: arn, Name: name, State: 'ACTIVE', CreationDate: date, LastModificationDate: date }
}
