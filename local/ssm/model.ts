/** What Systems Manager remembers: plain data, which a saved account goes on with. */
import type { CommandInvocationStatus, Target } from '@aws-sdk/client-ssm'
import type { ShellStep } from './document-content.ts'

/** How one step of a document went on one node. */
export interface StepOutcome {
  readonly name: string
  status: CommandInvocationStatus
  statusDetails: string
  /** -1 until the script has ended. */
  responseCode: number
  stdout: string
  stderr: string
  startedAtMs?: number
  endedAtMs?: number
}

/** One command on one node. */
export interface Invocation {
  readonly commandId: string
  readonly instanceId: string
  /** As its Name tag was when the command was sent. */
  readonly instanceName: string
  status: CommandInvocationStatus
  statusDetails: string
  steps: StepOutcome[]
  /** The agent has reported how it ended, or nobody will. */
  isOver: boolean
  /** What the agent will report, when its script has ended. */
  report?: {
    readonly dueMs: number
    readonly status: CommandInvocationStatus
    readonly details: string
    readonly steps: StepOutcome[]
  }
}

export interface Command {
  readonly id: string
  readonly documentName: string
  readonly documentVersion: string
  readonly comment: string
  readonly parameters: Readonly<Record<string, string[]>>
  readonly targets: readonly Target[]
  /** As given by name; empty for a command by tags. */
  readonly instanceIds: readonly string[]
  readonly steps: readonly ShellStep[]
  readonly timeoutSeconds: number
  readonly maxConcurrency: string
  readonly maxErrors: string
  readonly requestedAtMs: number
  /** A command is not delivered any later: request + delivery timeout. */
  readonly deliverUntilMs: number
  /** An invocation that has not ended by then never will: request + delivery timeout + execution timeout. */
  readonly expiresAtMs: number
  readonly invocations: readonly Invocation[]
  isCancelled: boolean
  /** The status last told by an event. */
  toldStatus: string
}

/** An instance on which an agent has registered. */
export interface Node {
  readonly instanceId: string
  lastPingMs: number
  ipAddress: string
  computerName: string
  /** Its guest has ended in good order: the agent has said goodbye. */
  hasLeft: boolean
}

export interface DocumentVersion {
  readonly version: string
  readonly content: string
  readonly hash: string
  readonly createdMs: number
  readonly versionName?: string
}

export interface Document {
  readonly name: string
  readonly tags: Map<string, string>
  readonly versions: DocumentVersion[]
  defaultVersion: string
  /** Versions made so far: a number is not used again. */
  versionCount: number
}

export interface Parameter {
  readonly name: string
  readonly type: 'String' | 'StringList'
  readonly value: string
  readonly version: number
  readonly modifiedMs: number
  readonly description?: string
  readonly allowedPattern?: string
  /** `aws:ec2:image` is checked against the account's images by AWS; here it is text like any other. */
  readonly dataType: 'text'
}

export interface SsmState {
  readonly commands: Map<string, Command>
  readonly nodes: Map<string, Node>
  readonly documents: Map<string, Document>
  readonly parameters: Map<string, Parameter>
  /** Commands sent so far: the source of their ids. */
  commandCount: number
}

export const newState = (): SsmState => ({
  commands: new Map(),
  nodes: new Map(),
  documents: new Map(),
  parameters: new Map(),
  commandCount: 0,
})
