/** The commands of the account and the life of each invocation, from the request to the agent's report. */
import { createHash } from 'node:crypto'
import type { CommandInvocationStatus } from '@aws-sdk/client-ssm'
import type { Cancel, Clock } from '../clock.ts'
import type { GuestProcess } from '../guests/guests.ts'
import type { EmittedEvent } from '../wire/service.ts'
import { concurrencyOf, errorCountOf, errorsAllowed, statusOf } from './command-status.ts'
import type { Command, Invocation, SsmState, StepOutcome } from './model.ts'
import type { Nodes } from './nodes.ts'
import { runSteps } from './run-steps.ts'
import type { AcceptedCommand } from './send-command.ts'

export interface CommandsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly emit: (event: EmittedEvent) => void
}

/** Asked for any sooner, GetCommandInvocation answers InvocationDoesNotExist (AWS facts F). */
const VISIBLE_AFTER_MS = 300
/** From the request to the agent's start of the script, and from its end to the result in the API. */
const DELIVERY_MS = 800
const REPORT_MS = 500
/** How often a command is offered again to an instance that does not take it. */
const REDELIVERY_MS = 10_000
const SECOND_MS = 1000

/** What runs of an invocation. */
interface Run {
  next: Cancel
  expiry: Cancel
  /** Kills its script. */
  readonly cancel: AbortController
}

const newStep = (name: string): StepOutcome => ({
  name,
  status: 'Pending',
  statusDetails: 'Pending',
  responseCode: -1,
  stdout: '',
  stderr: '',
})

export class Commands {
  readonly #options: CommandsOptions
  readonly #state: SsmState
  readonly #nodes: Nodes
  readonly #runs = new Map<Invocation, Run>()
  readonly #running = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: CommandsOptions, state: SsmState, nodes: Nodes) {
    this.#options = options
    this.#state = state
    this.#nodes = nodes
  }

  send({ recipients, ...accepted }: AcceptedCommand): Command {
    const requestedAtMs = this.#options.clock.now()
    const executionSeconds = accepted.steps.reduce((sum, { timeoutSeconds }) => sum + timeoutSeconds, 0)
    const deliverUntilMs = requestedAtMs + accepted.timeoutSeconds * SECOND_MS
    const id = this.#newId()
    const command: Command = {
      ...accepted,
      id,
      requestedAtMs,
      deliverUntilMs,
      expiresAtMs: deliverUntilMs + executionSeconds * SECOND_MS,
      isCancelled: false,
      toldStatus: 'Pending',
      invocations: recipients.map((instanceId) => ({
        commandId: id,
        instanceId,
        instanceName: this.#nodes.tagsOf(instanceId).get('Name') ?? '',
        status: 'Pending',
        statusDetails: 'Pending',
        isOver: false,
        steps: accepted.steps.map(({ name }) => newStep(name)),
      })),
    }
    this.#state.commands.set(id, command)
    this.#deliverMore(command)
    return command
  }

  /** Undefined for one that was never sent. */
  command(id: string): Command | undefined {
    return this.#state.commands.get(id)
  }

  /** Newest first. */
  all(): Command[] {
    return [...this.#state.commands.values()].toReversed()
  }

  /** Nobody sees an invocation in the first moment of its command. */
  isVisible({ requestedAtMs }: Command): boolean {
    return this.#options.clock.now() >= requestedAtMs + VISIBLE_AFTER_MS
  }

  /** Takes back what has not ended: what waits is cancelled at once, what runs when its agent has killed it. */
  cancel(command: Command, instanceIds: readonly string[]): void {
    const meant = command.invocations.filter(
      ({ instanceId, isOver }) => !isOver && (instanceIds.length === 0 || instanceIds.includes(instanceId)),
    )
    if (instanceIds.length === 0) command.isCancelled = true
    for (const invocation of meant) {
      const run = this.#runs.get(invocation)
      if (invocation.status === 'InProgress' && run) {
        this.#change(command, invocation, 'Cancelling')
        run.cancel.abort()
      } else this.#end(command, invocation, 'Cancelled')
    }
  }

  /** Goes on with the commands of a restored account: a script that ran has ended with its guest, and nobody reports it. */
  resume(): void {
    for (const command of this.#state.commands.values()) {
      for (const invocation of command.invocations) {
        if (invocation.isOver) continue
        if (invocation.report)
          this.#follow(command, invocation, invocation.report.dueMs, () => this.#report(command, invocation))
        else if (invocation.status === 'InProgress' || invocation.status === 'Cancelling')
          this.#follow(command, invocation)
      }
      this.#deliverMore(command)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const [invocation, { cancel }] of this.#runs) {
      this.#cancelTimers(invocation)
      cancel.abort()
    }
    await Promise.all(this.#running)
  }

  /** The same ids in every run, so that a run repeats exactly; in the form of a random UUID (version 4, variant 8). */
  #newId(): string {
    const { accountId, region } = this.#options
    this.#state.commandCount += 1
    const hex = createHash('sha256').update(`${accountId} ${region} command ${this.#state.commandCount}`).digest('hex')
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join('-')
  }

  /** Sends to as many at a time as MaxConcurrency says, until MaxErrors have failed. */
  #deliverMore(command: Command): void {
    const waiting = command.invocations.filter((one) => !one.isOver && !this.#runs.has(one))
    if (errorCountOf(command) > errorsAllowed(command)) {
      for (const invocation of waiting) this.#end(command, invocation, 'Cancelled', 'Terminated')
      return
    }
    const underWay = command.invocations.filter((one) => this.#runs.has(one)).length
    for (const invocation of waiting.slice(0, Math.max(0, concurrencyOf(command) - underWay)))
      this.#follow(command, invocation, this.#options.clock.now() + DELIVERY_MS, () =>
        this.#deliver(command, invocation),
      )
  }

  #follow(command: Command, invocation: Invocation, nextMs?: number, next?: () => void): void {
    const { clock } = this.#options
    const nowMs = clock.now()
    this.#runs.set(invocation, {
      next: nextMs === undefined || !next ? () => {} : clock.after(nextMs - nowMs, next),
      // Nobody works towards an expiry, so it must not make an idle account jump to it.
      expiry: clock.after(
        command.expiresAtMs - nowMs,
        () => this.#end(command, invocation, 'TimedOut', 'DeliveryTimedOut'),
        {
          background: true,
        },
      ),
      cancel: new AbortController(),
    })
  }

  #deliver(command: Command, invocation: Invocation): void {
    const { clock } = this.#options
    const run = this.#runs.get(invocation)
    if (!run || clock.now() >= command.deliverUntilMs) return
    const guest = this.#nodes.guestOf(invocation.instanceId)
    if (!guest) {
      if (invocation.status !== 'Delayed') this.#change(command, invocation, 'Delayed')
      run.next = clock.after(REDELIVERY_MS, () => this.#deliver(command, invocation), { background: true })
      return
    }
    this.#change(command, invocation, 'InProgress')
    const working = this.#run(command, invocation, guest, run).finally(() => this.#running.delete(working))
    this.#running.add(working)
  }

  async #run(command: Command, invocation: Invocation, guest: GuestProcess, run: Run): Promise<void> {
    const { clock } = this.#options
    const end = await runSteps(command.steps, guest, { clock, signal: run.cancel.signal, record: invocation.steps })
    // Whoever would report the end of a script that ended with its machine has ended too: the invocation waits for its expiry.
    if (this.#isClosed || this.#runs.get(invocation) !== run || !guest.running) return
    invocation.report = { ...end, dueMs: clock.now() + REPORT_MS }
    run.next = clock.after(REPORT_MS, () => this.#report(command, invocation))
  }

  #report(command: Command, invocation: Invocation): void {
    const { report } = invocation
    if (!report || invocation.isOver) return
    invocation.steps = report.steps
    delete invocation.report
    this.#end(command, invocation, report.status, report.details)
  }

  #end(command: Command, invocation: Invocation, status: CommandInvocationStatus, details: string = status): void {
    this.#cancelTimers(invocation)
    this.#runs.delete(invocation)
    invocation.isOver = true
    for (const step of invocation.steps)
      if (step.status === 'Pending' || step.status === 'InProgress')
        Object.assign(step, { status, statusDetails: details })
    this.#change(command, invocation, status, details)
    this.#deliverMore(command)
  }

  #cancelTimers(invocation: Invocation): void {
    const run = this.#runs.get(invocation)
    run?.next()
    run?.expiry()
  }

  #change(command: Command, invocation: Invocation, status: CommandInvocationStatus, details: string = status): void {
    const { accountId, region, emit } = this.#options
    invocation.status = status
    invocation.statusDetails = details
    const detail = {
      'command-id': command.id,
      'document-name': command.documentName,
      'requested-date-time': new Date(command.requestedAtMs).toISOString(),
    }
    emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      resources: [`arn:aws:ec2:${region}:${accountId}:instance/${invocation.instanceId}`],
      detail: { ...detail, 'instance-id': invocation.instanceId, status },
    })
    const whole = statusOf(command).status
    if (whole === command.toldStatus) return
    command.toldStatus = whole
    emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Status-change Notification',
      resources: [],
      detail: {
        ...detail,
        'expire-after': new Date(command.expiresAtMs).toISOString(),
        parameters: command.parameters,
        status: whole,
      },
    })
  }
}
