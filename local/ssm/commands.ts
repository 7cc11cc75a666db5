/** The commands of the account and the life of each invocation, from the request to the agent's report. */
import { createHash } from 'node:crypto'
import type { CommandInvocationStatus } from '@aws-sdk/client-ssm'
import type { Cancel, Clock } from '../clock.ts'
import type { CommandResult, GuestProcess } from '../guests/guests.ts'
import type { EmittedEvent } from '../wire/service.ts'
import type { AcceptedCommand } from './send-command.ts'

export interface SentCommand extends AcceptedCommand {
  readonly commandId: string
  readonly requestedAtMs: number
  /** An invocation that has not ended by then never will: request + delivery timeout + execution timeout. */
  readonly expiresAtMs: number
}

/** One command on one instance. */
export interface Invocation {
  readonly command: SentCommand
  readonly instanceId: string
  status: CommandInvocationStatus
  statusDetails: string
  /** -1 until the script has ended. */
  responseCode: number
  stdout: string
  stderr: string
  startedAtMs?: number
  endedAtMs?: number
}

interface CommandsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly emit: (event: EmittedEvent) => void
  /** The guest that an agent answers for now. */
  readonly nodeOf: (instanceId: string) => GuestProcess | undefined
}

/** Asked for any sooner, GetCommandInvocation answers InvocationDoesNotExist (AWS facts F). */
const VISIBLE_AFTER_MS = 300
/** From the request to the agent's start of the script, and from its end to the result in the API. */
const DELIVERY_MS = 800
const REPORT_MS = 500
/** How often a command is offered again to an instance that has gone since it was sent. */
const REDELIVERY_MS = 10_000
const SECOND_MS = 1000

export class Commands {
  readonly #options: CommandsOptions
  /** By command id and instance id, oldest first. */
  readonly #invocations = new Map<string, Invocation>()
  readonly #timers = new Map<Invocation, { next: Cancel; expiry: Cancel }>()
  readonly #running = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #count = 0

  constructor(options: CommandsOptions) {
    this.#options = options
  }

  send(accepted: AcceptedCommand): SentCommand {
    const { clock } = this.#options
    const requestedAtMs = clock.now()
    const lifeMs = (accepted.timeoutSeconds + accepted.executionTimeoutSeconds) * SECOND_MS
    const command = { ...accepted, commandId: this.#newId(), requestedAtMs, expiresAtMs: requestedAtMs + lifeMs }
    for (const instanceId of command.instanceIds) {
      const invocation: Invocation = {
        command,
        instanceId,
        status: 'Pending',
        statusDetails: 'Pending',
        responseCode: -1,
        stdout: '',
        stderr: '',
      }
      this.#invocations.set(keyOf(command.commandId, instanceId), invocation)
      this.#timers.set(invocation, {
        next: clock.after(DELIVERY_MS, () => this.#deliver(invocation)),
        // Nobody works towards an expiry, so it must not make an idle account jump to it.
        expiry: clock.after(lifeMs, () => this.#expire(invocation), { background: true }),
      })
    }
    return command
  }

  /** Undefined for one that was never sent, and for the first moment of one that was. */
  find(commandId: string, instanceId: string): Invocation | undefined {
    const invocation = this.#invocations.get(keyOf(commandId, instanceId))
    return invocation && this.#isVisible(invocation) ? invocation : undefined
  }

  /** Newest first. */
  all(): Invocation[] {
    return [...this.#invocations.values()].filter((invocation) => this.#isVisible(invocation)).toReversed()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const invocation of this.#timers.keys()) this.#cancelTimers(invocation)
    await Promise.all(this.#running)
  }

  #isVisible({ command }: Invocation): boolean {
    return this.#options.clock.now() >= command.requestedAtMs + VISIBLE_AFTER_MS
  }

  /** The same ids in every run, so that a run repeats exactly; in the form of a random UUID (version 4, variant 8). */
  #newId(): string {
    this.#count += 1
    const hash = createHash('sha256').update(
      `${this.#options.accountId} ${this.#options.region} command ${this.#count}`,
    )
    const hex = hash.digest('hex')
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join('-')
  }

  #deliver(invocation: Invocation): void {
    const { clock, nodeOf } = this.#options
    const guest = nodeOf(invocation.instanceId)
    const timers = this.#timers.get(invocation)
    if (!timers) return
    if (!guest) {
      timers.next = clock.after(REDELIVERY_MS, () => this.#deliver(invocation), { background: true })
      return
    }
    invocation.startedAtMs = clock.now()
    this.#change(invocation, 'InProgress')
    const run = this.#run(invocation, guest).finally(() => this.#running.delete(run))
    this.#running.add(run)
  }

  async #run(invocation: Invocation, guest: GuestProcess): Promise<void> {
    const { script, workingDirectory, executionTimeoutSeconds } = invocation.command
    let result: CommandResult
    try {
      result = await guest.run(script, {
        timeoutMs: executionTimeoutSeconds * SECOND_MS,
        signal: this.#closing.signal,
        ...(workingDirectory === undefined ? {} : { workingDirectory }),
      })
    } catch (error) {
      result = { stdout: '', stderr: `${String(error)}\n`, exitCode: 1, endedBy: 'exit' }
    }
    const timers = this.#timers.get(invocation)
    // Whoever would report the end of a script that ended with its machine has ended too: the invocation waits for its expiry.
    if (!timers || !guest.running) return
    invocation.endedAtMs = this.#options.clock.now()
    timers.next = this.#options.clock.after(REPORT_MS, () => this.#report(invocation, result))
  }

  #report(invocation: Invocation, { stdout, stderr, exitCode, endedBy }: CommandResult): void {
    this.#cancelTimers(invocation)
    invocation.responseCode = exitCode
    invocation.stdout = stdout
    invocation.stderr = exitCode === 0 ? stderr : `${stderr}failed to run commands: exit status ${exitCode}`
    if (endedBy === 'timeout') this.#change(invocation, 'TimedOut', 'ExecutionTimedOut')
    else this.#change(invocation, exitCode === 0 ? 'Success' : 'Failed')
  }

  #expire(invocation: Invocation): void {
    this.#cancelTimers(invocation)
    this.#change(invocation, 'TimedOut', 'DeliveryTimedOut')
  }

  #cancelTimers(invocation: Invocation): void {
    const timers = this.#timers.get(invocation)
    timers?.next()
    timers?.expiry()
    this.#timers.delete(invocation)
  }

  #change(invocation: Invocation, status: CommandInvocationStatus, statusDetails: string = status): void {
    const { accountId, region, emit } = this.#options
    invocation.status = status
    invocation.statusDetails = statusDetails
    emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      resources: [`arn:aws:ec2:${region}:${accountId}:instance/${invocation.instanceId}`],
      detail: {
        'command-id': invocation.command.commandId,
        'document-name': invocation.command.documentName,
        'instance-id': invocation.instanceId,
        'requested-date-time': new Date(invocation.command.requestedAtMs).toISOString(),
        status,
      },
    })
  }
}

const keyOf = (commandId: string, instanceId: string): string => `${commandId} ${instanceId}`
