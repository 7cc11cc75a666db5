/**
 * Keeps the state of every service of every place in one file, so that the account survives a restart, also one that was not
 * announced. The file is written anew and renamed: it holds all of one moment or all of an earlier one.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Durable } from './durability.ts'

/** Counts up when a service changes what it keeps: a file of another version is refused. */
const VERSION = 1
const FILE_NAME = 'checkpoint'
/** What passes without a call (a volume that becomes available) is kept at least this often. Real time. */
const INTERVAL_MS = 1_000

/** Services of one place, or those that all places share. */
export interface Group {
  /** E.g. `111122223333/eu-central-1`. */
  readonly name: string
  readonly durables: readonly Durable[]
}

export interface Checkpoint {
  readonly version: number
  /** Virtual time of the checkpoint: the clock goes on from here. */
  readonly nowMs: number
  /** Group → service → state. */
  readonly groups: ReadonlyMap<string, ReadonlyMap<string, unknown>>
}

/**
 * What an earlier process left in the folder; undefined when nothing did.
 * @throws Error for a checkpoint of another version
 */
export function readCheckpoint(directory: string): Checkpoint | undefined {
  const path = join(directory, FILE_NAME)
  if (!existsSync(path)) return undefined
  const saved = deserialize(readFileSync(path)) as Checkpoint
  if (saved.version !== VERSION)
    throw new Error(
      `${path} has version ${saved.version}, and this account reads version ${VERSION}: start with an empty folder.`,
    )
  return saved
}

/** Gives a group's services what a checkpoint has of them. */
export function restore(group: Group, { groups }: Checkpoint): void {
  const saved = groups.get(group.name)
  for (const durable of group.durables) {
    if (saved?.has(durable.name)) durable.restore(saved.get(durable.name))
  }
}

export interface CheckpointsOptions {
  /** Exists. */
  readonly directory: string
  readonly now: () => number
  readonly groups: () => readonly Group[]
}

/** Writes checkpoints while it is open. */
export class Checkpoints {
  readonly #options: CheckpointsOptions
  readonly #timer: NodeJS.Timeout
  #next: Promise<void> | undefined
  #written: Buffer | undefined

  constructor(options: CheckpointsOptions) {
    this.#options = options
    mkdirSync(options.directory, { recursive: true })
    this.#timer = setInterval(() => this.write(), INTERVAL_MS).unref()
  }

  /** Resolves when everything that has happened by now is on disk; calls that come together share one write. */
  kept(): Promise<void> {
    this.#next ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#next = undefined
        try {
          this.write()
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
    return this.#next
  }

  /** Writes a checkpoint now, unless nothing but the time has changed. */
  write(): void {
    const groups = new Map(
      this.#options
        .groups()
        .map(({ name, durables }) => [name, new Map(durables.map((durable) => [durable.name, durable.save()]))]),
    )
    const state = serialize(groups)
    if (this.#written?.equals(state)) return
    replaceFile(
      join(this.#options.directory, FILE_NAME),
      serialize({ version: VERSION, nowMs: this.#options.now(), groups } satisfies Checkpoint),
    )
    this.#written = state
  }

  /** Writes the last checkpoint. */
  close(): void {
    clearInterval(this.#timer)
    this.#written = undefined // the time is kept as well
    this.write()
  }
}

function replaceFile(path: string, content: Buffer): void {
  const draft = `${path}.new`
  const file = openSync(draft, 'w')
  try {
    for (let written = 0; written < content.length;) written += writeSync(file, content, written)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
}
