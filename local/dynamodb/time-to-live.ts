/**
 * Expiry of items by TTL, in the account's time: the tables' server would do it by the machine's, in which everything that this
 * account calls the future may have passed. So the server never hears of it.
 */
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import { AwsError } from '../wire/service.ts'

const HOUR_MS = 3_600_000
/** AWS deletes "within a few days" (AWS facts E); here whatever has expired goes twice a day. */
const SWEEP_MS = 12 * HOUR_MS
/** A change takes up to an hour, and no other is taken meanwhile. */
const CHANGE_MS = HOUR_MS
/** What expired longer ago is left alone, as AWS documents it. */
const FORGOTTEN_SECONDS = 5 * 365 * 24 * 3600

interface Setting {
  readonly attribute: string
  readonly isEnabled: boolean
  readonly changedMs: number
  /** Of the table that was meant: one of the same name that is made later has no TTL. */
  readonly tableId: string
}

type Json = Readonly<Record<string, unknown>>
/** Asks the tables' server. @throws AwsError as it refuses */
export type AskTables = (operation: string, input: Json) => Promise<Json>

const invalid = (message: string): AwsError => new AwsError('ValidationException', message)
const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? { ...value } : {})

export class TimeToLive {
  readonly durable: Durable
  readonly #clock: Clock
  readonly #ask: AskTables
  /** By name of the table. */
  readonly #settings = new Map<string, Setting>()
  #nextSweepMs: number | undefined

  constructor(clock: Clock, ask: AskTables) {
    this.#clock = clock
    this.#ask = ask
    this.durable = {
      name: 'time-to-live',
      save: () => this.#settings,
      restore: (saved) => {
        for (const [table, setting] of saved as ReadonlyMap<string, Setting>) this.#settings.set(table, setting)
      },
      resume: () => this.#plan(),
    }
  }

  /** UpdateTimeToLive and DescribeTimeToLive, which must not reach the server. */
  readonly operations = {
    UpdateTimeToLive: (input: Json) => this.#update(input),
    DescribeTimeToLive: (input: Json) => this.#describe(input),
  }

  async #update(input: Json): Promise<Json> {
    const { Enabled: isEnabled, AttributeName: attribute } = record(input['TimeToLiveSpecification'])
    if (typeof isEnabled !== 'boolean' || typeof attribute !== 'string' || attribute === '' || attribute.length > 255)
      throw invalid('TimeToLiveSpecification must have Enabled, and AttributeName of 1 to 255 characters')
    const { table, tableId, setting } = await this.#settingOf(input)
    if (setting && this.#clock.now() < setting.changedMs + CHANGE_MS)
      throw invalid('Time to live has been modified multiple times within a fixed interval')
    if (isEnabled === (setting?.isEnabled ?? false))
      throw invalid(`TimeToLive is already ${isEnabled ? 'enabled' : 'disabled'}`)
    if (setting?.isEnabled && setting.attribute !== attribute)
      throw invalid(`TimeToLive is active on a different AttributeName: current AttributeName is ${setting.attribute}`)
    this.#settings.set(table, { attribute, isEnabled, changedMs: this.#clock.now(), tableId })
    this.#plan()
    return { TimeToLiveSpecification: { Enabled: isEnabled, AttributeName: attribute } }
  }

  async #describe(input: Json): Promise<Json> {
    const { setting } = await this.#settingOf(input)
    const isChanging = setting !== undefined && this.#clock.now() < setting.changedMs + CHANGE_MS
    if (!setting || (!setting.isEnabled && !isChanging))
      return { TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } }
    const status = setting.isEnabled ? (isChanging ? 'ENABLING' : 'ENABLED') : 'DISABLING'
    return { TimeToLiveDescription: { TimeToLiveStatus: status, AttributeName: setting.attribute } }
  }

  /** @throws AwsError ResourceNotFoundException, in the server's words */
  async #settingOf({ TableName }: Json): Promise<{ table: string; tableId: string; setting: Setting | undefined }> {
    const { Table } = await this.#ask('DescribeTable', { TableName })
    const { TableName: name, TableId: id, CreationDateTime: created } = record(Table)
    const [table, tableId] = [String(name), `${String(id)}/${String(created)}`]
    const setting = this.#settings.get(table)
    return { table, tableId, setting: setting?.tableId === tableId ? setting : undefined }
  }

  /** A sweep is a timer in the background: no idle account jumps to it. */
  #plan(): void {
    const isNeeded = [...this.#settings.values()].some(({ isEnabled }) => isEnabled)
    if (!isNeeded || this.#nextSweepMs !== undefined) return
    this.#nextSweepMs = this.#clock.now() + SWEEP_MS
    const run = (): void => {
      this.#nextSweepMs = undefined
      void this.#clock.holding(() => this.#sweep()).finally(() => this.#plan())
    }
    this.#clock.after(SWEEP_MS, run, { background: true })
  }

  async #sweep(): Promise<void> {
    for (const [table, { isEnabled }] of this.#settings) {
      if (!isEnabled) continue
      try {
        const { setting } = await this.#settingOf({ TableName: table })
        if (setting) await this.#expire(table, setting)
        else this.#settings.delete(table)
      } catch (error) {
        if (error instanceof AwsError && error.code === 'ResourceNotFoundException') this.#settings.delete(table)
        else console.error(error)
      }
    }
  }

  async #expire(table: string, { attribute }: Setting): Promise<void> {
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    const keyNames = await this.#keysOf(table)
    let start: unknown
    do {
      const { Items, LastEvaluatedKey } = await this.#ask('Scan', {
        TableName: table,
        FilterExpression: 'attribute_type(#ttl, :number) AND #ttl < :now AND #ttl > :forgotten',
        ExpressionAttributeNames: { '#ttl': attribute },
        ExpressionAttributeValues: {
          ':number': { S: 'N' },
          ':now': { N: String(nowSeconds) },
          ':forgotten': { N: String(nowSeconds - FORGOTTEN_SECONDS) },
        },
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      })
      for (const item of (Array.isArray(Items) ? Items : []).map(record))
        await this.#delete(table, item, keyNames, attribute)
      start = LastEvaluatedKey
    } while (start !== undefined)
  }

  async #keysOf(table: string): Promise<string[]> {
    const { KeySchema } = record((await this.#ask('DescribeTable', { TableName: table }))['Table'])
    return (Array.isArray(KeySchema) ? KeySchema : []).map((key) => String(record(key)['AttributeName']))
  }

  /** Unless somebody has given the item another time meanwhile. */
  async #delete(table: string, item: Json, keyNames: readonly string[], attribute: string): Promise<void> {
    try {
      await this.#ask('DeleteItem', {
        TableName: table,
        Key: Object.fromEntries(keyNames.map((name) => [name, item[name]])),
        ConditionExpression: '#ttl = :seen',
        ExpressionAttributeNames: { '#ttl': attribute },
        ExpressionAttributeValues: { ':seen': item[attribute] },
      })
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== 'ConditionalCheckFailedException') throw error
    }
  }
}
